"""Static files: what is in `static/` is served as it is."""

from quart import Blueprint, render_template

blueprint = Blueprint("static_files", __name__)


@blueprint.get("/static-demo")
async def static_demo() -> str:
    return await render_template("tour/live/static_demo.html")
