"""What workers have measured, shared by files: each writes its own, all read all.

A file is a ring of rows of numbers, one row a second, beside a lock that its process holds. It is
never synced: what it says is worth nothing once its process has ended, and then who reads next
removes it. A row is written before the head counts it, and what is read are fewer rows than the
ring has, so that no row is read while it changes. All of it blocks: for a thread.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from qapp.ext.locks import locked

from .figures import Layout

# Rows that are read, and in the ring: a reader has eight seconds for the others to go by.
KEPT = 121
RING = 129
# Version of the format, its columns' names, the process's id, when it began, rows written so far.
HEAD = struct.Struct("<8s16sQdQ")
VERSION = b"metrics1"
# More workers than this are not read; no machine runs so many.
MOST_TRACKS = 256


def _names_of(layout: Layout) -> bytes:
    names = [f"{family.name} {family.parts}" for family in layout.families]
    return hashlib.sha256("\n".join(names).encode()).digest()[:16]


class Track:
    """The last rows of one worker, oldest first.

    :ivar pid: its process's id.
    :ivar began_at: when it began to serve, in seconds since 1970.
    """

    def __init__(self, pid: int, began_at: float, numbers: array[float], width: int) -> None:
        self.pid = pid
        self.began_at = began_at
        self._numbers = numbers
        self._width = width

    def column(self, index: int) -> Sequence[float]:
        """Return one column of all rows."""
        return self._numbers[index :: self._width]

    def part(self, row: int, columns: range) -> Sequence[float]:
        """Return some columns of a row."""
        begin = row * self._width
        return self._numbers[begin + columns.start : begin + columns.stop]

    @property
    def last(self) -> Sequence[float]:
        """The newest row."""
        return self._numbers[-self._width :]

    @property
    def silent_s(self) -> float:
        """How old the newest row is."""
        return max(0.0, time.monotonic() - self.last[0])


class TrackFile:
    """The file of this process."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._width = layout.width
        self._head = (VERSION, _names_of(layout), os.getpid(), time.time())
        self._count = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock: IO[bytes] | None = None
        while self._lock is None:  # one that starts beside this may have taken it for a dead one's
            self._path = folder / f"{secrets.token_hex(8)}.rows"
            self._lock = locked(self._path.with_suffix(".lock"))
        self._file = self._path.open("xb", buffering=0)

    def write(self, row: Sequence[float]) -> None:
        """Add a row.

        :raises OSError: if the disk does not take it; what was written before stays readable.
        """
        place = HEAD.size + self._count % RING * self._width * 8
        self._file.seek(place)
        self._file.write(array("d", row).tobytes())
        self._file.seek(0)
        self._file.write(HEAD.pack(*self._head, self._count + 1))
        self._count += 1

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
        self._path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
        self._path.with_suffix(".lock").unlink(missing_ok=True)


def read_all(folder: Path, layout: Layout) -> list[Track]:
    """Read the files of all processes that live, in the order in which these began.

    Those of the dead are removed, those of another version of the app are passed over.
    """
    tracks = []
    for lock_path in sorted(folder.glob("*.lock"))[:MOST_TRACKS]:
        path = lock_path.with_suffix(".rows")
        with suppress(OSError):  # not written yet, or removed by its owner at this moment
            if not _is_left(path, lock_path) and (track := _read(path, layout)) is not None:
                tracks.append(track)
    return sorted(tracks, key=lambda track: (track.began_at, track.pid))


def _is_left(path: Path, lock_path: Path) -> bool:
    """Tell whether the owner of a file is no more; then remove it."""
    lock = locked(lock_path)
    if lock is None:
        return False
    path.unlink(missing_ok=True)
    lock.close()
    lock_path.unlink(missing_ok=True)
    return True


def _read(path: Path, layout: Layout) -> Track | None:
    content = path.read_bytes()
    if len(content) < HEAD.size:
        return None
    version, names, pid, began_at, count = HEAD.unpack_from(content)
    if version != VERSION or names != _names_of(layout) or not count:
        return None
    size = layout.width * 8
    numbers = array("d")
    for number in range(max(0, count - KEPT), count):
        begin = HEAD.size + number % RING * size
        numbers.frombytes(content[begin : begin + size])
    if len(numbers) != min(count, KEPT) * layout.width:
        return None
    return Track(pid, began_at, numbers, layout.width)
