"""What a worker does for all its readers: notice events, keep the newest, wake who waits."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Iterable
from contextlib import suppress

from quart import Quart

from qapp.ext.database import Database, DatabaseError
from qapp.ext.stopping import ServerStop

from . import queries, wire
from .channel import Channel
from .queries import Event
from .reader import Place, Reader

log = logging.getLogger(__name__)

# So many ids back from the newest, an event is still known; the table's trigger has the number too.
KEPT = 1000
# Readers told in one turn of the loop: between two turns the other requests have theirs.
READERS_A_TURN = 1000
# Events that come one after another are looked for together, so many seconds apart.
PAUSE_S = 0.02
# Signs of life are spread: each so many seconds, those whose turn it is.
HEART_S = 1.0
# How long a stop waits for the streams to end.
CLOSE_S = 5
LONGEST_ID = 19  # digits of the largest id that a database has


class Hub:
    """The channels of one app in this process, between `start` and `stop`.

    :ivar newest: the id of the newest event that was noticed.
    :ivar readers: how many read.
    :ivar promised: how many will, once the head of their answer has been sent.
    :ivar is_open: False from the moment when the server begins to stop.
    """

    def __init__(self, app: Quart, db: Database) -> None:
        self.newest = 0
        self.readers = 0
        self.promised = 0
        self.is_open = True
        self._app = app
        self._db = db
        self._floor = 0
        self._channels: dict[str, Channel] = {}
        self._stop = ServerStop(self.end)
        self._version: int | None = None
        self._woken = asyncio.Event()
        self._passes_writes = False
        self._looker: asyncio.Task[None] | None = None
        self._heart: asyncio.TimerHandle | None = None
        self._beats_owed = 0.0
        self._due: deque[Reader] = deque()
        # When each had the last sign of life; whose turn it is stands first.
        self._turns: OrderedDict[Reader, float] = OrderedDict()
        self._is_telling = False
        self._is_empty = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether there are as many readers, with those who will be, as may be."""
        most: int = self._app.config["LIVE_MOST_READERS"]
        return self.readers + self.promised >= most

    async def start(self) -> None:
        """Read the events that are kept, and begin to look for others.

        :raises DatabaseError: if they can't be read.
        """
        self._stop.begin()
        self.is_open = True
        self._woken = asyncio.Event()
        self._channels.clear()
        events = await queries.list_newest(self._db, after=0, limit=KEPT)
        self.newest = self._floor = events[0].id - 1 if events else 0
        self._take(events)
        self._looker = asyncio.create_task(self._look_on())
        self._looker.add_done_callback(_log_fault)
        self._beat_later()

    async def stop(self) -> None:
        """End the streams, and wait for that at most `CLOSE_S`."""
        self.end()
        if self._heart is not None:
            self._heart.cancel()
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.wait([self._looker])
        if self.readers:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._is_empty.wait()

    def end(self) -> None:
        """End all streams; their readers see a proper end."""
        self.is_open = False
        for channel in self._channels.values():
            for reader in channel.readers:
                reader.end()

    # --- Readers --------------------------------------------------------------------------------

    async def place(self, name: str, seen: str | None) -> Place:
        """Return where a reader of a channel begins who says that `seen` is what he saw last."""
        if not seen:
            return Place(self.newest)
        is_number = seen.isascii() and seen.isdigit() and len(seen) <= LONGEST_ID
        number = int(seen) if is_number else -1
        if number > self.newest:  # another worker may have told him what this one does not know
            await self.look()
        channel = self._channels.get(name)
        floor = self._floor if channel is None else channel.floor
        if floor <= number <= self.newest:
            return Place(number)
        return Place(self.newest, is_reset=True)

    def enter(self, reader: Reader, name: str) -> Channel | None:
        """Count a reader in, unless the server stops: then return None."""
        if not self.is_open or not self._stop.server_runs():
            return None
        channel = self._channel(name)
        channel.readers.add(reader)
        self._turns[reader] = asyncio.get_running_loop().time()
        self.readers += 1
        self._is_empty.clear()
        return channel

    def leave(self, reader: Reader, channel: Channel) -> None:
        """Count a reader out."""
        channel.readers.remove(reader)
        del self._turns[reader]
        if channel.is_idle:
            self._channels.pop(channel.name, None)
        self.readers -= 1
        if not self.readers:
            self._is_empty.set()

    def _channel(self, name: str) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name, self._floor)
        return channel

    def _beat_later(self) -> None:
        heartbeat_s = self._app.config["LIVE_HEARTBEAT_S"]
        wait_s = min(HEART_S, heartbeat_s)
        self._heart = asyncio.get_running_loop().call_later(
            wait_s, self._beat, wait_s / heartbeat_s
        )

    def _beat(self, share: float) -> None:
        heartbeat = wire.heartbeat(self.newest)
        heartbeat_s = self._app.config["LIVE_HEARTBEAT_S"]
        now = asyncio.get_running_loop().time()
        due = now - heartbeat_s * (1 - share)  # who is not told now would be too late at the next
        self._beats_owed += len(self._turns) * share
        for _ in range(len(self._turns)):
            reader, told_at = next(iter(self._turns.items()))
            if told_at > due and self._beats_owed < 1:
                break
            self._beats_owed = max(0.0, self._beats_owed - 1)
            self._turns[reader] = now
            self._turns.move_to_end(reader)
            reader.cut_off_if_stuck()
            reader.tell(heartbeat)
        self._beat_later()

    def _tell(self, readers: Iterable[Reader]) -> None:
        self._due.extend(readers)
        if self._due and not self._is_telling:
            self._tell_some()

    def _tell_some(self) -> None:
        for _ in range(min(READERS_A_TURN, len(self._due))):
            self._due.popleft().tell()
        self._is_telling = bool(self._due)
        if self._is_telling:
            asyncio.get_running_loop().call_soon(self._tell_some)

    # --- Events ---------------------------------------------------------------------------------

    def wake(self, *, passes_writes: bool = False) -> None:
        """Look at once, and not only at the next look, if anybody reads.

        :param passes_writes: whether the event's transaction may still be open.
        """
        if self.readers:
            self._passes_writes |= passes_writes
            self._woken.set()

    async def _look_on(self) -> None:
        poll_s: float = self._app.config["LIVE_POLL_S"]
        is_failing = False
        async with self._app.app_context():
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(poll_s):
                        await self._woken.wait()
                self._woken.clear()
                try:
                    if self._passes_writes:
                        self._passes_writes = False
                        await queries.pass_writes(self._db)
                    await self.look()
                    is_failing = False
                except DatabaseError as error:
                    if not is_failing:  # it is tried again and again
                        log.warning("Live: the events can't be read: %s", error)
                    is_failing = True
                await asyncio.sleep(min(PAUSE_S, poll_s))

    async def look(self) -> None:
        """Read the events that are new, if anything was committed since the last look."""
        version = await self._db.version()
        if version != self._version:
            self._take(await queries.list_newest(self._db, after=self.newest, limit=KEPT))
            self._version = version

    def _take(self, events: list[Event]) -> None:
        """Keep events and wake their readers; those that another look has taken are passed over."""
        before = self.newest
        events = [event for event in events if event.id > before]
        if not events:
            return
        self.newest = events[-1].id
        self._forget(self.newest - KEPT, is_gap=before < self.newest - KEPT)
        told = set()
        for event in events:
            if event.id > self._floor:
                channel = self._channel(event.channel)
                channel.add(event.id, wire.event(event.id, event.kind, event.data))
                told.add(channel)
        for channel in told:
            self._tell(channel.readers)

    def _forget(self, number: int, *, is_gap: bool) -> None:
        """Forget the events up to `number`.

        :param is_gap: whether some of them were never read: nobody knows in which channel.
        """
        self._floor = max(self._floor, number)
        for channel in tuple(self._channels.values()):
            channel.forget(number)
            if is_gap:
                channel.floor = self._floor
                self._tell(channel.readers)
            if channel.is_idle:
                del self._channels[channel.name]


def _log_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("Live: no more events are looked for", exc_info=fault)
