"""See from inside an app that its server begins to stop, so that streams end then and not later."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Final

# How many times to look for the server before it is clear that it is another than Hypercorn.
MOST_LOOKS: Final = 10


class ServerStop:
    """Looks for Hypercorn's stop, and calls `on_stop` when it begins.

    Hypercorn tells an app of it only after `graceful_timeout`, for which any open stream makes it
    wait. What can be seen from inside is the end of its own tasks that wait for the stop, whatever
    asked for that. With another server this finds nothing.
    """

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self._on_stop = on_stop
        self._server: set[asyncio.Task[object]] = set()
        self._looks_left = MOST_LOOKS

    def begin(self) -> None:
        """Look anew, as the app begins to serve."""
        self._server.clear()
        self._looks_left = MOST_LOOKS

    def server_runs(self) -> bool:
        """Look whether the server runs on, and see to it that its stop is noticed.

        To be called as each stream begins: a look is made only where none has found the server.
        """
        if self._server and not any(task.done() for task in self._server):
            return True
        if not self._server:
            if not self._looks_left:
                return True
            self._looks_left -= 1
        waits = getattr(sys.modules.get("hypercorn.utils"), "raise_shutdown", None)
        code = getattr(waits, "__code__", None)
        found = {
            task
            for task in asyncio.all_tasks()
            if code is not None and getattr(task.get_coro(), "cr_code", None) is code
        }
        for task in found - self._server:
            task.add_done_callback(lambda _: self._on_stop())
        stopped = bool(self._server) and not found
        self._server = found or self._server
        return not stopped
