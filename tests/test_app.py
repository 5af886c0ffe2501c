"""The factory: importing does nothing, apps share nothing, and nothing outlives them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pkgutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from quart import Quart

import qapp
from qapp import create_app, migrations
from qapp.config import Settings
from qapp.ext.database.driver import sqlite
from qapp.extensions import db, hashing, rendering

from .conftest import KEY, Visitor
from .processes import PATIENCE_S, ROOT, environment

# Imports the modules that it is handed and prints what they did but read their own files.
IMPORTER = """
import importlib, os, sys, threading
def watch(event, args):
    if event == "open":
        path, mode, flags = args
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or sys.argv[1] in str(path):
            did.append(f"opened {path}")
    elif event in ACTS:
        did.append(f"{event} {args}")
ACTS = {
    "os.mkdir", "os.link", "os.rename", "os.remove", "socket.bind", "socket.connect",
    "sqlite3.connect", "subprocess.Popen", "os.fork", "_thread.start_new_thread",
}
did = []
sys.addaudithook(watch)
for name in sys.argv[2:]:
    importlib.import_module(name)
did += [f"started {thread}" for thread in threading.enumerate()[1:]]
print(*did, sep="\\n", end="")
"""


def module_names() -> Iterator[str]:
    """Yield the names of the site's modules but for what serves it, and what Alembic runs."""
    for module in pkgutil.walk_packages(qapp.__path__, "qapp."):
        if module.name != "qapp.asgi" and not module.name.endswith(".migrations.env"):
            yield module.name


