"""Forms, read strictly: what can't be read is refused, whole."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from quart.formparser import FormDataParser
from quart.wrappers.request import Body
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from .multipart import Begin, StrictMultiPartParser

Parsed = tuple[MultiDict[Any, Any], MultiDict[Any, Any]]

URLENCODED = frozenset({"application/x-www-form-urlencoded", "application/x-url-encoded"})


class StrictFormParser(FormDataParser):
    """A parser that refuses what it can't read, where Quart's hands out an empty form.

    :ivar begin_part: begins a file on the disk, where files are to arrive there.
    """

    begin_part: Begin | None = None

    async def parse(
        self,
        body: Body,
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Parsed:
        self.silent = False
        try:
            if mimetype in URLENCODED:
                return await self._urlencoded(body)
            if mimetype == "multipart/form-data":
                form, files = await self._multipart(body, content_length, options or {})
            else:
                form, files = await super().parse(body, mimetype, content_length, options)
            if None in form or None in files:
                for _, file in files.items(multi=True):
                    file.close()
                raise ValueError("a part has no name")
            return form, files
        except UnicodeError as error:
            raise BadRequest("The form is not encoded in UTF-8.") from error
        except ValueError as error:
            raise BadRequest(f"The form can't be read: {error}.") from error

    async def _multipart(
        self, body: Body, content_length: int | None, options: dict[str, str]
    ) -> Parsed:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("it has no boundary")
        parser = StrictMultiPartParser(
            cls=self.cls or MultiDict,
            max_content_length=self.max_content_length,
            max_form_memory_size=self.max_form_memory_size,
            max_form_parts=self.max_form_parts,
            stream_factory=self.stream_factory,
        )
        parser.begin_part = self.begin_part
        return await parser.parse(body, boundary, content_length)

    async def _urlencoded(self, body: Body) -> Parsed:
        text = (await body).decode()
        if self.max_form_parts is not None and text.count("&") >= self.max_form_parts:
            raise RequestEntityTooLarge("The form has too many fields.")
        storage = self.cls or MultiDict
        return storage(parse_qsl(text, keep_blank_values=True, errors="strict")), storage()
