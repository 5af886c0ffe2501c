"""The real server for tests and benchmarks: Hypercorn with the site, on a free port of loopback."""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent
SITE = "qapp.asgi"
# As hypercorn.toml has errors and the site its requests: address, request, status, length, seconds.
ACCESS_LOG_FORMAT = '%(h)s "%(r)s" %(s)s %(b)s %(L)s'
ACCESS_LOG = ("--access-logfile", "-", "--access-logformat", ACCESS_LOG_FORMAT)
KEY = "a key for served tests, long enough"


class Server:
    """Hypercorn as an operator starts it, with an instance folder of its own.

    :param app: what is served, by default the site; it answers /readyz. For another, Hypercorn
        writes the line for each request that the site writes itself.
    :param settings: the site's settings, as QAPP_<NAME> without the prefix.
    """

    def __init__(self, folder: Path, *, workers: int = 2, app: str = SITE, **settings: str) -> None:
        self.folder = folder
        self.app = app
        self.workers = workers
        self.log_path = folder / "server.log"
        self.port = free_port()
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QAPP_")},
            "QAPP_INSTANCE_PATH": str(folder),
            "QAPP_SECRET_KEY": KEY,
            "QAPP_RATE_LIMITS": "off",
            **{f"QAPP_{name}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the site."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that the server has printed."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run the `qapp` command in the same instance and return what it prints."""
        return subprocess.run(
            [sys.executable, "-c", "from qapp.cli import main; main()", *arguments],
            cwd=ROOT,
            env=self._environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def start(self, *, ready_within_s: float = 60) -> Self:
        """Start the server and wait until all its workers are there and one is ready."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "hypercorn", "-c", "hypercorn.toml"),
                    *("--bind", f"127.0.0.1:{self.port}", "--workers", str(self.workers)),
                    *(() if self.app == SITE else ACCESS_LOG),
                    self.app,
                ],
                cwd=ROOT,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started = self.log.count("Running on")
        deadline = time.monotonic() + ready_within_s
        while self.log.count("Running on") < started + self.workers or not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server did not start:\n{self.log[-4000:]}")
            time.sleep(0.02)
        return self

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers."""
        if self.process is None:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [
            int(pid)
            for pid in children.split()
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def stop(self, *, within_s: float = 60) -> int:
        """Ask the server to stop as a service manager does, and return its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within_s)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the server and all its workers at once, with SIGKILL."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def server_with_user(
    folder: Path, *names: str, workers: int = 2, **settings: str
) -> Iterator[Server]:
    """Serve a fresh site that has some users, whose password is `PASSWORD`."""
    folder.mkdir(exist_ok=True)
    (folder / "qapp.db").write_bytes(database_with(*names))
    with Server(folder, workers=workers, **settings) as server:
        yield server


@functools.cache
def database_with(*names: str) -> bytes:
    """Make a database that has some users, once, as each command takes a second."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        for name in names:
            server.command("user", "add", name, stdin=f"{PASSWORD}\n")
        # Its connections are closed, so nothing of it is in a log beside it.
        return (Path(folder) / "qapp.db").read_bytes()


PASSWORD = "correct horse battery"
