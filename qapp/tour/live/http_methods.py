"""HTTP methods: one address, and an answer to each way of asking."""

from markupsafe import escape
from quart import (
    Blueprint,
    redirect,
    render_template,
    request,
    url_for,
)
from quart.typing import ResponseReturnValue

blueprint = Blueprint("http_methods", __name__)

LONGEST = 100


@blueprint.route("/method", methods=["GET", "POST", "PUT", "DELETE"])
async def method() -> ResponseReturnValue:
    if request.method == "POST":
        return await welcome((await request.form)["nm"])
    return await render_template("tour/live/method.html")


async def welcome(name: str) -> ResponseReturnValue:
    if 0 < len(name) <= LONGEST and fits_in_an_address(name):
        return redirect(url_for(".success", name=name))
    problem = (
        f"A name has 1 to {LONGEST} characters, none of them a slash, "
        "and is more than one or two dots."
    )
    return await render_template(
        "tour/live/method.html", name=name, problem=problem
    ), 422


def fits_in_an_address(name: str) -> bool:
    """Tell whether `<name>` matches it and a browser leaves it."""
    return "/" not in name and name not in (".", "..")


@blueprint.get("/success/<name>")
async def success(name: str) -> str:
    return f"welcome {escape(name)}"