def test_importing_opens_writes_and_starts_nothing(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    done = subprocess.run(
        [sys.executable, "-B", "-c", IMPORTER, str(instance), *module_names()],
        check=False,
        cwd=ROOT,
        # A wrong setting: whoever read the environment would refuse it.
        env=environment(instance, SECRET_KEY="short", NONSENSE="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not instance.exists()


def test_an_app_that_does_not_serve_has_opened_nothing(tmp_path: Path) -> None:
    threads = threading.enumerate()
    create_app(Settings(SECRET_KEY=KEY, INSTANCE_PATH=str(tmp_path / "instance")))
    assert not (tmp_path / "instance").exists()
    assert threading.enumerate() == threads


def test_without_a_key_the_one_kept_in_the_instance_folder_signs(tmp_path: Path) -> None:
    settings = Settings(INSTANCE_PATH=str(tmp_path))
    first, second = create_app(settings), create_app(settings)
    assert first.secret_key == second.secret_key == (tmp_path / "secret_key").read_text()


def test_without_settings_those_of_the_environment_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QAPP_INSTANCE_PATH", str(tmp_path))
    monkeypatch.setenv("QAPP_MAX_FORM_PARTS", "7")
    app = create_app()
    assert app.instance_path == str(tmp_path)
    assert app.config["MAX_FORM_PARTS"] == 7


def open_files(folder: Path) -> list[str]:
    """Return what this process has open below a folder."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:  # the one that lists the others
            continue
        if target.startswith(str(folder)):
            found.append(target)
    return found


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def threads_of_the_site(before: list[threading.Thread]) -> list[threading.Thread]:
    """Return the threads since `before` but for the loop's own, which its end ends."""
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and not thread.name.startswith("asyncio_")
    ]


async def test_after_a_stop_nothing_is_left(settings: Settings) -> None:
    folder = Path(str(settings.INSTANCE_PATH))
    threads, tasks = threading.enumerate(), asyncio.all_tasks()
    app = create_app(settings)
    async with app.test_app():
        alice = Visitor(app)
        await alice.register("alice")
        await alice.add("Tea")
        assert open_files(folder)
        assert threads_of_the_site(threads)
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert threads_of_the_site(threads) == []
    assert asyncio.all_tasks() == tasks
    assert open_files(folder) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    # The log was written back: the file alone is the database.
    assert names_in(folder) == ["files", "metrics", "qapp.db"]
    assert names_in(folder / "metrics") == []
    assert [path.name for path in (folder / "files").rglob("*")] == ["working"]


async def test_a_start_makes_the_folder_and_the_database_of_this_version(tmp_path: Path) -> None:
    settings = Settings(
        SECRET_KEY=KEY,
        INSTANCE_PATH=str(tmp_path / "new" / "instance"),
        TRUSTED_HOSTS=("localhost",),
        DATABASE_URL="sqlite:///sub/site.db",
    )
    app = create_app(settings)
    async with app.test_app():
        assert (await Visitor(app).get("/readyz")).status_code == 200
    path = tmp_path / "new" / "instance" / "sub" / "site.db"
    assert migrations.current(path) == migrations.head()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("fault", ["folder", "no database", "newer", "a folder"])
async def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "site.db"
    if fault == "folder":
        path.touch()
        path /= "site.db"
        reason = "can't be made"
    elif fault == "no database":
        path.write_text("not a database, but long enough to be looked at as one" * 40)
        reason = "not a database"
    elif fault == "newer":
        migrations.upgrade(path)
        connection = sqlite.connect(str(path))
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.close()
        reason = "which this version does not know"
    else:
        path.mkdir()
        reason = "there is no database at"
    threads, tasks = threading.enumerate(), asyncio.all_tasks()
    app = create_app(
        Settings(SECRET_KEY=KEY, INSTANCE_PATH=str(tmp_path), DATABASE_URL=f"sqlite:///{path}")
    )
    with pytest.raises(migrations.SchemaError, match=reason):
        await app.startup()
    assert threads_of_the_site(threads) == []
    assert asyncio.all_tasks() == tasks
    assert open_files(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.fixture
async def two(settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[Quart, Quart]]:
    """Two sites that serve at once, each with a database and a key of its own."""
    other = dataclasses.replace(
        settings,
        SECRET_KEY="another key, long enough to be one too",
        INSTANCE_PATH=str(tmp_path / "other"),
        REGISTRATION=True,
    )
    here, there = create_app(settings), create_app(other)
    async with here.test_app(), there.test_app():
        yield here, there


async def test_two_apps_at_once_do_not_mix(two: tuple[Quart, Quart]) -> None:
    here, there = (Visitor(app) for app in two)
    await asyncio.gather(here.register("alice"), there.register("alice"))

    async def write(visitor: Visitor, place: str) -> None:
        for number in range(10):
            form = {"title": f"{place} {number}", "text": place}
            assert (await visitor.post("/add", form)).status_code == 302

    await asyncio.gather(write(here, "here"), write(there, "there"))
    for visitor, own, foreign in ((here, "here", "there"), (there, "there", "here")):
        page = await visitor.text("/")
        assert f">{own} 9<" in page
        assert f">{foreign} 9<" not in page
        async with visitor.app.app_context():
            titles = {row.title for row in await db.fetch_all("SELECT title FROM entries")}
        assert titles == {f"{own} {number}" for number in range(10)}


async def test_a_login_at_one_app_is_none_at_another(two: tuple[Quart, Quart]) -> None:
    here, there = (Visitor(app) for app in two)
    await here.register("alice")
    there.client.cookie_jar = here.client.cookie_jar
    assert (await here.get("/account")).status_code == 200
    assert (await there.get("/account")).status_code == 302


async def test_one_app_serves_on_when_another_has_stopped(settings: Settings) -> None:
    app = create_app(settings)
    async with app.test_app():
        folder = Path(str(settings.INSTANCE_PATH)) / "other"
        other = create_app(dataclasses.replace(settings, INSTANCE_PATH=str(folder)))
        async with other.test_app():
            await Visitor(other).register("alice")
        bob = Visitor(app)
        await bob.register("bob")
        await bob.add("Still here")
        async with app.app_context():
            assert await hashing.run(len, "abc") == await rendering.run(len, "abc") == 3


async def test_sigterm_does_not_end_a_worker_that_serves(app: Quart) -> None:
    os.kill(os.getpid(), signal.SIGTERM)  # what Hypercorn does when another worker has ended
    assert (await Visitor(app).get("/healthz")).status_code == 200


async def test_a_servers_own_handling_of_sigterm_is_left_alone(settings: Settings) -> None:
    came = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, came.set)
    try:
        async with create_app(settings).test_app():
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                await came.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def test_an_app_serves_in_another_thread_too(settings: Settings) -> None:
    statuses = []

    async def serve() -> None:
        app = create_app(settings)
        async with app.test_app():
            statuses.append((await Visitor(app).get("/readyz")).status_code)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    thread.join(PATIENCE_S)
    assert statuses == [200]
