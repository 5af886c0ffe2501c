"""One request's share of Sijax: what the app registers for it, and how it is answered."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import quote

from quart import Response, copy_current_request_context, current_app, g, request
from quart.datastructures import FileStorage
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import ServiceUnavailable

from qapp.ext.csrf import CSRFProtect, generate_csrf
from qapp.ext.csrf_signing import csrf_config

from . import wire
from .calls import fits
from .exception import InvalidCall, SijaxError
from .registry import Callback, Registered, Registry, checked
from .responses import BaseResponse, Call
from .streams import Limits, Send, Stream, Streams


class SijaxRequest(Registry):
    """What `g.sijax` is: Sijax for the request that is answered, and for no other."""

    PARAM_REQUEST: ClassVar = wire.PARAM_REQUEST
    PARAM_ARGS: ClassVar = wire.PARAM_ARGS

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self._streams = streams
        self._data: Mapping[str, Any] | None = None if _may_be_upload() else MultiDict()
        self._is_loaded = False
        self._request_uri: str | None = None

    async def load(self) -> Self:
        """Read the form of the request, for views that may get files and lack `sijax.route`."""
        if self._is_loaded:
            return self
        self._data = await request.form
        for name, file in (await request.files).items(multi=True):
            twin = FileStorage(file.stream, file.filename, file.name, headers=file.headers)
            self._files.add(name, twin)
        self._is_loaded = True
        return self

    @property
    def is_sijax_request(self) -> bool:
        """Whether the request calls a function.

        :raises SijaxError: if only its form could tell, which was not read: see `load`.
        """
        data = self.get_data()
        return self.PARAM_REQUEST in data and self.PARAM_ARGS in data

    @property
    def is_our_client(self) -> bool:
        """Whether `sijax.js` of this extension sent the request, and not that of Sijax 0.3."""
        return wire.CLIENT_HEADER in request.headers

    @property
    def requested_function(self) -> str | None:
        """The name of the function that is called, registered or not."""
        return self.get_data().get(self.PARAM_REQUEST)

    @property
    def request_args(self) -> list[Any]:
        """The arguments from the browser; none if they are no JSON list, or too long."""
        return self._read_args() or []

    def set_data(self, data: Mapping[str, Any]) -> Self:
        """Take these values for the form's."""
        self._data = data
        return self

    def get_data(self) -> Mapping[str, Any]:
        """Return the form's values.

        :raises SijaxError: if they were not read: see `load`.
        """
        if self._data is None:
            raise SijaxError(
                "the form of a request with files is not read yet: declare the view by "
                "sijax.route(), or await g.sijax.load() first"
            )
        return self._data

    def set_request_uri(self, uri: str) -> Self:
        """Let the page send its requests there; without, they go to the address it has."""
        self._request_uri = uri
        return self

    def set_json_uri(self, uri: str) -> Self:
        """Do nothing: every browser has JSON now. Kept for code that calls it."""
        return self

    def get_js(self, nonce: str | None = None) -> str:
        """Return what the page's script has to know, as JSON for an attribute.

        Put it as it is, escaped by the template, into the content of a `<meta name="sijax">`: an
        inline script, as Sijax 0.3 made of it, is what a good Content-Security-Policy forbids. It
        holds a CSRF token, so the page is for this visitor only.

        :param nonce: the policy's nonce, which `script` commands need.
        :raises SijaxError: if there is no request URI.
        :raises RuntimeError: if the app has no secret key, and CSRF tokens are checked.
        """
        if self._request_uri is None:
            self._request_uri = _uri_of_request()
        if not self._request_uri:
            raise SijaxError("there is no request URI")
        told: dict[str, Any] = {"uri": self._request_uri}
        if self._is_protected():
            told["csrf"] = [csrf_config()["WTF_CSRF_FIELD_NAME"], generate_csrf()]
        if current_app.config["SIJAX_ALLOW_SCRIPT"]:
            told["script"] = nonce or ""
        return json.dumps(told)

    async def process_request(self) -> Response:
        """Call the function that the request names, and return its answer.

        :raises SijaxError: if the request calls none: ask `is_sijax_request` first.
        :raises CSRFError: if it has no good token, unless CSRFProtect saw to that already.
        :raises ServiceUnavailable: if `SIJAX_MAX_STREAMS` are open.
        """
        if not self.is_sijax_request:
            raise SijaxError("this is no request of Sijax")
        name = str(self.requested_function)
        wanted = self._registered.get(name)
        if wanted is None:
            event = Registered(self._events[self.EVENT_INVALID_REQUEST], BaseResponse, ())
            return await self._execute([name], event)
        return await self._execute(self._read_args(), wanted)

    async def execute_callback(
        self,
        args: list[Any],
        callback: Callback,
        response_class: type[BaseResponse] | None = None,
        args_extra: Sequence[Any] | None = None,
    ) -> Response:
        """Call a function that needs no registered name, and return its answer.

        :raises SijaxError: if a parameter is not what it has to be.
        :raises CSRFError: as `process_request`.
        """
        return await self._execute(list(args), checked(callback, response_class, args_extra))

    async def _execute(self, args: list[Any] | None, wanted: Registered) -> Response:
        if self._is_protected() and "csrf" not in current_app.extensions:
            await CSRFProtect().protect()
        response = wanted.response_class(self, args or [])
        call = Call(self._events[self.EVENT_INVALID_CALL], (response, wanted.callback))
        try:
            if args is not None:
                asked = (response, *wanted.args_extra, *response._get_request_args())
                if fits(wanted.callback, asked):
                    call = Call(wanted.callback, asked)
        except InvalidCall:
            pass
        before, after = (
            [Call(event, (response,))] if (event := self._events.get(name)) else []
            for name in (self.EVENT_BEFORE_PROCESSING, self.EVENT_AFTER_PROCESSING)
        )
        return await response._process_call_chain([*before, call, *after])

    def _read_args(self) -> list[Any] | None:
        text = self.get_data().get(self.PARAM_ARGS)
        if not isinstance(text, str) or len(text) > current_app.config["SIJAX_MAX_ARGS"]:
            return None
        try:
            args = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):  # also of a number with thousands of digits
            return None
        return args if isinstance(args, list) else None

    def _is_protected(self) -> bool:
        if not csrf_config()["WTF_CSRF_ENABLED"]:
            return False
        return bool(current_app.config["SIJAX_CSRF"]) or "csrf" in current_app.extensions

    def form_values(self) -> dict[str, list[Any]]:
        """Return the form's values, a list for each name, without Sijax's own two."""
        data = self.get_data()
        own = (self.PARAM_REQUEST, self.PARAM_ARGS)
        lists = data.lists() if isinstance(data, MultiDict) else ((k, [v]) for k, v in data.items())
        return {name: list(values) for name, values in lists if name not in own}

    async def keep_files(self) -> None:
        """Keep the files open beyond the request, at whose end Quart closes those it has."""
        for file in (await request.files).values():
            file.stream = io.BytesIO()

    def close_files(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def stream(
        self, produce: Callable[[Send], Any], release: Callable[[], None], form: wire.Format
    ) -> Stream:
        """Return the body of an answer that `produce` makes, in this request's context.

        What is still in `g` when the request has ended, after what teardown functions took away,
        is there too.

        :raises ServiceUnavailable: if `SIJAX_MAX_STREAMS` are open.
        """
        config = current_app.config
        if len(self._streams) >= config["SIJAX_MAX_STREAMS"]:
            raise ServiceUnavailable("There are too many streams open. Try again later.")
        before = g._get_current_object()

        @copy_current_request_context
        async def in_context(send: Send) -> None:
            for name in before:
                setattr(g, name, before.get(name))
            await produce(send)

        limits = Limits(config["SIJAX_HEARTBEAT_S"], config["SIJAX_SEND_S"])
        return Stream(in_context, release, form, limits, self._streams)


def _uri_of_request() -> str:
    # One slash: of two, a browser would make another host, and send it the token.
    path = quote(f"{request.root_path}{request.path}".lstrip("/"), safe="/:@!$&'()*+,;=~")
    query = request.query_string.decode("latin-1")
    return f"/{path}?{query}" if query else f"/{path}"


def _may_be_upload() -> bool:
    return request.method == "POST" and request.mimetype == "multipart/form-data"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
