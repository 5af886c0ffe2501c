"""Hooks: what runs around a view, in which order, and what is left
of it when something fails."""

from collections.abc import AsyncIterator

from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    NotFound,
)
from quart import (
    Blueprint,
    Quart,
    Response,
    abort,
    current_app,
    g,
    request,
    stream_with_context,
)
from quart.typing import ResponseReturnValue, ResponseTypes

blueprint = Blueprint("hooks", __name__)
inner = Blueprint("inner", __name__, url_prefix="/inner")


def note(step: str) -> None:
    trail: list[str] = g.get("trail", current_app.extensions["trail"])
    trail.append(step)


class Trouble(Exception):
    """What is expected to go wrong."""


class DeepTrouble(Trouble):
    """A kind of it."""


class OwnTrouble(Trouble):
    """Another kind, with no handler of its own."""


@blueprint.before_app_request
async def open_trail() -> None:
    g.last = current_app.extensions["trail"]
    g.trail = current_app.extensions["trail"] = []
    note(f"{request.method} {request.path}")


@blueprint.before_app_request
async def before_app() -> None:
    note("before: app")


@blueprint.before_request
async def before_blueprint() -> None:
    note("before: blueprint")


@blueprint.before_request
async def answer_first() -> ResponseReturnValue | None:
    if "answer" in request.args:
        note("before: answers")
        return "Answered before the view", 203
    return None


@blueprint.after_request
async def after_blueprint(response: ResponseTypes) -> ResponseTypes:
    note(f"after: blueprint {response.status_code}")
    return response


@blueprint.after_request
async def after_blueprint_too(response: ResponseTypes) -> ResponseTypes:
    note(f"after: blueprint, too {response.status_code}")
    if request.path == "/fail/after" and response.status_code == 200:
        raise DeepTrouble("after the view")
    return response


@blueprint.after_app_request
async def after_app(response: ResponseTypes) -> ResponseTypes:
    note(f"after: app {response.status_code}")
    response.headers["X-Steps"] = str(len(g.trail))
    return response


@blueprint.teardown_request
async def teardown_blueprint(error: BaseException | None) -> None:
    note(f"teardown: blueprint {error!r}")


@blueprint.teardown_app_request
async def teardown_app(error: BaseException | None) -> None:
    note(f"teardown: app {error!r}")


# The context of a command, or of the start, has seen no request.
async def teardown_context(error: BaseException | None) -> None:
    if "trail" in g:
        note(f"teardown: context {error!r}")


async def teardown_too(error: BaseException | None) -> None:
    if "has_two" in g:
        note(f"teardown: context, too {error!r}")


@inner.before_request
async def before_inner() -> None:
    note("before: inner")


@inner.after_request
async def after_inner(response: ResponseTypes) -> ResponseTypes:
    note(f"after: inner {response.status_code}")
    return response


@inner.teardown_request
async def teardown_inner(error: BaseException | None) -> None:
    note(f"teardown: inner {error!r}")


@blueprint.get("/")
async def view() -> str:
    note("view")
    return "The view"


@blueprint.get("/trail")
async def trail() -> list[str]:
    return list(g.last)


@blueprint.get("/stream")
async def stream() -> Response:
    async def lines() -> AsyncIterator[str]:
        note("stream: g is " + ("kept" if "trail" in g else "another"))
        yield "A line\n"

    return Response(stream_with_context(lines)())


@blueprint.get("/two")
async def two() -> str:
    g.has_two = True
    return "Two functions will tear down the context"


@blueprint.get("/abort/<int:code>")
async def stop(code: int) -> str:
    abort(code if code in (400, 403, 404, 409, 410) else 418)


@blueprint.get("/trouble/<any(plain, deep, own):kind>")
async def trouble(kind: str) -> str:
    kinds = {"plain": Trouble, "deep": DeepTrouble, "own": OwnTrouble}
    raise kinds[kind](kind)


@blueprint.get("/fail/view")
async def fail() -> str:
    raise ValueError("unexpected")


@blueprint.get("/fail/after")
async def fail_after() -> str:
    return "The view went well"


@blueprint.get("/fail/handler")
async def fail_handler() -> str:
    abort(410)


@blueprint.get("/fail/abort")
async def fail_abort() -> str:
    abort(500)


@inner.get("/")
async def inner_view() -> str:
    note("inner view")
    return "The inner view"


@inner.get("/abort/<int:code>")
async def inner_stop(code: int) -> str:
    abort(code if code in (403, 404) else 418)


@inner.get("/trouble/<any(plain, deep, own):kind>")
async def inner_trouble(kind: str) -> str:
    kinds = {"plain": Trouble, "deep": DeepTrouble, "own": OwnTrouble}
    raise kinds[kind](kind)


@inner.get("/fail")
async def inner_fail() -> str:
    raise ValueError("unexpected")


@blueprint.app_errorhandler(HTTPException)
async def any_http(error: HTTPException) -> ResponseReturnValue:
    note(f"handler: HTTPException {error.code}")
    code = error.code or 500
    return f"{code} {error.name}", code, error.get_headers()


@blueprint.app_errorhandler(404)
async def not_found(error: NotFound) -> ResponseReturnValue:
    note("handler: 404 of the app")
    return f"404 of the app for {len(request.path)} characters", 404


@blueprint.app_errorhandler(500)
async def broken(error: InternalServerError) -> ResponseReturnValue:
    note("handler: 500 of the app")
    return f"500 because of {error.original_exception!r}", 500


@blueprint.app_errorhandler(Trouble)
async def in_trouble(error: Trouble) -> ResponseReturnValue:
    note("handler: Trouble of the app")
    return f"Trouble: {error}", 409


@blueprint.app_errorhandler(DeepTrouble)
async def in_deep_trouble(error: DeepTrouble) -> ResponseReturnValue:
    note("handler: DeepTrouble of the app")
    return f"Deep trouble: {error}", 409


@blueprint.errorhandler(410)
async def gone(error: HTTPException) -> ResponseReturnValue:
    if request.path == "/fail/handler":
        raise ValueError("in the handler")
    return "410 of the blueprint", 410


@inner.errorhandler(404)
async def inner_not_found(error: NotFound) -> ResponseReturnValue:
    note("handler: 404 of inner")
    return "404 of inner", 404


@inner.errorhandler(Trouble)
async def inner_in_trouble(error: Trouble) -> ResponseReturnValue:
    note("handler: Trouble of inner")
    return f"Inner trouble: {error}", 409


def create_app() -> Quart:
    app = Quart(__name__)
    app.extensions["trail"] = []
    app.register_blueprint(blueprint)
    app.register_blueprint(inner)
    app.teardown_appcontext(teardown_context)
    app.teardown_appcontext(teardown_too)
    return app
