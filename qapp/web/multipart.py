"""Multipart forms, read strictly: one that is cut off or wrongly encoded is refused, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from typing import IO, Any

from quart.formparser import MultiPartParser
from quart.wrappers.request import Body
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    State,
)

from qapp.ext.storage import Part

Begin = Callable[[], Awaitable[Part]]
MOST_FILES = 5  # each is open until the last has come
# The decoder holds what is before a form and the head of a part until they end.
LONGEST_HEAD = 16 * 1024
HEADS = (State.PREAMBLE, State.PART)


class UploadedFile(FileStorage):
    """A file that has arrived on the disk, not in memory.

    :ivar part: what `Storage.keep` takes.
    """

    def __init__(self, part: Part, event: File) -> None:
        super().__init__(part.file, event.filename, event.name, headers=event.headers)
        self.part = part

    def close(self) -> None:
        """Leave it open: a thread may be writing to it. The end of the request closes it."""


def part_of(file: FileStorage) -> Part:
    """Return what an uploaded file is on the disk.

    :raises TypeError: if it is none that has arrived there: its view lacks `large_body`.
    """
    if not isinstance(file, UploadedFile):
        raise TypeError(f"{file!r} is not on the disk")
    return file.part


class StrictMultiPartParser(MultiPartParser):
    """A parser that keeps nothing of a form that it can't read to its end.

    Quart's puts a replacement for bytes that are no text, and drops the fields that have not come.

    :ivar begin_part: begins a file on the disk; without it, small ones are in memory.
    """

    begin_part: Begin | None = None

    async def parse(
        self, body: Body, boundary: bytes, content_length: int | None
    ) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        """Read a form.

        :raises ValueError: if it is none, or is cut off; UnicodeError, if a text is none.
        :raises RequestEntityTooLarge: if a text is too long, or there are too many parts.
        """
        decoder = MultipartDecoder(boundary, self.max_content_length, max_parts=self.max_form_parts)
        fields: list[tuple[str, str]] = []
        files: list[FileStorage] = []
        part: Field | File
        text, in_memory_bytes = bytearray(), 0
        stream: IO[bytes] | Part | None = None
        try:
            async for event in _events(decoder, body):
                if isinstance(event, Field):
                    part, text, stream = event, bytearray(), None
                elif isinstance(event, File):
                    part = event
                    if len(files) >= MOST_FILES:
                        raise RequestEntityTooLarge("The form has too many files.")
                    stream, file = await self._begin_file(event, content_length or 0)
                    files.append(file)
                elif isinstance(event, Data):
                    if isinstance(part, Field) or not part.filename:
                        in_memory_bytes += len(event.data)
                        limit = self.max_form_memory_size
                        if limit is not None and in_memory_bytes > limit:
                            raise RequestEntityTooLarge("The form has too much text.")
                    if stream is not None:
                        await _write(stream, event)
                        del event  # as in _events
                        continue
                    text += event.data
                    if not event.more_data:
                        fields.append((part.name, text.decode(self.get_part_charset(part.headers))))
        except BaseException:  # a client that hangs up too
            for file in files:
                file.close()
            raise
        named: Any = [(file.name, file) for file in files]
        return self.cls(fields), self.cls(named)

    async def _begin_file(
        self, event: File, content_length: int
    ) -> tuple[IO[bytes] | Part, FileStorage]:
        if not event.filename:  # what a browser sends where none was chosen
            stream: IO[bytes] = BytesIO()
        elif self.begin_part is not None:
            part = await self.begin_part()
            return part, UploadedFile(part, event)
        else:
            stream = self.start_file_streaming(event, content_length)
        return stream, FileStorage(stream, event.filename, event.name, headers=event.headers)


async def _write(stream: IO[bytes] | Part, event: Data) -> None:
    if isinstance(stream, Part):
        await stream.write(event.data)
        if not event.more_data:
            await stream.end()
    else:
        stream.write(event.data)
        if not event.more_data:
            stream.seek(0)


async def _events(decoder: MultipartDecoder, body: Body) -> AsyncIterator[Event]:
    async for data in body:
        start = 0
        while start < len(data):
            end = start + (LONGEST_HEAD if decoder.state in HEADS else 4 * LONGEST_HEAD)
            decoder.receive_data(data[start:end])
            start = end
            while not isinstance(event := decoder.next_event(), NeedData):
                yield event
            if decoder.state in HEADS and len(decoder.buffer) > LONGEST_HEAD:
                raise RequestEntityTooLarge("The head of a part is too long.")
        del data  # else it stays in memory until the next has come
    decoder.receive_data(None)
    try:
        while not isinstance(event := decoder.next_event(), Epilogue):
            yield event
    except ValueError:
        raise ValueError("it is cut off") from None
