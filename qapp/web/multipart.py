"""Multipart forms, read strictly: one that is cut off or wrongly encoded is refused, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
)


class StrictMultiPartParser(MultiPartParser):
    """A parser that keeps nothing of a form that it can't read to its end.

    Quart's puts a replacement for bytes that are no text, and drops the fields that have not come.
    """

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
        text = bytearray()
        stream: IO[bytes] | None = None
        try:
            async for event in _events(decoder, body):
                if isinstance(event, Field):
                    part, text, stream = event, bytearray(), None
                elif isinstance(event, File):
                    part = event
                    stream = self.start_file_streaming(event, content_length or 0)
                    files.append(
                        FileStorage(stream, event.filename, event.name, headers=event.headers)
                    )
                elif isinstance(event, Data):
                    if stream is not None:
                        stream.write(event.data)
                        if not event.more_data:
                            stream.seek(0)
                        continue
                    text += event.data
                    limit = self.max_form_memory_size
                    if limit is not None and len(text) > limit:
                        raise RequestEntityTooLarge
                    if not event.more_data:
                        fields.append((part.name, text.decode(self.get_part_charset(part.headers))))
        except BaseException:  # a client that hangs up too
            for file in files:
                file.close()
            raise
        named: Any = [(file.name, file) for file in files]
        return self.cls(fields), self.cls(named)


async def _events(decoder: MultipartDecoder, body: Body) -> AsyncIterator[Event]:
    async for data in body:
        decoder.receive_data(data)
        while not isinstance(event := decoder.next_event(), NeedData):
            yield event
    decoder.receive_data(None)
    try:
        while not isinstance(event := decoder.next_event(), Epilogue):
            yield event
    except ValueError:
        raise ValueError("it is cut off") from None
