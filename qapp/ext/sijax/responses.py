"""What a callback is handed first: it collects the commands that the browser carries out.

The commands and their fields are Sijax 0.3.2's (`sijax/response/base.py`), `redirect` aside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self
from urllib.parse import urlsplit

from quart import Response, current_app, request

from .calls import Steps, call, close, has_steps, steps_of
from .exception import InvalidCall, SijaxError
from .wire import Command, Iframe, Ndjson, Style, dumps, for_old_client

if TYPE_CHECKING:
    from .streams import Send
    from .visit import SijaxRequest


class Call(NamedTuple):
    """A function that is about to be called, and with what."""

    function: Callable[..., Any]
    args: Sequence[Any]


class BaseResponse:
    """The commands for the browser, in order; every command's method returns the response.

    `JSON_…` say how they are written. A selector is one of CSS, as `querySelectorAll` takes it.
    """

    JSON_AS_ASCII: ClassVar[bool] = False
    JSON_SEPARATORS: ClassVar[tuple[str, str]] = (",", ":")
    JSON_INDENT: ClassVar[int | None] = None
    JSON_SORT_KEYS: ClassVar[bool] = False

    def __init__(self, sijax: SijaxRequest, request_args: list[Any]) -> None:
        self._sijax = sijax
        self._request_args = request_args
        self._commands: list[Command] = []

    def alert(self, message: str) -> Self:
        """Show a message that has to be dismissed."""
        return self._add_command("alert", {"alert": message})

    def html(self, selector: str, html: str) -> Self:
        """Replace the content of the elements; scripts in it don't run. Escape what is text."""
        return self._html(selector, html, "replace")

    def html_append(self, selector: str, html: str) -> Self:
        """Add to the end of the elements' content."""
        return self._html(selector, html, "append")

    def html_prepend(self, selector: str, html: str) -> Self:
        """Add to the beginning of the elements' content."""
        return self._html(selector, html, "prepend")

    def attr(self, selector: str, property_name: str, value: Any) -> Self:
        """Set a property of the elements (`value`, `checked`), or else an attribute."""
        return self._attr(selector, property_name, value, "replace")

    def attr_append(self, selector: str, property_name: str, value: Any) -> Self:
        """Set a property of all elements to the first one's with a text added to its end."""
        return self._attr(selector, property_name, value, "append")

    def attr_prepend(self, selector: str, property_name: str, value: Any) -> Self:
        """Set a property of all elements to the first one's with a text put before it."""
        return self._attr(selector, property_name, value, "prepend")

    def css(self, selector: str, property_name: str, value: Any) -> Self:
        """Set one style of the elements; a number is in pixels where CSS wants a length."""
        fields = {"selector": selector, "key": property_name, "value": value}
        return self._add_command("css", fields)

    def remove(self, selector: str) -> Self:
        """Remove the elements from the page."""
        return self._add_command("remove", {"remove": selector})

    def redirect(self, uri: str, *, external: bool = False) -> Self:
        """Open another page.

        :param external: whether the page may be on another site. Only for addresses of the app's
            own: one that a visitor can choose would lead others anywhere.
        :raises SijaxError: if the page is on another site, or no page of HTTP at all.
        """
        # What is beyond printable ASCII, and the backslash, browsers read in surprising ways.
        if not all("!" <= c <= "~" and c != "\\" for c in uri):
            raise SijaxError(f"not an address, or not quoted: {uri!r}")
        try:
            parts = urlsplit(uri)
        except ValueError as error:
            raise SijaxError(f"not an address: {uri!r}") from error
        if parts.scheme not in ("", "http", "https") or (parts.scheme and not parts.netloc):
            raise SijaxError(f"not an address of a page: {uri!r}")
        # "///host" has no host for Python and one for browsers.
        is_elsewhere = uri.startswith("//") or parts.netloc not in ("", request.host)
        if is_elsewhere and not external:
            raise SijaxError(f"on another site, which takes external=True: {uri!r}")
        fields: Command = {"redirect": uri}
        if external:
            fields["external"] = True
        return self._add_command("redirect", fields)

    def call(self, js_function: str, args: Sequence[Any] | None = None) -> Self:
        """Call a function of the page by its name, such as `chart.draw`.

        It is found from `window` down, among what the objects on the way own themselves.

        :raises SijaxError: if `args` is no list, tuple or None.
        """
        if not (args is None or isinstance(args, (list, tuple))):
            raise SijaxError("the arguments of a call are a list or a tuple")
        return self._add_command("call", {"call": js_function, "params": list(args or ())})

    def script(self, js: str) -> Self:
        """Run JavaScript in the page, if `SIJAX_ALLOW_SCRIPT` is set; better is `call`.

        :raises SijaxError: if it is not.
        """
        if not current_app.config["SIJAX_ALLOW_SCRIPT"]:
            raise SijaxError("script() needs SIJAX_ALLOW_SCRIPT; call() needs nothing")
        return self._add_command("script", {"script": js})

    def clear_commands(self) -> Self:
        """Forget the commands that were not sent yet."""
        self._commands.clear()
        return self

    def _add_command(self, command_type: str, params: Command) -> Self:
        """Add any command; the page's `Sijax.process_<type>` carries it out.

        :raises SijaxError: if `SIJAX_MAX_COMMANDS` wait already.
        """
        if len(self._commands) >= current_app.config["SIJAX_MAX_COMMANDS"]:
            raise SijaxError("more commands at once than SIJAX_MAX_COMMANDS")
        self._commands.append({"type": command_type, **params})
        return self

    def _html(self, selector: str, html: str, how: str) -> Self:
        return self._add_command("html", {"selector": selector, "html": html, "setType": how})

    def _attr(self, selector: str, key: str, value: Any, how: str) -> Self:
        fields = {"selector": selector, "key": key, "value": value, "setType": how}
        return self._add_command("attr", fields)

    def _get_request_args(self) -> list[Any]:
        """Return the arguments for the callback, after the response and `args_extra`.

        :raises InvalidCall: if there are none that make sense.
        """
        return self._request_args

    async def _process_call_chain(self, chain: Sequence[Call]) -> Response:
        """Make the calls one after another, and answer with what they commanded.

        :raises SijaxError: if one of them is a generator: only streams can show its steps.
        """
        for function, args in chain:
            result = await call(function, args)
            if has_steps(result):
                await close(result)
                raise SijaxError(
                    f"{function!r} is a generator: register it by register_comet_callback"
                )
        return self._answer_at_once()

    def _style(self) -> Style:
        return Style(
            self.JSON_AS_ASCII, self.JSON_SEPARATORS, self.JSON_INDENT, self.JSON_SORT_KEYS
        )

    def _answer_at_once(self) -> Response:
        is_ours = self._sijax.is_our_client
        commands = self._commands if is_ours else for_old_client(self._commands)
        return _response(dumps(commands, self._style()).encode(), "application/json")


