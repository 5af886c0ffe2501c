"""Larger applications: nested blueprints, and views as classes."""

import secrets
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ClassVar

from markupsafe import escape
from werkzeug.exceptions import HTTPException
from quart import (
    Blueprint,
    Quart,
    abort,
    g,
    make_response,
    render_template,
    render_template_string,
    request,
    url_for,
)
from quart.typing import ResponseReturnValue, ResponseTypes
from quart.views import MethodView, View

from qapp.ext.csrf import CSRFProtect

site = Blueprint("site", __name__)
shop = Blueprint(
    "shop",
    __name__,
    url_prefix="/shop",
    template_folder="../templates/tour/apps/larger/shop",
    static_folder="../../static",
)
office = Blueprint("office", __name__, url_prefix="/office")
desk = Blueprint("desk", __name__, url_prefix="/desk")

ViewFunction = Callable[..., Awaitable[ResponseReturnValue]]

FORM = """<form method="post" action="{{ url_for('api.list') }}">
<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<input name="text"> <button>Add</button>
</form>"""


class Closed(Exception):
    """What is asked for is closed today."""


@site.before_app_request
async def enter_app() -> None:
    g.way = ["app"]


@site.get("/")
async def index() -> str:
    return await render_template_string(FORM)


@site.get("/addresses")
async def addresses() -> dict[str, str]:
    return {
        "blueprint": url_for("shop.stock"),
        "again": url_for("second.stock"),
        "nested": url_for("office.desk.show"),
        "static": url_for("shop.static", filename="favicon.svg"),
        "class": url_for("greeting", name="Ada"),
        "method class": url_for("api.note", number=1),
    }


@site.app_errorhandler(404)
async def not_found(_: HTTPException) -> ResponseReturnValue:
    return "404 of the app", 404


@site.app_errorhandler(Closed)
async def closed(_: Closed) -> ResponseReturnValue:
    return "Closed, says the app", 503


@shop.get("/")
async def stock() -> str:
    return await render_template("stock.html", names=["tea", "<pot>"])


@shop.get("/item/<name>")
async def item(name: str) -> str:
    return await render_template("item.html", name=name)


@office.before_request
async def enter_office() -> None:
    g.way.append("office")


@office.after_request
async def leave_office(response: ResponseTypes) -> ResponseTypes:
    left = response.headers.get("X-Left", "nothing")
    response.headers["X-Left"] = f"{left}, office"
    return response


@office.get("/")
async def hall() -> ResponseReturnValue:
    return way(), {"X-Left": "the hall"}


@office.get("/missing")
async def missing_room() -> ResponseReturnValue:
    abort(404)


@office.errorhandler(404)
async def no_room(_: HTTPException) -> ResponseReturnValue:
    return "404 of the office", 404, {"X-Left": "nowhere"}


@office.errorhandler(Closed)
async def office_closed(_: Closed) -> ResponseReturnValue:
    return "Closed, says the office", 503, {"X-Left": "early"}


@desk.before_request
async def enter_desk() -> None:
    g.way.append("desk")


@desk.after_request
async def leave_desk(response: ResponseTypes) -> ResponseTypes:
    left = response.headers.get("X-Left", "nothing")
    response.headers["X-Left"] = f"{left}, desk"
    return response


@desk.get("/")
async def show() -> ResponseReturnValue:
    return way(), {"X-Left": "the chair"}


@desk.get("/addresses")
async def nested_addresses() -> ResponseReturnValue:
    own = [url_for(".show"), url_for("office.hall")]
    return own, {"X-Left": request.blueprint or "no blueprint"}


@desk.get("/missing")
async def missing_drawer() -> ResponseReturnValue:
    abort(404)


@desk.get("/fail/closed")
async def closed_desk() -> ResponseReturnValue:
    raise Closed


@desk.get("/locked")
async def locked() -> ResponseReturnValue:
    abort(403)


@desk.errorhandler(403)
async def no_key(_: HTTPException) -> ResponseReturnValue:
    return "403 of the desk", 403, {"X-Left": "angrily"}


def way() -> str:
    return " > ".join(g.way)


def counted(view: ViewFunction) -> ViewFunction:
    @wraps(view)
    async def wrapper(**kwargs: object) -> ResponseReturnValue:
        response = await make_response(await view(**kwargs))
        response.headers.add("X-Wrapped", "once")
        return response

    return wrapper


class Greeting(View):
    """A page made for each request anew."""

    methods: ClassVar = ["GET", "HEAD"]
    decorators: ClassVar = [counted]

    def __init__(self, word: str) -> None:
        self.word = word
        self.uses = 0

    async def dispatch_request(self, **values: str) -> str:
        self.uses += 1
        return f"{self.word} {escape(values['name'])}, use {self.uses}"


class Turnstile(Greeting):
    """A page made once, that all requests share."""

    init_every_request = False
    decorators: ClassVar = [counted, counted]


class Notes(MethodView):
    """All notes: GET lists them, POST adds one."""

    init_every_request = False

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    async def get(self) -> list[str]:
        return self.notes

    async def post(self) -> ResponseReturnValue:
        self.notes.append((await request.form)["text"])
        number = len(self.notes) - 1
        return (
            self.notes,
            201,
            {"Location": url_for(".note", number=number)},
        )


class Note(MethodView):
    """One note: GET reads it, PUT changes it, DELETE empties it."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    async def get(self, number: int) -> list[str]:
        return [self.find(number)]

    async def put(self, number: int) -> list[str]:
        self.find(number)
        self.notes[number] = (await request.form)["text"]
        return self.notes

    async def delete(self, number: int) -> ResponseReturnValue:
        self.find(number)
        self.notes[number] = ""
        return "", 204

    def find(self, number: int) -> str:
        if number >= len(self.notes):
            abort(404)
        return self.notes[number]


office.register_blueprint(desk)


def create_app() -> Quart:
    app = Quart(
        __name__,
        template_folder="../templates/tour/apps/larger",
        static_folder=None,
    )
    app.config["SECRET_KEY"] = secrets.token_hex()
    CSRFProtect(app)
    notes: list[str] = ["buy tea"]
    api = Blueprint("api", __name__, url_prefix="/api")
    api.add_url_rule("/notes/", view_func=Notes.as_view("list", notes))
    api.add_url_rule(
        "/notes/<int:number>", view_func=Note.as_view("note", notes)
    )
    app.register_blueprint(site)
    app.register_blueprint(shop)
    app.register_blueprint(shop, name="second", url_prefix="/second")
    app.register_blueprint(office)
    app.register_blueprint(api)
    app.add_url_rule(
        "/greet/<name>", view_func=Greeting.as_view("greeting", "Hello")
    )
    app.add_url_rule(
        "/turn/<name>", view_func=Turnstile.as_view("turnstile", "Pass")
    )
    return app
