'''Sijax, which calls functions of the server from a page, under Flask-Sijax's names.

A ported view keeps its code but for one `await`:

    from quart import Quart, g, render_template_string
    from qapp.ext.sijax import Sijax, route

    app = Quart(__name__, static_folder=None)
    app.secret_key = "change me"
    Sijax(app)

    @route(app, "/")
    async def index():
        if g.sijax.is_sijax_request:
            g.sijax.register_callback("hello", lambda answer, name: answer.alert(f"Hello, {name}"))
            return await g.sijax.process_request()
        return await render_template_string(PAGE)

The page loads the client as a module, which needs no inline script and no `eval`, and so works
under `script-src 'self'; connect-src 'self'`:

    PAGE = """<!DOCTYPE html><meta name="sijax" content="{{ g.sijax.get_js() }}">
    <script type="module" src="{{ url_for('sijax_script') }}"></script>
    <button data-sijax="hello" data-sijax-args='["you"]'>Hello</button>"""

What Flask-Sijax got wrong and this does not: nothing of a request is kept on the extension, which
two requests would share; only registered functions are called, and only with arguments that fit;
answers are `application/json`; the streams of Comet work, are held back by slow readers, and end
with the reader or the server.
'''

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import wraps
from typing import Any, TypeVar

from quart import Blueprint, Quart, Response, current_app, g, request

from .exception import SijaxError
from .helper import init_static_path, read_script
from .responses import (
    BaseResponse,
    CometResponse,
    ObjResponse,
    StreamingIframeResponse,
    UploadResponse,
)
from .streams import Streams
from .visit import SijaxRequest

__all__ = [
    "BaseResponse",
    "CometResponse",
    "ObjResponse",
    "Sijax",
    "SijaxError",
    "SijaxRequest",
    "StreamingIframeResponse",
    "UploadResponse",
    "end_streams",
    "init_static_path",
    "route",
]

View = TypeVar("View", bound=Callable[..., Any])

_EXTENSION = "sijax"
_STREAMS = "sijax_streams"
_DEFAULTS: dict[str, Any] = {
    "SIJAX_STATIC_PATH": None,  # a folder to copy sijax.js to
    "SIJAX_JSON_URI": None,  # read by nobody any more
    "SIJAX_SCRIPT_URL": "/sijax/sijax.js",  # None: the app serves the script in its own way
    "SIJAX_CSRF": True,  # check tokens where there is no CSRFProtect, too
    "SIJAX_ALLOW_SCRIPT": False,
    "SIJAX_MAX_ARGS": 65_536,  # characters of JSON
    "SIJAX_MAX_COMMANDS": 1000,  # of one answer, or between two steps of a stream
    "SIJAX_MAX_STREAMS": 1000,  # open at a time, in one process
    "SIJAX_HEARTBEAT_S": 15,
    "SIJAX_SEND_S": 60,  # how long a stream's reader may leave a frame unread
}


class Sijax:
    """Give every request its `g.sijax`, and the page its script. Serves any number of apps."""

    def __init__(self, app: Quart | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart, *, blueprint: str | None = None) -> None:
        """Set the defaults of `SIJAX_*`, serve the script, and prepare every request.

        Register it after CSRFProtect. The form of each POST is read before the view, as the
        property `is_sijax_request` cannot wait for it; one that may hold files, only where
        `route` or `load` asks for it, so that other views can stream theirs.

        :param blueprint: the name of the one whose requests alone are prepared.
        :raises SijaxError: if `SIJAX_STATIC_PATH` holds other things.
        :raises OSError: if it cannot be written.
        """
        for name, value in _DEFAULTS.items():
            app.config.setdefault(name, value)
        if app.config["SIJAX_STATIC_PATH"]:
            init_static_path(app.config["SIJAX_STATIC_PATH"])
        streams = app.extensions[_STREAMS] = Streams()
        app.extensions[_EXTENSION] = self
        if app.config["SIJAX_SCRIPT_URL"]:
            _serve_script(app, app.config["SIJAX_SCRIPT_URL"])

        async def prepare() -> None:
            g.sijax = SijaxRequest(streams)
            if request.method != "POST" or request.endpoint is None:
                return
            if request.mimetype == "application/x-www-form-urlencoded":
                await g.sijax.load()

        app.before_request_funcs[blueprint].append(prepare)

        @app.while_serving
        async def open_streams() -> AsyncGenerator[None, None]:
            streams.begin()
            try:
                yield
            finally:
                await streams.close()


def route(app_or_blueprint: Quart | Blueprint, rule: str, **options: Any) -> Callable[[View], View]:
    """Declare a view that answers Sijax too: POST is among its methods, its form is read.

    :param options: as for `app.route`; `methods` are GET and POST unless given.
    """

    methods = {method.upper() for method in options.pop("methods", ())} or {"GET"}

    def declare(view: View) -> View:
        @wraps(view)
        async def loaded(*args: Any, **kwargs: Any) -> Any:
            if request.method == "POST":
                await g.sijax.load()
            return await current_app.ensure_async(view)(*args, **kwargs)

        app_or_blueprint.add_url_rule(
            rule, view_func=loaded, methods=sorted(methods | {"POST"}), **options
        )
        return view

    return declare


def end_streams(app: Quart) -> None:
    """End the streams that are open, as the server is asked to stop.

    Hypercorn's stop is noticed without it. Other servers tell an app only when all requests have
    ended: call it from whatever asks them to stop.
    """
    streams: Streams = app.extensions[_STREAMS]
    streams.end()


def _serve_script(app: Quart, url: str) -> None:
    source = read_script()

    async def script() -> Response:
        response: Response = app.response_class(source, content_type="text/javascript")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.cache_control.no_cache = True  # asked for each time, sent when it changed
        await response.add_etag()
        await response.make_conditional(request)
        return response

    app.add_url_rule(url, "sijax_script", script)
