"""A file that is arriving."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path
from typing import IO

from qapp.ext.threads import BoundedPool

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# So much of the disk is left to the database, its log and all else.
SPARE_BYTES = 256 * 1024 * 1024


class StorageFull(Exception):
    """The disk has no room for a file; nothing of it was kept."""


class Part:
    """A file that is arriving. It is removed unless `Storage.keep` has taken it.

    :ivar file: for reading it again, in a thread: see `end`.
    :ivar size_bytes: how much has arrived.
    """

    def __init__(self, path: Path, pool: BoundedPool) -> None:
        self.path = path
        self.file: IO[bytes] = path.open("w+b", buffering=0)
        self.size_bytes = 0
        self.is_taken = False
        self._pool = pool
        # Who is cancelled leaves his job running: a file that it writes to must not be closed, or
        # the number of its descriptor may be another file's by then.
        self._writing = threading.Lock()

    async def write(self, data: bytes) -> None:
        """Append to the file.

        :raises StorageFull: if the disk has no room; PoolBusy, if too many write at once.
        """
        await self._pool.run(self._write, data)
        self.size_bytes += len(data)

    async def end(self) -> None:
        """Go back to the file's beginning, to read it."""
        await self._pool.run(self.file.seek, 0)

    def remove(self) -> None:
        """Close and remove the file. Blocks: for a thread."""
        with self._writing:
            self.file.close()
        self.path.unlink(missing_ok=True)

    def end_writing(self) -> None:
        """Sync and close the file. Blocks: for a thread."""
        with self._writing:
            os.fsync(self.file.fileno())
            self.file.close()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        if shutil.disk_usage(self.path.parent).free < SPARE_BYTES:
            raise StorageFull("the disk is nearly full")
        try:
            with self._writing:
                while rest:
                    rest = rest[self.file.write(rest) :]
        except OSError as error:
            if error.errno in FULL:
                raise StorageFull("the disk is full") from error
            raise
