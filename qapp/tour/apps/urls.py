"""URL building: whatever `url_for` can be asked for."""

import secrets
from typing import Any

from markupsafe import escape
from werkzeug.routing import BuildError
from quart import Blueprint, Quart, g, redirect, request, url_for
from quart.typing import ResponseReturnValue

from qapp.ext.csrf import CSRFProtect

blueprint = Blueprint("urls", __name__)
pages = Blueprint("pages", __name__, url_prefix="/<language>")


@blueprint.get("/")
async def examples() -> dict[str, str]:
    return {
        "a rule's value": url_for(".item", item_id=7),
        "an unknown value": url_for(".search", q="red tea"),
        "two values": url_for(".search", q="tea", page=2),
        "a list": url_for(".search", tag=["red", "hot"]),
        "nothing": url_for(".search", q=None),
        "other letters": url_for(".search", q="æ日😀"),
        "a path": url_for(".file", path="a b/ø?&#/c"),
        "one segment": url_for(".word", word="a b/ø?&#/c"),
        "a float": url_for(".price", value=3),
        "a default": url_for(".listing", page=1),
        "no default": url_for(".listing", page=2),
        "an anchor": url_for(".item", item_id=7, _anchor="ø 1"),
        "absolute": url_for(".item", item_id=7, _external=True),
        "another scheme": url_for(".item", item_id=7, _scheme="https"),
        "by method": url_for(".notes", _method="POST"),
        "another blueprint": url_for("pages.show", name="tea"),
        "a static file": url_for("static", filename="a b.css"),
    }


@blueprint.get("/build/<endpoint>")
async def build(endpoint: str) -> str:
    values: dict[str, Any] = {
        name: value[0] if len(value) == 1 else value
        for name, value in request.args.to_dict(flat=False).items()
    }
    return str(escape(url_for(endpoint, **values)))


@blueprint.get("/go/<word>")
async def go(word: str) -> ResponseReturnValue:
    return redirect(url_for(".search", q=word, _anchor="results"))


@blueprint.get("/search")
async def search() -> dict[str, list[str]]:
    return request.args.to_dict(flat=False)


@blueprint.get("/item/<int:item_id>")
async def item(item_id: int) -> str:
    return f"Item {item_id}"


@blueprint.get("/file/<path:path>")
async def file(path: str) -> str:
    return f"File {escape(path)}"


@blueprint.get("/word/<word>")
async def word(word: str) -> str:
    return f"Word {escape(word)}"


@blueprint.get("/price/<float:value>")
async def price(value: float) -> str:
    return f"Price {value}"


@blueprint.get("/listing/", defaults={"page": 1})
@blueprint.get("/listing/<int:page>")
async def listing(page: int) -> str:
    return f"Page {page}"


@blueprint.get("/notes")
@blueprint.post("/notes/add")
async def notes() -> str:
    return f"{request.method} {url_for('.notes')}"


@pages.url_value_preprocessor
def pull_language(
    endpoint: str | None, values: dict[str, Any] | None
) -> None:
    g.language = (values or {}).pop("language")


@pages.url_defaults
def add_language(endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("language", g.get("language", "en"))


@pages.get("/page/<name>")
async def show(name: str) -> str:
    other = url_for(".show", name=name, language="da")
    here = url_for(".show", name="next")
    return f"{escape(g.language)}: {escape(here)} {escape(other)}"


async def no_address(error: BuildError) -> ResponseReturnValue:
    return f"No address: {escape(error)}", 404


async def bad_value(_: ValueError) -> ResponseReturnValue:
    return "A value does not fit.", 400


def create_app() -> Quart:
    app = Quart(__name__)
    app.config["SECRET_KEY"] = secrets.token_hex()
    CSRFProtect(app)
    app.register_error_handler(BuildError, no_address)
    app.register_error_handler(ValueError, bad_value)
    app.register_blueprint(blueprint)
    app.register_blueprint(pages)
    return app
