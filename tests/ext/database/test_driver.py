"""The driver: which SQLite library, and the one private hook of aiosqlite that we lean on."""

from __future__ import annotations

import ast
import asyncio
import inspect
import subprocess
import sys
import threading
from pathlib import Path

import aiosqlite  # noqa: TID251 - the pin is about the driver itself
import pytest

import qapp
from qapp.ext.database import DatabaseClosed, DatabaseFailure, driver

BROKEN = (
    "aiosqlite changed {name}, which qapp.ext.database.driver.Connection is built on; "
    "see that class before you allow this release in pyproject.toml"
)


def test_the_library_is_pysqlite3_where_it_is_installed() -> None:
    pytest.importorskip("pysqlite3")
    assert driver.sqlite.__name__ == "pysqlite3.dbapi2"
    assert driver.version == driver.sqlite.sqlite_version
    assert driver.warning() is None


def test_without_pysqlite3_the_standard_module_serves() -> None:
    program = (
        "import sys; sys.modules['pysqlite3'] = None\n"
        "from qapp.ext.database import driver\n"
        "print(driver.sqlite.__name__, driver.version == driver.sqlite.sqlite_version)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split() == ["sqlite3", "True"]


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 53, 4), True),
        ((3, 51, 3), True),
        ((3, 51, 2), False),
        ((3, 52, 0), True),
        ((3, 50, 7), True),
        ((3, 50, 6), False),
        ((3, 44, 6), True),
        ((3, 44, 5), False),
        ((3, 40, 1), False),
    ],
)
def test_a_version_with_the_wal_reset_bug_is_warned_of(
    version: tuple[int, ...], *, sound: bool
) -> None:
    warning = driver.warning(version)
    assert (warning is None) == sound
    if warning is not None:
        assert f"SQLite {'.'.join(map(str, version))} has the WAL-reset bug" in warning


def test_nothing_else_imports_a_sqlite_library() -> None:
    """Two libraries must not open one file: everything takes it from the driver's module.

    The tour's Flask originals run by themselves, on files of their own.
    """
    package = Path(qapp.__file__).parent
    for path in package.rglob("*.py"):
        if path == Path(driver.__file__) or path.is_relative_to(package / "tour" / "originals"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] not in {"sqlite3", "pysqlite3", "aiosqlite"}, path


async def test_aiosqlite_still_has_what_we_lean_on(tmp_path: Path) -> None:
    execute = getattr(aiosqlite.Connection, "_execute", None)
    assert execute is not None, BROKEN.format(name="Connection._execute")
    assert inspect.iscoroutinefunction(execute), BROKEN.format(name="Connection._execute")
    assert list(inspect.signature(execute).parameters) == ["self", "fn", "args", "kwargs"], (
        BROKEN.format(name="the parameters of Connection._execute")
    )
    connection = driver.Connection(str(tmp_path / "a.db"))
    for name in ("_thread", "_tx"):
        assert hasattr(connection, name), BROKEN.format(name=f"Connection.{name}")
    assert isinstance(connection._thread, threading.Thread), BROKEN.format(name="_thread")
    await connection.open()
    assert connection.raw is connection._conn, BROKEN.format(name="Connection._conn")
    assert type(connection.raw) is driver.sqlite.Connection
    ran_in = await connection._execute(threading.current_thread)  # type: ignore[no-untyped-call]
    assert ran_in is connection._thread, BROKEN.format(name="Connection._execute")
    stopped = connection.stop()
    assert isinstance(stopped, asyncio.Future), BROKEN.format(name="Connection.stop")
    await stopped
    connection._thread.join(5)
    assert not connection._thread.is_alive(), BROKEN.format(name="Connection.stop")


async def test_what_is_queued_runs_in_order_and_to_its_end(tmp_path: Path) -> None:
    """A cancelled caller takes nothing back: that is why each unit of work is one trip."""
    connection = driver.Connection(str(tmp_path / "a.db"))
    await connection.open()
    order: list[int] = []
    tasks = [asyncio.create_task(connection.run(order.append, i)) for i in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await connection.run(order.append, 3)
    await asyncio.wait(tasks)
    assert order == [0, 1, 2, 3], BROKEN.format(name="the order or the fate of queued work")
    connection.stop()
    connection.join()


async def test_a_closed_connection_says_so(tmp_path: Path) -> None:
    connection = driver.Connection(str(tmp_path / "a.db"))
    await connection.open()
    connection.stop()
    with pytest.raises(DatabaseClosed):
        await connection.run(print)
    connection.join()
    assert not connection._thread.is_alive()


async def test_an_error_of_the_work_is_its_own(tmp_path: Path) -> None:
    connection = driver.Connection(str(tmp_path / "a.db"))
    await connection.open()
    with pytest.raises(ValueError, match="invalid literal"):
        await connection.run(int, "x")
    connection.stop()
    connection.join()


async def test_a_connection_that_does_not_open_leaves_no_thread(tmp_path: Path) -> None:
    connection = driver.Connection(str(tmp_path / "missing" / "a.db"))
    with pytest.raises(DatabaseFailure, match="cannot open"):
        await connection.open()
    assert not connection._thread.is_alive()
