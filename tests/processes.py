"""The real command and the real server, as processes of their own, and how to wait for things."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 90
ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sys.executable).parent


def wait_for(condition: Callable[[], T | None], what: str) -> T:
    """Return what a condition returns as soon as that is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return found


def environment(instance: Path, **settings: str) -> dict[str, str]:
    """Return this process's environment, with the settings of a site in `instance` and no other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QAPP_")}
    own = {f"QAPP_{name}": value for name, value in settings.items()}
    return {**kept, "QAPP_INSTANCE_PATH": str(instance), **own}


def run_qapp(
    instance: Path, *arguments: str, stdin: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the `qapp` command to its end."""
    return subprocess.run(
        [SCRIPTS / "qapp", *arguments],
        check=False,
        env=environment(instance, **settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


class Server:
    """A server that runs; what it wrote so far is in `out` and `err`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self._folder = folder

    @property
    def out(self) -> str:
        return (self._folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self._folder / "err").read_text()

    @property
    def url(self) -> str:
        """Where it listens, as soon as it says so."""

        def address() -> re.Match[str] | None:
            assert self.process.poll() is None, f"the server ended: {self.err}"
            return re.search(r"Running on (http://\S+)", self.err)

        return wait_for(address, "the server's address")[1]

    def get(self, path: str) -> tuple[int, dict[str, str], str]:
        """Return the status, the headers and the text of a page."""
        request = urllib.request.Request(self.url + path)  # noqa: S310 - http, from above
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310
                return response.status, dict(response.headers), response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read().decode()

    def stop(self) -> int:
        """Stop it as an operator does; return its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


@contextmanager
def started(folder: Path, command: list[str | Path], environ: dict[str, str]) -> Iterator[Server]:
    """Start a server; at the end nothing of it is left."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=out, stderr=err, start_new_session=True
        )
    try:
        yield Server(process, folder)
        process.terminate()
        process.wait(PATIENCE_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)


def hypercorn(*options: str) -> list[str | Path]:
    """Return the command of the README, but for the port, which is any that is free."""
    return [
        SCRIPTS / "hypercorn",
        "-c",
        ROOT / "hypercorn.toml",
        "-b",
        "127.0.0.1:0",
        *options,
        "qapp.asgi",
    ]
