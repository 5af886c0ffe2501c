"""Templates: the view hands over values, the template decides."""

from quart import Blueprint, render_template

blueprint = Blueprint("templates", __name__)


@blueprint.get("/hello/<int:score>")
async def marks(score: int) -> str:
    return await render_template("tour/live/marks.html", marks=score)


@blueprint.get("/result")
async def result() -> str:
    subjects = {"phy": 50, "che": 60, "maths": 70}
    return await render_template(
        "tour/live/marks_table.html", result=subjects
    )
