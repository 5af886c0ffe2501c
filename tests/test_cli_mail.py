"""`qapp mail`: what waits is listed and shown, what was given up is tried anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qapp.cli import cli
from qapp.ext.database.driver import sqlite

CONTENT = b"Subject: Tea\r\nTo: a@example.org\r\n\r\nIt is ready.\r\n"
ROW = (
    "INSERT INTO outbox (message_id, subject, sender, recipients, options, content, created_ms,"
    " due_ms, tries, failed_ms, last_error)"
    " VALUES ('<1@x>', 'Tea', 'q@x', '[\"a@example.org\"]', '[[], []]', ?, 1, 1000, 3, ?, ?)"
)


@pytest.fixture
def run(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command where one message waits and one was given up."""
    shutil.copy(migrated, tmp_path / "qapp.db")
    with closing(sqlite.connect(str(tmp_path / "qapp.db"))) as connection:
        connection.execute(ROW, (CONTENT, None, None))
        connection.execute(ROW, (CONTENT, 2000, "550 nobody here"))
        connection.commit()
    monkeypatch.setenv("QAPP_INSTANCE_PATH", str(tmp_path))
    return lambda *words: CliRunner().invoke(cli, ["mail", *words])


def test_what_is_in_the_outbox_is_listed(run: Callable[..., Result]) -> None:
    assert run("list").output.splitlines() == [
        "1\t1970-01-01T00:00:01Z\ta@example.org\tTea\twaits",
        "2\t1970-01-01T00:00:01Z\ta@example.org\tTea\tgiven up: 550 nobody here",
    ]
    assert len(run("list", "--failed").output.splitlines()) == 1


def test_what_was_given_up_is_tried_anew(run: Callable[..., Result]) -> None:
    assert run("retry").output == "1 message will be tried anew.\n"
    assert run("list", "--failed").output == ""
    assert run("retry").output == "0 messages will be tried anew.\n"


def test_one_message_is_tried_anew(run: Callable[..., Result]) -> None:
    assert run("retry", "2").exit_code == 0
    assert run("list", "--failed").output == ""
    done = run("retry", "1")
    assert (done.exit_code, done.output) == (1, "Error: Message 1 was not given up.\n")


def test_a_message_is_shown_as_it_is_sent(run: Callable[..., Result]) -> None:
    shown = run("preview", "1").output
    assert "Subject: Tea" in shown
    assert "It is ready." in shown
    done = run("preview", "9")
    assert (done.exit_code, done.output) == (1, "Error: the outbox has no message 9\n")
