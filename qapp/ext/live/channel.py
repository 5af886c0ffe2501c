"""The newest events of one channel, encoded once for all its readers."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reader import Reader

# Who comes back after a while gets what he missed in pieces: each is held in memory until sent.
EVENTS_A_PIECE = 64
BYTES_A_PIECE = 65536


class Channel:
    """What readers of a channel may still be told.

    :ivar floor: the newest event that is forgotten: who has not seen it has lost something.
    :ivar readers: who reads now.
    """

    def __init__(self, name: str, floor: int) -> None:
        self.name = name
        self.floor = floor
        self.readers: set[Reader] = set()
        self._numbers: list[int] = []
        self._frames: list[bytes] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost by forgetting the channel."""
        return not self.readers and not self._numbers

    def add(self, number: int, frame: bytes) -> None:
        """Keep an event; their numbers only grow."""
        self._numbers.append(number)
        self._frames.append(frame)

    def forget(self, number: int) -> None:
        """Drop the events up to `number`."""
        count = bisect_right(self._numbers, number)
        if count:
            self.floor = self._numbers[count - 1]
            del self._numbers[:count], self._frames[:count]

    def after(self, number: int) -> tuple[bytes, int]:
        """Return what came after `number`, or the first part of it, and the last one's number.

        b"" if nothing did.
        """
        begin = bisect_right(self._numbers, number)
        frames = self._frames[begin : begin + EVENTS_A_PIECE]
        if not frames:
            return b"", number
        if len(frames) > 1:
            sizes = accumulate(map(len, frames))
            del frames[max(1, sum(size <= BYTES_A_PIECE for size in sizes)) :]
        # One frame is not copied: thousands of readers share it.
        piece = frames[0] if len(frames) == 1 else b"".join(frames)
        return piece, self._numbers[begin + len(frames) - 1]
