"""A backup: whole while others write, its owner's alone, never over something else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qapp.ext.database import DatabaseFailure, backup
from qapp.ext.database.backup import back_up
from qapp.ext.database.driver import sqlite
from tests.processes import PATIENCE_S, wait_for

# Writes pairs of rows, a pair a transaction, and says so after each commit.
WRITER = """
import sys
from qapp.ext.database.driver import sqlite
connection = sqlite.connect(sys.argv[1], isolation_level=None, timeout=60)
number = 0
while True:
    number += 1
    connection.execute("BEGIN IMMEDIATE")
    for side in "ab":
        row = (number, side, "x" * 500)
        connection.execute("INSERT INTO pairs VALUES (?, ?, ?)", row)
    connection.execute("COMMIT")
    print(number, flush=True)
"""


@contextmanager
def connected(path: Path) -> Iterator[Any]:
    connection = sqlite.connect(str(path), isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def rows_of(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with connected(path) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return rows


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "site.db"
    with connected(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE pairs (number INTEGER, side TEXT, weight TEXT)")
    return path


@contextmanager
def a_writer(path: Path) -> Iterator[Path]:
    """Run the writer; the file it writes the numbers of the committed pairs to."""
    said = path.with_name("said")
    with said.open("wb") as out:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=out)
    try:
        yield said
        assert writer.poll() is None, "the writer failed"
    finally:
        writer.kill()
        writer.wait(PATIENCE_S)


def committed(said: Path) -> int:
    """Return the number of the last pair that was said to be committed."""
    return said.read_bytes().count(b"\n")


def until_more_is_committed(said: Path, count: int) -> None:
    least = committed(said) + count
    wait_for(lambda: committed(said) >= least, "the writer to go on")


def test_a_copy_made_while_another_writes_has_all_that_was_committed_and_no_halves(
    source: Path, tmp_path: Path
) -> None:
    with a_writer(source) as said:
        for number in range(5):
            # More than a checkpoint's worth each time, so that the copy meets log and file.
            until_more_is_committed(said, 300)
            before = committed(said)
            target = tmp_path / f"copy-{number}.db"
            back_up(source, target)

            assert rows_of(target, "PRAGMA integrity_check") == [("ok",)]
            counts = rows_of(target, "SELECT count(*) FROM pairs GROUP BY number")
            assert set(counts) == {(2,)}
            assert len(counts) >= before
        until_more_is_committed(said, 1)


def test_a_writer_in_the_middle_of_a_transaction_does_not_keep_a_backup_waiting(
    source: Path, tmp_path: Path
) -> None:
    with connected(source) as writer:
        writer.execute("INSERT INTO pairs VALUES (1, 'a', '')")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO pairs VALUES (2, 'a', '')")
        back_up(source, tmp_path / "copy.db")
        writer.execute("INSERT INTO pairs VALUES (2, 'b', '')")
        writer.execute("COMMIT")
    assert rows_of(tmp_path / "copy.db", "SELECT number FROM pairs") == [(1,)]
    assert len(rows_of(source, "SELECT number FROM pairs")) == 3


def test_a_copy_is_its_owners_alone_and_nothing_else_is_left(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    before = os.umask(0)
    try:
        back_up(source, folder / "copy.db")
    finally:
        os.umask(before)
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert (folder / "copy.db").stat().st_mode & 0o777 == 0o600
    assert (folder / "copy.db").stat().st_nlink == 1


def faulty_source(path: Path, fault: str) -> Path:
    if fault == "a folder":
        path.mkdir()
    elif fault == "no database":
        path.write_text("not a database, but long enough to be looked at as one" * 40)
    elif fault == "damaged":
        with connected(path) as connection:
            connection.execute("CREATE TABLE t (x)")
            connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 50)
        content = path.read_bytes()
        path.write_bytes(content[:8192] + b"\xff" * 20_000 + content[28_192:])
    return path


@pytest.mark.parametrize("fault", ["missing", "a folder", "no database", "damaged"])
def test_a_source_that_is_no_database_is_refused_and_nothing_is_left(
    tmp_path: Path, fault: str
) -> None:
    source = faulty_source(tmp_path / "source.db", fault)
    (tmp_path / "backups").mkdir()
    with pytest.raises(DatabaseFailure) as refused:
        back_up(source, tmp_path / "backups" / "copy.db")
    assert str(refused.value).isprintable()
    assert list((tmp_path / "backups").iterdir()) == []
    assert fault != "missing" or not source.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link", "the source itself"])
def test_what_is_there_is_never_written_over(source: Path, tmp_path: Path, kind: str) -> None:
    target = source if kind == "the source itself" else tmp_path / "copy.db"
    if kind == "file":
        target.write_text("dear")
    elif kind == "folder":
        target.mkdir()
    elif kind == "link":
        target.symlink_to(tmp_path / "nothing")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DatabaseFailure, match=r"copy.db exists already|site.db exists already"):
        back_up(source, target)
    assert sorted(tmp_path.iterdir()) == before
    assert kind != "file" or target.read_text() == "dear"


def test_what_appears_during_the_copy_is_not_written_over(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, copy = tmp_path / "copy.db", backup._copy

    def copy_slowly(source: Path, unfinished: Path) -> None:
        copy(source, unfinished)
        target.write_text("dear")

    monkeypatch.setattr(backup, "_copy", copy_slowly)
    before = {*tmp_path.iterdir(), target}
    with pytest.raises(DatabaseFailure, match="exists already"):
        back_up(source, target)
    assert target.read_text() == "dear"
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("folder", ["missing", "site.db", "/proc"])
def test_a_folder_that_can_not_be_written_is_named(
    source: Path, tmp_path: Path, folder: str
) -> None:
    target = tmp_path / folder / "copy.db"
    with pytest.raises(DatabaseFailure, match=r"the backup failed: .*copy\.db"):
        back_up(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site.db"]


def test_a_name_that_is_too_long_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DatabaseFailure, match=r"the backup failed: .*File name too long"):
        back_up(source, tmp_path / ("x" * 300))


def test_a_full_disk_leaves_nothing(source: Path, tmp_path: Path) -> None:
    with connected(source) as connection:
        connection.executemany("INSERT INTO pairs VALUES (1, 'a', ?)", [("x" * 4000,)] * 1000)
    script = (
        "import pathlib, resource, signal, sys; from qapp.ext.database.backup import back_up;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000));"
        "back_up(*map(pathlib.Path, sys.argv[1:]))"
    )
    target = tmp_path / "backups" / "copy.db"
    target.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, source, target],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert "DatabaseFailure: the backup failed: " in done.stderr
    assert list(target.parent.iterdir()) == []
