"""The site's request: Quart's, with bodies that are refused when they can't be read."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any

from quart.formparser import FormDataParser
from quart.wrappers import Request as QuartRequest
from quart.wrappers.request import Body
from werkzeug.sansio.utils import get_host

from qapp.ext.storage import Part
from qapp.extensions import importing, storage

from . import strict_json
from .bodies import CountingBody, StreamedBody
from .formparser import StrictFormParser

API_PATH = "/api"  # there and below are programs, which read no pages
LARGE_JSON_BYTES = 64 * 1024  # of more, reading takes longer than a millisecond

STREAMED = "qapp.streamed_body"  # where a scope holds it
LABEL = "[a-z0-9-]{1,63}"
HOST = re.compile(rf"(?P<name>\[[0-9a-f:.]+\]|{LABEL}(\.{LABEL})*)(:[0-9]{{1,5}})?", re.IGNORECASE)


class Request(QuartRequest):
    """A request whose body and form are refused when they are too large or unreadable."""

    body_class: type[Body] = CountingBody
    form_data_parser_class = StrictFormParser

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Quart hands it to the body only, and asks the app's proxy for it each time.
        self.max_content_length = kwargs.get("max_content_length")
        self._parts: list[Part] = []
        body = self.scope.get("extensions", {}).get(STREAMED, {}).get("body")
        if body is not None:
            self.body = body
            self.body_timeout = body.timeout_s
            self.max_content_length = body.most_bytes

    def make_form_data_parser(self) -> FormDataParser:
        parser = super().make_form_data_parser()
        if isinstance(parser, StrictFormParser) and isinstance(self.body, StreamedBody):
            parser.begin_part = self._begin_part
        return parser

    @property
    def body_timeout(self) -> int | None:
        """How long the body may take, in seconds: None when it is here.

        Quart would start a task to wait for what is there, which takes longer than to read a form.
        """
        is_whole = isinstance(self.body, CountingBody) and self.body.is_whole
        return None if is_whole else self._body_timeout

    @body_timeout.setter
    def body_timeout(self, seconds: int | None) -> None:
        self._body_timeout = seconds

    @cached_property
    def blueprints(self) -> list[str]:
        """The names of the blueprints that the request is for, the innermost first."""
        return _blueprints_of(self.endpoint or "")

    async def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body's JSON; the API's is read strictly."""
        if is_of_api(self.path):
            data = await self.get_data(True, False, False)
            if len(data) > LARGE_JSON_BYTES:
                return await importing.run(strict_json.loads, data)
            return strict_json.loads(data)
        return await super().get_json(force, silent, cache)

    async def close(self) -> None:
        """Close the uploaded files, and remove those that nobody kept."""
        if isinstance(self.body, StreamedBody):
            self.body.leave()
        await super().close()
        await storage.discard(*self._parts)

    async def _begin_part(self) -> Part:
        part = await storage.begin()
        self._parts.append(part)
        return part

    @cached_property
    def host(self) -> str:
        """The host and port asked for; "" where that is no name, which `security` refuses.

        Werkzeug fails on some of these before any error handler could answer.
        """
        header = self.headers.get("Host")
        if header is not None:
            return _host_of(self.scheme, header)
        host: str = super().host
        return host if HOST.fullmatch(host) else ""


def is_of_api(path: str) -> bool:
    """Tell whether a path is one of the API, where all answers are for programs."""
    return path.startswith(API_PATH) and path[len(API_PATH) :][:1] in ("", "/")


@lru_cache(maxsize=1000)
def _blueprints_of(endpoint: str) -> list[str]:
    names = endpoint.split(".")[:-1]
    return [".".join(names[:count]) for count in range(len(names), 0, -1)]


@lru_cache(maxsize=100)
def _host_of(scheme: str, header: str) -> str:
    host = get_host(scheme, header)
    return host if HOST.fullmatch(host) else ""
