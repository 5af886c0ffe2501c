"""The smallest application: a view that returns its page."""

from quart import Blueprint

blueprint = Blueprint("application", __name__)


@blueprint.get("/hello")
async def hello() -> str:
    return "Hello World"
