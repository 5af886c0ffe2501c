"""Variable rules: parts of an address become a view's arguments."""

from markupsafe import escape
from quart import Blueprint, render_template

blueprint = Blueprint("variable_rules", __name__)


@blueprint.get("/hello/")
@blueprint.get("/hello/<name>")
async def hello(name: str | None = None) -> str:
    return await render_template("tour/live/hello.html", name=name)


@blueprint.get("/blog/<int:postID>")
async def blog(postID: int) -> str:
    return f"Blog Number {postID}"


@blueprint.get("/rev/<float:revNo>")
async def revision(revNo: float) -> str:
    return f"Revision Number {revNo:f}"


@blueprint.get("/path/<path:subpath>")
async def path(subpath: str) -> str:
    return f"Subpath {escape(subpath)}"


@blueprint.get("/flask")
async def hello_flask() -> str:
    return "Hello Flask"


@blueprint.get("/python/")
async def hello_python() -> str:
    return "Hello Python"


@blueprint.get("/home/<name>/")
async def home(name: str) -> str:
    return f"Hello to Home {escape(name)}!"
