"""Break off connections whose clients take nothing of what they were sent.

    from quart import Quart
    from qapp.ext.unread import Unread

    app = Quart(__name__)
    Unread(app)

A server that has answered waits until the client has taken the answer, and Hypercorn waits for that
without a limit: who never reads keeps the connection and what was to be sent, long after the app
is done with it, and makes a stop take all of `graceful_timeout`.

So the connections that this process has accepted are looked at every few seconds. Where the kernel
holds something that the client has not acknowledged, and he has acknowledged nothing at all for
`UNREAD_TIMEOUT`, the connection is broken off; for who still sends on it, that is as if the client
had gone. While the server stops, the limit is `STOP_S`, and the time before the stop counts.

A client's kernel takes more only when it has room for a good part of what it can hold, some ten to
some hundred kB: who reads less than that within the limit counts as one who reads nothing.

Only Linux tells how far a client is: elsewhere this does nothing. Connections to others, by Unix
sockets, and by QUIC are left alone. It takes all servers of a process for one: when one stops, so
do all. Initialize it last: it looks for the server as soon as the app serves.

`UNREAD_TIMEOUT`: seconds without progress after which a connection is broken off: 30
"""

from __future__ import annotations

import array
import asyncio
import errno
import fcntl
import logging
import os
import resource
import socket
import struct
import sys
import termios
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from quart import Quart

from .stopping import ServerStop

log = logging.getLogger(__name__)

OPEN_FILES = Path("/proc/self/fd")
LOOK_S = 3.0
# The first looks come soon, and each after twice the time: who listens, and the server's own tasks,
# can't be seen before it begins, and no more once it stops.
FIRST_LOOK_S = 0.05
# While the server stops: who has taken nothing for so long holds it up no longer.
STOP_S = 8.0
LOOK_AT_STOP_S = 0.5
LOOKS_A_LIMIT = 4
FILES_A_TURN = 200
# Of Linux's struct tcp_info (since 4.1): how many bytes the other side has acknowledged so far.
ACKED = struct.Struct("@120xQ")
AT_ONCE = struct.pack("ii", 1, 0)  # a struct linger: what was not sent is forgotten at the close


class Held(NamedTuple):
    """What a client was seen not to take: so many bytes had been acknowledged, since that time."""

    acked: int
    since: float


class Unread:
    """Watches over the connections of a server's process, as long as an app is served in it."""

    def __init__(self, app: Quart | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Set the default of `UNREAD_TIMEOUT`; look at the connections while the app serves."""
        app.config.setdefault("UNREAD_TIMEOUT", 30)

        @app.while_serving
        async def watched() -> AsyncGenerator[None, None]:
            if sys.platform != "linux":
                yield
                return
            task = asyncio.create_task(Watch(app.config["UNREAD_TIMEOUT"]).run())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait([task])


class Watch:
    """Looks at the connections, until it is cancelled.

    :param timeout_s: what `UNREAD_TIMEOUT` is.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._stopping = asyncio.Event()
        self._stop = ServerStop(self._stopping.set)
        self._ports: set[int] = set()
        self._held: dict[tuple[int, int], Held] = {}
        self._unsent = array.array("i", [0])

    async def run(self) -> None:
        """Look, again and again: more often while the server stops."""
        wait_s = FIRST_LOOK_S
        is_failing = False
        while True:
            self._stop.server_runs()
            limit_s = self._timeout_s
            if self._stopping.is_set():
                limit_s = min(limit_s, STOP_S)
                await asyncio.sleep(min(LOOK_AT_STOP_S, limit_s / LOOKS_A_LIMIT))
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(wait_s, limit_s / LOOKS_A_LIMIT)):
                        await self._stopping.wait()
                wait_s = min(2 * wait_s, LOOK_S)
            try:
                await self.look(limit_s)
                is_failing = False
            except Exception:  # whatever it is: it is tried again and again, and told once
                if not is_failing:
                    log.exception("The connections can't be looked at")
                is_failing = True

    async def look(self, limit_s: float) -> None:
        """Look once; break off where nothing has been taken since a look at least so long ago."""
        now = asyncio.get_running_loop().time()
        held: dict[tuple[int, int], Held] = {}
        broken_off = 0
        for number, file in enumerate(open_files()):
            if number % FILES_A_TURN == 0:
                await asyncio.sleep(0)
            if not self._has_unsent(file):
                continue
            with suppress(OSError), borrowed(file) as connection:
                if not self._is_accepted(connection):
                    continue
                key, acked = (file, os.fstat(file).st_ino), acked_of(connection)
                before = self._held.get(key)
                if before is None or before.acked != acked:
                    held[key] = Held(acked, now)
                elif now - before.since < limit_s:
                    held[key] = before
                else:
                    break_off(connection)
                    broken_off += 1
        self._held = held
        if broken_off:
            log.info(
                "Broke off %d connections whose clients took nothing for %g s", broken_off, limit_s
            )

    def _has_unsent(self, file: int) -> bool:
        """Tell whether there is something that is not acknowledged; note who listens."""
        try:
            fcntl.ioctl(file, termios.TIOCOUTQ, self._unsent)
        except OSError as error:
            if error.errno == errno.EINVAL:  # what listens has nothing to send
                self._note_port(file)
            return False
        return self._unsent[0] > 0

    def _note_port(self, file: int) -> None:
        with suppress(OSError), borrowed(file) as listening:
            if listening.family in (socket.AF_INET, socket.AF_INET6):
                self._ports.add(listening.getsockname()[1])

    def _is_accepted(self, connection: socket.socket) -> bool:
        return (
            connection.family in (socket.AF_INET, socket.AF_INET6)
            and connection.type == socket.SOCK_STREAM
            and connection.getsockname()[1] in self._ports
        )


def open_files() -> Iterator[int]:
    """Return the numbers of the files that this process has open, as it goes through them."""
    try:
        folder = os.scandir(OPEN_FILES)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        # None is left to read the list with: then all numbers are taken.
        yield from range(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        return
    with folder:
        for entry in folder:
            yield int(entry.name)


@contextmanager
def borrowed(file: int) -> Iterator[socket.socket]:
    """Lend the socket that an open file is.

    :raises OSError: if it is none.
    """
    lent = socket.socket(fileno=file)
    try:
        yield lent
    finally:
        lent.detach()


def acked_of(connection: socket.socket) -> int:
    """Return how many bytes the other side of a TCP connection has acknowledged."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ACKED.size)
    acked: int = ACKED.unpack(info)[0]
    return acked


def break_off(connection: socket.socket) -> None:
    """End a connection under who uses it, who sees it broken; what was not sent is forgotten."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    connection.shutdown(socket.SHUT_RDWR)
