"""Message flashing: a message for the next page, shown once."""

from quart import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from quart.typing import ResponseReturnValue

blueprint = Blueprint("flashing", __name__)

CATEGORIES = ("info", "success", "warning", "error")
LONGEST = 200  # messages wait in the session's cookie


async def flash_page(
    values: dict[str, str],
    problems: dict[str, str],
) -> str:
    return await render_template(
        "tour/live/flash.html",
        categories=CATEGORIES,
        chosen=chosen(),
        values=values,
        problems=problems,
    )


def chosen() -> list[str]:
    """Return the categories that are asked for; none is all."""
    asked = request.args.getlist("category")
    return [category for category in CATEGORIES if category in asked]


@blueprint.get("/flash")
async def show() -> str:
    return await flash_page({}, {})


@blueprint.post("/flash")
async def add() -> ResponseReturnValue:
    form = await request.form
    message, category = form["message"].strip(), form["category"]
    problems = {}
    if not 0 < len(message) <= LONGEST:
        problems["message"] = (
            f"A message has 1 to {LONGEST} characters."
        )
    if category not in CATEGORIES:
        problems["category"] = "Choose one of these."
    if problems:
        values = {"message": message, "category": category}
        return await flash_page(values, problems), 422
    await flash(message, category)
    return redirect(url_for(".show", category=chosen()))
