"""Send a kept file, whole or in part."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from quart.wrappers.response import ResponseBody
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from qapp.ext.threads import OpenPool

READ_BYTES = 256 * 1024


class StoredBody(ResponseBody):
    """A file as the body of a Quart response; read in threads, a part at a time.

    :ivar size: of the whole file, in bytes; `begin` and `end` are what of it is sent.
    """

    def __init__(self, path: Path, size: int, pool: OpenPool) -> None:
        self.size = size
        self.begin = 0
        self.end = size
        self._path = path
        self._pool = pool
        self._file: IO[bytes] | None = None
        self._left = 0
        self._reading = threading.Lock()

    async def __aenter__(self) -> Self:
        self._file = await self._pool.run(self._path.open, "rb", buffering=0)
        if self.begin:
            await self._pool.run(self._file.seek, self.begin)
        self._left = self.end - self.begin
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        # A read whose caller was cancelled may still run: a closed descriptor's number is reused.
        if self._file is not None:
            with self._reading:
                self._file.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._file is None or not self._left:
            raise StopAsyncIteration
        data: bytes = await self._pool.run(self._read, self._file, min(READ_BYTES, self._left))
        if not data:
            raise StopAsyncIteration
        self._left -= len(data)
        return data

    def _read(self, file: IO[bytes], most_bytes: int) -> bytes:
        with self._reading:
            return b"" if file.closed else file.read(most_bytes)

    async def make_conditional(self, begin: int, end: int | None) -> int:
        """Send only the bytes from `begin` up to `end`; a negative `begin` counts from the end.

        :raises RequestedRangeNotSatisfiable: if the file has no such bytes.
        """
        begin = max(begin + self.size, 0) if begin < 0 else begin
        end = self.size if end is None else min(end, self.size)
        if not begin < end:
            raise RequestedRangeNotSatisfiable(self.size)
        self.begin, self.end = begin, end
        return self.size
