"""The `qapp` command: each of its commands, and faults told in one line."""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import re
import shutil
import signal
import subprocess
import termios
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from quart import current_app

from qapp import create_app, migrations
from qapp.accounts.service import verify_password
from qapp.api import published
from qapp.cli import cli
from qapp.config import Settings
from qapp.ext.database.driver import sqlite
from qapp.extensions import db

from .conftest import PASSWORD
from .processes import PATIENCE_S, ROOT, SCRIPTS, environment, run_qapp, started, wait_for
from .test_migrations import schema

WEAK = ["", "short", "x" * 1025]


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The instance folder of the commands that run in this process."""
    for name in [name for name in os.environ if name.startswith("QAPP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("QAPP_INSTANCE_PATH", str(tmp_path))
    return tmp_path


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    """Run a command in this process; what it raises but for an exit fails the test."""
    return CliRunner().invoke(cli, arguments, input=stdin, catch_exceptions=False)


def is_one_line(result: Result) -> bool:
    """Tell whether a command failed with one line on the standard error."""
    return (
        result.exit_code == 1
        and result.stdout == ""
        and re.fullmatch(r"Error: .+\n", result.stderr) is not None
    )


def rows_of(instance: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite.connect(str(instance / "qapp.db"))
    try:
        rows: list[tuple[object, ...]] = connection.execute(sql).fetchall()
        return rows
    finally:
        connection.close()


def test_the_help_names_every_command_and_needs_no_settings(tmp_path: Path) -> None:
    done = run_qapp(tmp_path / "instance", "--help", NONSENSE="1")
    assert (done.returncode, done.stderr) == (0, "")
    for name in (
        *("run", "shell", "routes", "settings", "openapi"),
        *("demo", "db", "user", "token", "contact"),
    ):
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)
    assert not (tmp_path / "instance").exists()


@pytest.mark.parametrize("command", [[], ["db"], ["user"], ["user", "add"], ["nonsense"]])
def test_a_wrong_use_shows_the_right_one(instance: Path, command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    assert not list(instance.iterdir())


def test_the_version_is_the_sites(instance: Path) -> None:
    assert re.fullmatch(r"qapp, version \d+\.\d+\.\d+\n", run("--version").stdout)


def test_settings_lists_every_setting_with_all_that_is_known_of_it(instance: Path) -> None:
    result = run("settings")
    assert result.exit_code == 0
    blocks = re.split(r"^(?=QAPP_)", result.stdout, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(fields(Settings))
    for field, block in zip(fields(Settings), blocks, strict=True):
        assert block.splitlines() == [
            f"QAPP_{field.name}",
            f"    {field.metadata['meaning']}",
            f"    default: {field.metadata['shown']}",
            f"    allowed: {field.metadata['kind'].allowed}",
        ]


def test_settings_are_listed_also_when_one_is_wrong(tmp_path: Path) -> None:
    done = run_qapp(tmp_path, "settings", NONSENSE="1")
    assert done.returncode == 0
    assert "QAPP_SECRET_KEY\n" in done.stdout


def test_routes_are_listed(instance: Path) -> None:
    assert re.search(r"^blog\.index +GET +/ *$", run("routes").stdout, re.MULTILINE)


def test_the_document_of_the_api_is_written(instance: Path, tmp_path: Path) -> None:
    copy = published.PATH.read_text()
    assert run("openapi", "-").stdout == copy
    file = tmp_path / "document.json"
    assert run("openapi", str(file)).output == ""
    assert file.read_text() == copy
    assert cli.commands["openapi"].params[0].default == str(published.PATH)


def test_a_document_that_can_not_be_written_is_one_line(instance: Path, tmp_path: Path) -> None:
    result = run("openapi", str(tmp_path / "missing" / "document.json"))
    assert is_one_line(result)
    assert "missing" in result.stderr


def test_a_shell_has_the_app(tmp_path: Path) -> None:
    script = "from quart import current_app\nprint('at', current_app.instance_path)\n"
    done = run_qapp(tmp_path, "shell", stdin=script)
    assert done.returncode == 0
    assert f"at {tmp_path}" in done.stdout


async def count_users() -> None:
    """Tell of the site that a command runs in."""
    count = await db.fetch_value("SELECT COUNT(*) FROM users")
    click.echo(f"{current_app.name} {count}")


async def fail() -> None:
    """Fail as a command may."""
    raise ValueError("no users")


def test_a_command_of_the_site_may_be_a_coroutine(instance: Path) -> None:
    try:
        cli.command("count-users")(count_users)
        cli.command("fail")(fail)
        assert run("count-users").stdout == "qapp 0\n"
        assert is_one_line(run("fail"))
    finally:
        del cli.commands["count-users"], cli.commands["fail"]


@pytest.mark.parametrize(
    ("work", "status", "told"), [(count_users, 0, "qapp 0\n"), (fail, 1, "Error: no users\n")]
)
def test_a_command_of_the_app_may_be_a_coroutine(
    instance: Path, work: Callable[[], Awaitable[None]], status: int, told: str
) -> None:
    app = create_app()
    app.cli.command("work")(work)
    result = app.test_cli_runner().invoke(args=["work"])
    assert (result.exit_code, result.output) == (status, told)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_serves_until_it_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    command: list[str | Path] = [SCRIPTS / "qapp", "run", "--port", "0"]
    with started(tmp_path, command, environment(tmp_path)) as server:
        assert server.get("/healthz")[::2] == (200, "ok\n")
        assert server.get("/readyz")[0] == 200
        os.killpg(server.process.pid, number)  # Ctrl+C reaches the worker too
        assert server.process.wait(PATIENCE_S) == 0
        assert re.search(r'"GET /healthz 1\.1" 200 3 \d\.\d+', server.out)
        assert "Traceback" not in server.err


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package, to be changed; PYTHONPATH for it."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "qapp", source / "qapp", ignore=shutil.ignore_patterns("vendor"))
    return source


def test_run_debug_starts_anew_when_a_file_changes(tmp_path: Path, copied: Path) -> None:
    command: list[str | Path] = [SCRIPTS / "qapp", "run", "--debug", "--port", "0"]
    environ = {**environment(tmp_path), "PYTHONPATH": str(copied)}
    with started(tmp_path, command, environ) as server:
        assert server.get("/healthz")[::2] == (200, "ok\n")
        status = copied / "qapp" / "status" / "views.py"
        status.write_text(status.read_text().replace('"ok\\n"', '"changed\\n"'))
        later = time.time() + 10
        os.utime(status, (later, later))
        wait_for(lambda: server.err.count("Running on") == 2, "the second start")
        assert server.get("/healthz")[::2] == (200, "changed\n")
        first, second = re.findall(r"\[(\d+)\] \[INFO\] Running on", server.err)
        assert first != second


def test_run_says_in_one_line_that_its_port_is_taken(tmp_path: Path) -> None:
    command: list[str | Path] = [SCRIPTS / "qapp", "run", "--port", "0"]
    with started(tmp_path, command, environment(tmp_path)) as server:
        port = server.url.rpartition(":")[2]
        done = run_qapp(tmp_path, "run", "--port", port)
    assert done.returncode == 1
    assert re.fullmatch(rf"Error: 127\.0\.0\.1:{port}: .*Address already in use\n", done.stderr)


def test_run_debug_is_refused_on_a_public_site(tmp_path: Path) -> None:
    done = run_qapp(tmp_path, "run", "--debug", "--port", "0", TRUSTED_HOSTS="example.org")
    assert done.returncode == 1
    assert re.fullmatch(r"qapp: QAPP_DEBUG shows the program to visitors; .*\n", done.stderr)


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_run_takes_a_port_only(instance: Path, port: str) -> None:
    assert run("run", "--port", port).exit_code == 2


def test_the_schema_goes_up_and_down(instance: Path) -> None:
    def current() -> str:
        return run("db", "current").stdout

    path = instance / "qapp.db"
    revisions = [found.revision for found in reversed(migrations.history())]
    assert current() == "empty\n"
    assert not path.exists()
    assert run("db", "upgrade").exit_code == 0
    assert current() == f"{migrations.head()}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert run("db", "downgrade").exit_code == 0
    assert run("db", "downgrade", "-1").exit_code == 0
    assert current() == f"{revisions[-3]}\n"
    assert run("db", "upgrade", "+1").exit_code == 0
    assert current() == f"{revisions[-2]}\n"
    assert run("db", "downgrade", "base").exit_code == 0
    assert current() == "empty\n"
    assert run("db", "upgrade", "0002").exit_code == 0
    assert current() == "0002\n"


def test_each_step_of_the_schema_is_told(instance: Path) -> None:
    revisions = [found.revision for found in reversed(migrations.history())]
    up = run("db", "upgrade").stdout.splitlines()
    steps = [f"{before} → {after}" for before, after in itertools.pairwise(["empty", *revisions])]
    assert [line.partition("  ")[0] for line in up[::2]] == steps
    assert up[0].endswith("  Users, and the logins that the server can end.")
    assert up[1::2] == [f"{step}  done" for step in steps]
    down = run("db", "downgrade", "base").stdout.splitlines()
    assert down[-2].startswith("0001 → empty  Users")
    assert down[-1] == "0001 → empty  done"
    assert run("db", "upgrade").stdout.splitlines() == up
    assert run("db", "upgrade").stdout == ""


def test_a_migration_is_told_before_it_runs(instance: Path) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if line.startswith("0002 → 0003"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrations.upgrade(instance / "qapp.db", tell=tell)
    assert told[-2:] == ["0001 → 0002  done", f"0002 → 0003  {migrations.find('0003').text}"]
    assert rows_of(instance, "SELECT name FROM sqlite_schema") == []


def test_the_sql_of_the_migrations_makes_what_they_make(instance: Path, migrated: Path) -> None:
    def made_by(script: str) -> dict[str, str]:
        with closing(sqlite.connect(str(target), isolation_level=None)) as connection:
            connection.executescript(script)
        return schema(target)

    target = instance / "made.db"
    head = migrations.head()
    up = run("db", "upgrade", "--sql").stdout
    assert not (instance / "qapp.db").exists()
    assert made_by(up) == schema(migrated)
    assert migrations.current(target) == head
    down = run("db", "downgrade", "--sql", f"{head}:0001").stdout
    again = run("db", "upgrade", "--sql", f"0001:{head}").stdout
    assert "users" not in {sql.split()[2] for sql in again.split(";") if "CREATE TABLE" in sql}
    assert "entries" not in made_by(down)
    assert migrations.current(target) == "0001"
    assert made_by(again) == schema(migrated)


def test_a_downgrade_as_sql_needs_to_know_from_where(tmp_path: Path) -> None:
    done = run_qapp(tmp_path, "db", "downgrade", "--sql")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "qapp: downgrade with --sql requires <fromrev>:<torev>\n"


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("0002:0004", ["0004", "0003", "0002"]),
        (":0002", ["0002", "0001"]),
        (":current", ["0003", "0002", "0001"]),
        ("current:0005", ["0005", "0004", "0003"]),
    ],
)
def test_some_of_the_migrations_are_listed(instance: Path, asked: str, listed: list[str]) -> None:
    run("db", "upgrade", "0003")
    lines = run("db", "history", "-r", asked).stdout.splitlines()
    assert [line.split()[0] for line in lines] == listed


def test_a_range_that_is_none_is_refused(instance: Path) -> None:
    assert run("db", "history", "-r", "0002").exit_code == 2


def test_the_migrations_are_listed_and_shown(instance: Path) -> None:
    run("db", "upgrade", "0002")
    lines = run("db", "history").stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(
        (found.revision for found in migrations.history()), reverse=True
    )
    assert [line[:4] for line in lines if line.endswith("  ← the database")] == ["0002"]
    assert run("db", "heads").stdout.split()[0] == migrations.head()
    shown = run("db", "show", "0001").stdout
    assert "0001_accounts.py" in shown.splitlines()[0]
    assert 'revision = "0001"' in shown
    assert f'revision = "{migrations.head()}"' in run("db", "show").stdout


def test_a_stamp_changes_nothing_but_the_revision(instance: Path) -> None:
    run("db", "upgrade")
    assert run("db", "stamp", "0001").exit_code == 0
    assert run("db", "current").stdout == "0001\n"
    assert run("db", "stamp").exit_code == 0
    assert run("db", "check").stdout == "The models and the database agree.\n"


def test_a_stamp_forgets_a_revision_that_nobody_knows(tmp_path: Path, migrated: Path) -> None:
    shutil.copy(migrated, tmp_path / "qapp.db")
    with closing(sqlite.connect(str(tmp_path / "qapp.db"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'unknown'")
        connection.commit()
    assert run_qapp(tmp_path, "db", "stamp").returncode == 1
    done = run_qapp(tmp_path, "db", "stamp", "--purge")
    assert (done.returncode, done.stderr) == (0, "")
    assert migrations.current(tmp_path / "qapp.db") == migrations.head()


def test_a_check_fails_where_the_models_say_something_else(instance: Path) -> None:
    run("db", "upgrade", "0002")
    run("db", "stamp", "head")
    done = run("db", "check")
    assert done.exit_code == 1
    assert "rate_limits" in done.output
    assert "qapp db migrate" in done.output


def test_a_database_that_is_behind_is_not_checked(tmp_path: Path) -> None:
    run_qapp(tmp_path, "db", "upgrade", "0002")
    done = run_qapp(tmp_path, "db", "check")
    assert (done.returncode, done.stderr) == (1, "qapp: Target database is not up to date.\n")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["db", "stamp", "nonsense"], "Can't locate revision identified by 'nonsense'"),
        (["db", "show", "nonsense"], "Can't locate revision identified by 'nonsense'"),
        (["db", "upgrade", "nonsense"], "Can't locate revision identified by 'nonsense'"),
        (["db", "downgrade", "nonsense"], "Can't locate revision identified by 'nonsense'"),
        (["db", "downgrade", "-99"], "Relative revision -99 didn't produce 99 migrations"),
    ],
)
def test_a_revision_that_is_none_is_one_line(
    tmp_path: Path, migrated: Path, command: list[str], line: str
) -> None:
    shutil.copy(migrated, tmp_path / "qapp.db")
    done = run_qapp(tmp_path, *command)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"qapp: {line}\n")


@pytest.mark.parametrize("command", [["downgrade"], ["backup", "copy.db"]])
def test_without_a_database_none_is_made(tmp_path: Path, command: list[str]) -> None:
    done = run_qapp(tmp_path, "db", *command)
    assert done.returncode == 1
    assert done.stderr == f"qapp: there is no database at {tmp_path}/qapp.db\n"
    assert not (tmp_path / "qapp.db").exists()


Qapp = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def qapp_db(tmp_path: Path, copied: Path) -> Qapp:
    """Run `qapp db` in the copy of the package."""
    environ = {**environment(tmp_path), "PYTHONPATH": str(copied), "EDITOR": "echo"}
    return lambda *arguments: subprocess.run(
        [SCRIPTS / "qapp", "db", *arguments],
        check=False,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize("options", [[], ["--autogenerate"]])
def test_a_new_migration_is_written(
    tmp_path: Path, copied: Path, qapp_db: Qapp, options: list[str]
) -> None:
    models = copied / "qapp" / "models.py"
    column = 'Column("motto", Text),\n    Column("password_hash"'
    models.write_text(models.read_text().replace('Column("password_hash"', column))
    qapp_db("upgrade")
    path = Path(qapp_db("revision", "-m", "Add a motto", *options).stdout.strip())
    assert path.parent == copied / "qapp" / "migrations" / "versions"
    assert path.name.endswith("_add_a_motto.py")
    assert ("motto" in path.read_text().partition("def upgrade")[2]) == bool(options)
    assert qapp_db("edit").stdout == f"{path}\n"
    assert qapp_db("upgrade").returncode == 0
    columns = [row[1] for row in rows_of(tmp_path, "PRAGMA table_info (users)")]
    assert ("motto" in columns) == bool(options)
    assert qapp_db("downgrade").returncode == 0
    assert qapp_db("current").stdout == f"{migrations.head()}\n"


def test_branches_are_told_and_joined(tmp_path: Path, copied: Path, qapp_db: Qapp) -> None:
    newest = migrations.head()
    first, *_ = migrations.find(newest).source.partition("def upgrade")
    before = re.findall(r'down_revision = "(\w+)"', first)[0]
    qapp_db("upgrade")
    assert qapp_db("branches").stdout == ""
    written = qapp_db("revision", "--rev-id", "aside", "--head", before, "--splice")
    assert Path(written.stdout.strip()).name == "aside_.py", "a message is not needed"
    assert {line.split()[0] for line in qapp_db("heads").stdout.splitlines()} == {newest, "aside"}
    assert qapp_db("branches").stdout.endswith(f"  → {newest}, aside\n")
    refused = qapp_db("upgrade")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("join them by qapp db merge heads\n")
    assert "Traceback" not in refused.stderr
    written = qapp_db("merge", "heads", "-m", "Join both", "--rev-id", "joined")
    assert Path(written.stdout.strip()).name == "joined_join_both.py"
    up = qapp_db("upgrade")
    assert (up.returncode, up.stderr) == (0, "")
    assert up.stdout.splitlines()[-1].endswith(" → joined  done")
    assert qapp_db("current").stdout == "joined\n"


def test_a_backup_is_a_new_file(tmp_path: Path, migrated: Path) -> None:
    shutil.copy(migrated, tmp_path / "qapp.db")
    target = tmp_path / "copy.db"
    done = run_qapp(tmp_path, "db", "backup", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert migrations.current(target) == migrations.head()
    assert target.stat().st_mode & 0o777 == 0o600
    done = run_qapp(tmp_path, "db", "backup", str(target))
    assert (done.returncode, done.stderr) == (1, f"qapp: {target} exists already\n")


def test_users_are_added_listed_changed_and_deleted(tmp_path: Path) -> None:
    """One user's life, by the real command."""

    def qapp(*arguments: str, stdin: str = "") -> str:
        done = run_qapp(tmp_path, "user", *arguments, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert qapp("list") == ""
    assert qapp("add", "alice", stdin=f"{PASSWORD}\n") == ""
    assert re.fullmatch(r"alice\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", qapp("list"))
    ((before,),) = rows_of(tmp_path, "SELECT password_hash FROM users")
    assert verify_password(str(before), PASSWORD)
    assert qapp("passwd", "ALICE", stdin="another password\r\n") == ""
    ((after,),) = rows_of(tmp_path, "SELECT password_hash FROM users")
    assert verify_password(str(after), "another password")
    assert qapp("delete", "alice", "--yes") == ""
    assert qapp("list") == ""


def test_a_changed_password_ends_every_login(instance: Path) -> None:
    run("user", "add", "alice", stdin=PASSWORD)
    connection = sqlite.connect(str(instance / "qapp.db"), isolation_level=None)
    connection.execute("INSERT INTO logins VALUES ('here', 1, 0, 0, 9, 1)")
    connection.close()
    assert run("user", "passwd", "alice", stdin="another password").exit_code == 0
    assert rows_of(instance, "SELECT * FROM logins") == []


def test_a_deleted_user_takes_the_entries_along(instance: Path) -> None:
    run("user", "add", "alice", stdin=PASSWORD)
    run("user", "add", "bob", stdin=PASSWORD)
    connection = sqlite.connect(str(instance / "qapp.db"), isolation_level=None)
    connection.executemany(
        "INSERT INTO entries (author_id, title, text, html, plain, created_at)"
        " VALUES (?, 't', 't', 't', 't', 0)",
        [(1,), (2,)],
    )
    connection.close()
    assert run("user", "delete", "Alice", "--yes").exit_code == 0
    assert rows_of(instance, "SELECT username FROM users") == [("bob",)]
    assert rows_of(instance, "SELECT author_id FROM entries") == [(2,)]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nobody_is_deleted_without_a_yes(instance: Path, answer: str) -> None:
    run("user", "add", "alice", stdin=PASSWORD)
    assert run("user", "delete", "alice", stdin=answer).exit_code == 1
    assert len(rows_of(instance, "SELECT * FROM users")) == 1


@pytest.mark.parametrize(
    "name", ["", "ab", "x" * 33, "a b", "al\nice", "älice", "alice\n", "-ab c"]
)
def test_a_bad_name_is_refused(instance: Path, name: str) -> None:
    result = run("user", "add", "--", name, stdin=PASSWORD)
    assert is_one_line(result)
    assert "3 to 32 letters" in result.stderr
    assert not list(instance.iterdir()), "it was refused too late"


@pytest.mark.parametrize("password", WEAK)
@pytest.mark.parametrize("command", ["add", "passwd"])
def test_a_bad_password_is_refused(instance: Path, command: str, password: str) -> None:
    result = run("user", command, "alice", stdin=f"{password}\n")
    assert is_one_line(result)
    assert "8 to 1024 characters" in result.stderr
    assert not password or password not in result.stderr


def test_a_password_that_is_not_utf_8_is_refused(instance: Path) -> None:
    result = run("user", "add", "alice", stdin=b"\xff" * 12)
    assert is_one_line(result)
    assert "UTF-8" in result.stderr


def test_spaces_belong_to_a_password(instance: Path) -> None:
    assert run("user", "add", "alice", stdin="  a password \r\n").exit_code == 0
    ((password_hash,),) = rows_of(instance, "SELECT password_hash FROM users")
    assert verify_password(str(password_hash), "  a password ")


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_a_name_that_is_taken_is_refused(instance: Path, name: str) -> None:
    assert run("user", "add", "alice", stdin=PASSWORD).exit_code == 0
    result = run("user", "add", name, stdin=PASSWORD)
    assert is_one_line(result)
    assert f"There is a user {name} already" in result.stderr


@pytest.mark.parametrize("command", [["passwd", "nobody"], ["delete", "nobody", "--yes"]])
def test_an_unknown_name_is_refused(instance: Path, command: list[str]) -> None:
    result = run("user", *command, stdin=PASSWORD)
    assert is_one_line(result)
    assert "There is no user nobody" in result.stderr


class Terminal:
    """A command at a terminal of its own, and what stands on its screen."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self.screen = ""

    def _read(self) -> bool:
        try:
            self.screen += os.read(self._terminal, 4096).decode()
        except BlockingIOError:
            pass
        except OSError:  # the command has ended
            return False
        return True

    def answer(self, prompt: str, text: str) -> None:
        """Wait for a prompt and type a line."""
        seen = self.screen.count(prompt)
        wait_for(lambda: self._read() and self.screen.count(prompt) > seen, f"“{prompt}”")
        os.write(self._terminal, f"{text}\n".encode())

    def end(self) -> int:
        """Wait for the command's end and return its exit status."""
        wait_for(lambda: not self._read(), "the command's end")
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """`qapp user add alice` at a terminal."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    process = subprocess.Popen(
        [SCRIPTS / "qapp", "user", "add", "alice"],
        env=environment(tmp_path),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        os.close(ours)


def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.answer("Password: ", PASSWORD)
    terminal.answer("Repeat for confirmation: ", "another password")
    terminal.answer("Password: ", PASSWORD)
    terminal.answer("Repeat for confirmation: ", PASSWORD)
    assert terminal.end() == 0
    assert "do not match" in terminal.screen
    assert PASSWORD not in terminal.screen
    assert "another" not in terminal.screen
    ((password_hash,),) = rows_of(tmp_path, "SELECT password_hash FROM users")
    assert verify_password(str(password_hash), PASSWORD)


def test_at_a_terminal_a_bad_password_is_refused(terminal: Terminal) -> None:
    terminal.answer("Password: ", "short")
    terminal.answer("Repeat for confirmation: ", "short")
    assert terminal.end() == 1
    assert "Error: A password has 8 to 1024 characters." in terminal.screen
    assert "Traceback" not in terminal.screen


def test_at_a_terminal_nothing_is_done_after_an_interrupt(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.answer("Password: ", "\x03")
    assert terminal.end() == 1
    assert "Aborted!" in terminal.screen
    assert not (tmp_path / "qapp.db").exists()


def test_the_demo_fills_the_database(tmp_path: Path) -> None:
    for count in (30, 60):
        done = run_qapp(tmp_path, "demo", "--entries", "30", "--users", "5")
        assert (done.returncode, done.stderr) == (0, "")
        assert rows_of(tmp_path, "SELECT count(*) FROM entries") == [(count,)]
    assert rows_of(tmp_path, "SELECT count(*) FROM users") == [(5,)]


@pytest.mark.parametrize("options", [["--users", "0"], ["--users", "100001"], ["--entries", "-1"]])
def test_the_demo_refuses_what_it_can_not_make(instance: Path, options: list[str]) -> None:
    assert run("demo", *options).exit_code == 2
    assert not list(instance.iterdir())


def test_the_demo_says_in_one_line_that_it_has_no_users(instance: Path) -> None:
    run("demo", "--entries", "0", "--users", "1")
    connection = sqlite.connect(str(instance / "qapp.db"), isolation_level=None)
    connection.execute("UPDATE users SET password_hash = 'a real one'")
    connection.close()
    result = run("demo", "--entries", "3", "--users", "1")
    assert result.exit_code == 1
    assert result.stderr == "Error: entries need users\n"


@pytest.mark.parametrize(
    "command", [["user", "list"], ["demo"], ["db", "upgrade"], ["db", "current"]]
)
def test_a_file_that_is_no_database_is_one_line(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "qapp.db").write_text("not a database, but long enough to be one" * 40)
    done = run_qapp(tmp_path, *command)
    assert done.returncode == 1
    assert done.stderr == f"qapp: {tmp_path}/qapp.db: file is not a database\n"
