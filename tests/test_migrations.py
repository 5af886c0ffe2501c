"""The migrations make what the models say, forth and back, with data, for several at once."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from qapp import migrations
from qapp.ext.database.driver import sqlite
from qapp.models import metadata

START = "import sys, pathlib, qapp.migrations as m; m.upgrade(pathlib.Path(sys.argv[1]))"


def schema(path: Path) -> dict[str, str]:
    connection = sqlite.connect(str(path))
    try:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_schema"
            " WHERE sql NOTNULL AND name NOT IN ('alembic_version', 'sqlite_sequence')"
        ).fetchall()
    finally:
        connection.close()
    return {name: re.sub(r"\s+", " ", sql).replace('"', "") for name, sql in rows}


def run(path: Path, *statements: str) -> list[tuple[object, ...]]:
    connection = sqlite.connect(str(path), isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys=ON")
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        return rows
    finally:
        connection.close()


def columns_of(sql: str) -> list[str]:
    """The parts of a CREATE TABLE in one order: a table and its migrated twin may differ in it."""
    parts, depth = [""], 0
    for character in sql[sql.index("(") + 1 : sql.rindex(")")]:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return sorted(part.strip() for part in parts)


def test_the_migrations_make_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    migrated, declared = tmp_path / "migrated.db", tmp_path / "declared.db"
    migrations.upgrade(migrated)
    engine = create_engine(f"sqlite:///{declared}", module=sqlite)
    metadata.create_all(engine)
    engine.dispose()

    left, right = schema(migrated), schema(declared)
    assert left.keys() == right.keys()
    for name in left:
        if left[name].startswith("CREATE TABLE") and "entries_search" not in name:
            assert columns_of(left[name]) == columns_of(right[name])
        else:
            assert left[name] == right[name]


def test_autogenerate_finds_nothing_to_change(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrations.upgrade(path)
    engine = create_engine(f"sqlite:///{path}", module=sqlite)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": migrations.include_name}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_up_down_and_up_again_with_data_in_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrations.upgrade(path)
    run(
        path,
        "INSERT INTO users VALUES (1, 'alice', 'x', 0)",
        "INSERT INTO logins VALUES ('l', 1, 0, 0, 0, 1)",
        "INSERT INTO entries (author_id, title, text, html, plain, created_at)"
        " VALUES (1, 'Tea', 'green', 'green', 'green', 0)",
        "INSERT INTO rate_limits VALUES ('k', 1)",
    )
    migrations.downgrade(path, "0001")
    assert run(path, "SELECT username FROM users") == [("alice",)]
    assert "entries" not in schema(path)
    migrations.upgrade(path)
    run(
        path,
        "INSERT INTO entries (author_id, title, text, html, plain, created_at)"
        " VALUES (1, 'Tea', 'green', 'green', 'green', 0)",
    )
    assert run(path, "SELECT rowid FROM entries_search WHERE entries_search MATCH 'green'") == [
        (1,)
    ]
    migrations.downgrade(path, "base")
    assert schema(path) == {}
    migrations.upgrade(path)
    assert migrations.current(path) == migrations.head()


def test_processes_that_start_together_neither_race_nor_fail(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.db"
    starters = [
        subprocess.Popen([sys.executable, "-c", START, str(path)], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for starter in starters:
        _, stderr = starter.communicate(timeout=60)
        assert (starter.returncode, stderr) == (0, b"")
    assert migrations.current(path) == migrations.head()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrations.upgrade(path)
    run(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(migrations.SchemaError, match="9999, which this version does not know"):
        migrations.upgrade(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("not a database, but long enough to be looked at as one" * 40)
    with pytest.raises(migrations.SchemaError, match="not a database"):
        migrations.upgrade(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(migrations.SchemaError, match="can't be made"):
        migrations.upgrade(tmp_path / "file" / "a.db")


def test_the_database_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.db"
    migrations.upgrade(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_two_apps_in_a_process_may_migrate_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.db" for number in range(8)]
    await asyncio.gather(*(asyncio.to_thread(migrations.upgrade, path) for path in paths))
    assert {migrations.current(path) for path in paths} == {migrations.head()}
