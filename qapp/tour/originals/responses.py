"""Responses: what a view may return, and what it can add to it."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    jsonify,
    make_response,
    redirect,
    render_template_string,
    request,
    session,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

blueprint = Blueprint("responses", __name__)

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
FORM = """<form method="post" action="{{ url_for('.move', code=303) }}">
<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<button>Send</button>
</form>"""


class Plain(Response):
    """A response that is text unless it says otherwise."""

    default_mimetype = "text/plain"


@blueprint.get("/")
def form() -> str:
    return render_template_string(FORM)


@blueprint.get("/text")
def text() -> str:
    return "Grüße 😀"


@blueprint.get("/bytes")
def raw() -> bytes:
    return b"\x00\xff bytes"


@blueprint.get("/status")
def status() -> ResponseReturnValue:
    return "Made", 201


@blueprint.get("/headers")
def headers() -> ResponseReturnValue:
    return "Tea", {"X-Tea": "green", "Content-Type": "text/plain"}


@blueprint.get("/both")
def both() -> ResponseReturnValue:
    return "Tea", 418, [("X-Tea", "green"), ("X-Pot", "small")]


@blueprint.get("/dict")
def mapping() -> ResponseReturnValue:
    return {"word": request.args.get("word"), "at": NEW_YEAR, "a": 1}


@blueprint.get("/list")
def sequence() -> ResponseReturnValue:
    return [1, 2.5, None, True, "Grüße", {"b": [], "a": {}}], 202


@blueprint.get("/jsonify")
def as_json() -> Response:
    return jsonify(words=request.args.getlist("word"), number=3)


@blueprint.get("/values")
def values() -> Response:
    return jsonify("one", 2, None)


@blueprint.get("/made")
def made() -> ResponseReturnValue:
    response = make_response("Tea", 203)
    response.headers["X-Tea"] = request.args.get("tea", "green")
    response.content_type = "text/plain; charset=utf-8"
    response.last_modified = NEW_YEAR
    response.cache_control.max_age = 60
    response.vary.add("Cookie")
    return response


@blueprint.get("/plain")
def plain() -> Response:
    return Plain(request.args.get("word", "<b>"))


@blueprint.get("/empty")
def empty() -> str:
    return ""


@blueprint.route("/nothing", methods=["GET", "DELETE"])
def nothing() -> ResponseReturnValue:
    return "", 204


@blueprint.get("/stream/<int:lines>")
def stream(lines: int) -> Response:
    def numbered() -> Iterator[str]:
        for line in range(min(lines, 100)):
            yield f"{line} {request.args.get('word', 'tea')}\n"

    return Plain(stream_with_context(numbered()))


@blueprint.get("/cookies")
def cookies() -> ResponseReturnValue:
    response = make_response("Baked")
    bake = response.set_cookie
    bake("session-long", "1")
    bake("an-hour", "1", max_age=3600)
    bake("two-hours", "1", max_age=timedelta(hours=2))
    bake("new-year", "1", expires=NEW_YEAR)
    bake("epoch", "1", expires=0)
    bake("path", "1", path="/cookies")
    bake("no-path", "1", path=None)
    bake("domain", "1", domain="localhost")
    bake("guarded", "1", secure=True, httponly=True)
    bake("lax", "1", samesite="Lax")
    bake("strict", "1", samesite="Strict")
    bake("none", "1", secure=True, samesite="None")
    bake("parted", "1", secure=True, partitioned=True)
    return response


@blueprint.get("/cookie")
def cookie() -> ResponseReturnValue:
    response = make_response(request.cookies.get("value", "none"))
    response.content_type = "text/plain; charset=utf-8"
    response.set_cookie("value", request.args["value"])
    return response


@blueprint.get("/cookie/delete")
def delete_cookie() -> ResponseReturnValue:
    response = make_response("Eaten")
    response.delete_cookie("value")
    response.delete_cookie(
        "guarded", path="/cookies", secure=True, samesite="Lax"
    )
    return response


@blueprint.get("/remember/<any(yes, no):answer>")
def remember(answer: str) -> dict[str, object]:
    session["user"] = "Ada"
    session.permanent = answer == "yes"
    return {"permanent": session.permanent, **session}


@blueprint.get("/forget")
def forget() -> dict[str, object]:
    session.clear()
    return dict(session)


@blueprint.route("/redirect/<int:code>", methods=["GET", "POST"])
def move(code: int) -> ResponseReturnValue:
    if code not in (301, 302, 303, 307, 308):
        return "There is no such redirect.", 404
    return redirect(url_for(".target", code=code), code)


@blueprint.route("/target/<int:code>", methods=["GET", "POST"])
def target(code: int) -> str:
    form = request.form
    return f"{request.method} after {code}, {len(form)} fields"


@blueprint.get("/later")
def later() -> str:
    @after_this_request
    def first(response: Response) -> Response:
        response.headers["X-Order"] = "first"
        return response

    @after_this_request
    def second(response: Response) -> Response:
        response.headers["X-Order"] += ", second"
        response.set_cookie("later", "yes")
        return response

    return "Done"


@blueprint.get("/fail/<any(none, number, status, five):kind>")
def wrong(kind: str) -> ResponseReturnValue:
    wrong: dict[str, object] = {
        "none": None,
        "number": 42,
        "status": ("Tea", "418 Full"),
        "five": ("Tea", 200, {}, 4, 5),
    }
    return wrong[kind]  # type: ignore[return-value]


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(),
        PERMANENT_SESSION_LIFETIME=timedelta(days=1),
    )
    CSRFProtect(app)
    app.register_blueprint(blueprint)
    return app