ObjResponse = BaseResponse


class StreamingIframeResponse(BaseResponse):
    """The commands of a callback that may be a generator: each `yield` sends what there is.

    A callback that is none is answered at once, while its session can still be changed. Sijax
    0.3's client gets either in the form its hidden frame expects, hence the name.
    """

    async def _process_call_chain(self, chain: Sequence[Call]) -> Response:
        for place, (function, args) in enumerate(chain):
            result = await call(function, args)
            if has_steps(result):
                return await self._answer_by_stream(result, chain[place + 1 :])
        if self._sijax.is_our_client:
            return self._answer_at_once()
        frame = Iframe.frame(self._commands, self._style())
        return _response(Iframe.preamble + frame, Iframe.content_type)

    async def _answer_by_stream(self, generator: Steps, rest: Sequence[Call]) -> Response:
        form = Ndjson if self._sijax.is_our_client else Iframe

        async def produce(send: Send) -> None:
            async def flush() -> None:
                commands, self._commands = self._commands, []
                if commands:
                    await send(form.frame(commands, self._style()))
                else:
                    await asyncio.sleep(0)  # steps that say nothing must not hold up the loop

            async def follow(steps: Steps) -> None:
                async with aclosing(steps_of(steps)) as each:
                    async for _ in each:
                        await flush()
                await flush()

            await flush()
            await follow(generator)
            for function, args in rest:
                result = await call(function, args)
                if has_steps(result):
                    await follow(result)
                await flush()

        response = _response(self._sijax.stream(produce, self._release, form), form.content_type)
        response.timeout = None
        response.headers["X-Accel-Buffering"] = "no"
        return response

    def _release(self) -> None:
        """Give back what the response holds, when its stream is closed."""


CometResponse = StreamingIframeResponse


class UploadResponse(StreamingIframeResponse):
    """The commands of an upload's callback, which gets the files and the form's other fields.

    The fields are a dict of lists, without Sijax's own two. The files are closed after the last
    step.
    """

    def __init__(self, sijax: SijaxRequest, request_args: list[Any]) -> None:
        super().__init__(sijax, request_args)
        self.form_id: str = ""

    def reset_form(self) -> Self:
        """Empty the form, its file fields included."""
        return self.call("sjxUpload.resetForm", [self.form_id])

    def _get_request_args(self) -> list[Any]:
        ids = self._request_args
        if len(ids) != 1 or self._sijax.requested_function != f"{ids[0]}_upload":
            raise InvalidCall("an upload has its form's id as its only argument")
        self.form_id = str(ids[0])
        return [self._sijax.form_values()]

    async def _answer_by_stream(self, generator: Steps, rest: Sequence[Call]) -> Response:
        response = await super()._answer_by_stream(generator, rest)
        await self._sijax.keep_files()  # only now: a refusal leaves them to Quart
        return response

    def _release(self) -> None:
        self._sijax.close_files()


def _response(body: Any, content_type: str) -> Response:
    response: Response = current_app.response_class(body, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response
