"""Turns of the event loop, in each of which so many tasks may go on."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Let a few tasks go on in each turn of the loop, and the others in the turns after it.

    Where many waits end at once, the loop would do all that is left to do for each before it reads
    again. Their clients, answered together, would ask together, and then wait together once more:
    waves, with nothing to do in between. With a few answers a turn, it reads between them.

    :param most: in a turn.
    """

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._is_renewed = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Go on in this turn if there is room in it, else in the first that has some."""
        loop = asyncio.get_running_loop()
        if not self._is_renewed:
            self._is_renewed = True
            loop.call_soon(self._renew)
        if self._left > 0:
            self._left -= 1
            return
        waiting = loop.create_future()
        self._waiting.append(waiting)
        await waiting

    def _renew(self) -> None:
        self._left = self._most
        while self._waiting and self._left > 0:
            waiting = self._waiting.popleft()
            if not waiting.done():  # who has been cancelled takes none
                waiting.set_result(None)
                self._left -= 1
        self._is_renewed = self._left < self._most
        if self._is_renewed:
            asyncio.get_running_loop().call_soon(self._renew)
