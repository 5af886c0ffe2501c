"""The servers that are compared: each in processes of its own, with the same entries."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from werkzeug.security import generate_password_hash

from qapp.ext.database.driver import sqlite
from qapp.tour.originals import flaskr
from tests.bench import pages
from tests.bench.compare.work import BARE, EMPTY, ENTRIES, FLASK, GRANIAN, QAPP, Visit
from tests.client import Client
from tests.processes import ROOT, SCRIPTS
from tests.serving import ACCESS_LOG, KEY, PASSWORD, Server, free_port

WORKERS = 2
THREADS = 8
PATIENCE_S = 90
USER = "alice"
# The same line is written on every side, to a file: by the site itself, else by the server.
GRANIAN_LOG_FORMAT = '%(addr)s "%(method)s %(path)s %(protocol)s" %(status)d - %(dt_ms).3f'
HYPERCORN = ["hypercorn", "-c", str(ROOT / "hypercorn.toml"), "--workers", str(WORKERS), "--bind"]
YARDSTICK = [*HYPERCORN[:-1], *ACCESS_LOG, "--bind"]
KEEP_ALIVE_S = 5
GUNICORN = [
    *("gunicorn", "--worker-class", "gthread", "--workers", str(WORKERS)),
    *("--threads", str(THREADS), "--keep-alive", str(KEEP_ALIVE_S), "--backlog", "2048"),
    *ACCESS_LOG,
    # Its file would lie in the home folder, where another gunicorn may have one.
    *("--no-control-socket", "--bind"),
]
GRANIAN_COMMAND = [
    *("granian", "--interface", "asgi", "--workers", str(WORKERS), "--loop", "uvloop"),
    *("--access-log", "--access-log-fmt", GRANIAN_LOG_FORMAT, "--host", "127.0.0.1", "--port"),
]
QAPP_SITE = "tests.bench.compare.qapp_site"
# Who has files of its own.
STORING = (QAPP, FLASK, GRANIAN, BARE)
FLASK_SITE = "tests.bench.compare.flask_site:create_app()"


class Side(NamedTuple):
    """A server that runs."""

    name: str
    port: int
    pid: int

    def rss_mb(self) -> float:
        """Return the resident memory of its workers together; what they share counts twice."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(_rss_kib(int(pid)) for pid in children if not _is_tracker(int(pid))) / 1024

    def page_bytes(self) -> int:
        """Return how long the front page is without a session."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("GET", "/")
            return len(connection.getresponse().read())

    def log_in(self) -> Visit:
        """Log in as the one user with a password."""
        client = asyncio.run(_logged_in(self.port))
        return Visit(client.cookie, client.token)


async def _logged_in(port: int) -> Client:
    client = await Client(port).log_in(USER)
    await client.request("GET", "/")  # shows the welcome, which then leaves the session
    client.close()
    return client


def _is_tracker(pid: int) -> bool:
    return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _rss_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0])


@contextmanager
def all_sides(
    folder: Path, names: set[str], tell: Callable[[str], None]
) -> Iterator[dict[str, Side]]:
    """Fill the databases and start the servers of these names; at the end kill them.

    The bare function sends what the site's front page is, so the site is always there.
    """
    places = {name: folder / name.replace(", ", "-").replace(" ", "-") for name in STORING}
    for place in places.values():
        place.mkdir()
    tell(f"making {ENTRIES:,} entries")
    site = Server(places[QAPP])
    site.command("demo", "--entries", str(ENTRIES), "--users", "10")
    site.command("user", "add", USER, stdin=f"{PASSWORD}\n")
    shutil.copytree(places[QAPP], places[GRANIAN], dirs_exist_ok=True)
    fill_flask(places[QAPP] / "qapp.db", places[FLASK] / "flaskr.sqlite")

    def site_in(name: str) -> dict[str, str]:
        own = {"INSTANCE_PATH": str(places[name]), "SECRET_KEY": KEY, "RATE_LIMITS": "off"}
        return {f"QAPP_{setting}": value for setting, value in own.items()}

    sides = {}
    with ExitStack() as stack:

        def start(name: str, command: Sequence[str], last: Sequence[str], **own: str) -> None:
            tell(f"starting {name}")
            sides[name] = stack.enter_context(served(name, folder, command, last, own))

        start(QAPP, HYPERCORN, [f"{QAPP_SITE}:create_app()"], **site_in(QAPP))
        if FLASK in names:
            flask = {"BENCH_FLASK_INSTANCE": str(places[FLASK]), "BENCH_FLASK_KEY": KEY}
            start(FLASK, GUNICORN, [FLASK_SITE], **flask)
        if GRANIAN in names:
            start(
                GRANIAN,
                GRANIAN_COMMAND,
                ["--factory", f"{QAPP_SITE}:create_app"],
                **site_in(GRANIAN),
            )
        if EMPTY in names:
            start(EMPTY, YARDSTICK, ["tests.bench.yardsticks:app"])
        if BARE in names:
            page = pages.front_page(sides[QAPP].port)
            source = pages.BARE.format(size=page.size, headers=page.headers)
            (places[BARE] / "bare.py").write_text(source)
            start(BARE, YARDSTICK, ["bare:app"], PYTHONPATH=str(places[BARE]))
        yield sides


def fill_flask(source: Path, target: Path) -> None:
    """Make the original's database of the site's: the same entries, and the user."""
    schema = Path(flaskr.__file__).with_name("schema.sql").read_text()
    with closing(sqlite.connect(str(target))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # is kept in the file
        connection.executescript(schema)
        connection.execute("ATTACH ? AS site", (str(source),))
        for table in ("users", "entries"):
            names = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
            columns = ", ".join(names)
            # Names of the schema above, not of anybody else.
            connection.execute(
                f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM site.{table}"  # noqa: S608
            )
        connection.execute(
            "UPDATE main.users SET password_hash = ? WHERE username = ?",
            (generate_password_hash(PASSWORD), USER),
        )
        connection.commit()


@contextmanager
def served(
    name: str, folder: Path, command: Sequence[str], last: Sequence[str], own: dict[str, str]
) -> Iterator[Side]:
    """Start a server on a free port, wait until all workers are there; at the end kill it.

    :param command: without the port, which is what comes next.
    :param last: what comes after the port.
    :param own: its environment, beside this one's.
    :raises RuntimeError: if it does not start, with what it wrote.
    """
    port = free_port()
    address = str(port) if command[-1] == "--port" else f"127.0.0.1:{port}"
    environ = {key: value for key, value in os.environ.items() if not key.startswith("QAPP_")}
    environ |= own
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), own.get("PYTHONPATH")]))
    log_path = folder / f"{name}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [SCRIPTS / command[0], *command[1:], address, *last],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    side = Side(name, port, process.pid)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(port) or side.rss_mb() == 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start:\n{log_path.read_text()[-4000:]}")
            time.sleep(0.1)
        yield side
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    return False
