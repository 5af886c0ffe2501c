"""What all operations have in common, and the pages about them."""

from __future__ import annotations

import asyncio

from quart import Blueprint, Response, current_app, render_template

from qapp.accounts import api as accounts_api
from qapp.blog import api as blog_api
from qapp.files import api as files_api
from qapp.students import api as students_api
from qapp.web.api import tell_standing
from qapp.web.errors import is_api
from qapp.web.static import send

from .published import Published, read

KEY = "qapp.openapi"  # where an app keeps what it publishes

blueprint = Blueprint("api", __name__)
for part in (
    blog_api.blueprint,
    students_api.blueprint,
    files_api.blueprint,
    accounts_api.users,
    accounts_api.me,
):
    blueprint.register_blueprint(part)


@blueprint.after_app_request
async def complete(response: Response) -> Response:
    """Tell what is left of the allowance, and for whom the answer is."""
    if is_api():
        headers = response.headers
        tell_standing(headers)
        headers.add("Cache-Control", "private, no-cache")
        headers.add("Vary", "Authorization, Cookie")
        if response.status_code in (204, 304):  # which have no body to tell of
            headers.pop("Content-Type", None)
            headers.pop("Content-Length", None)
    return response


@blueprint.before_app_serving
async def publish() -> None:
    """Read the document."""
    current_app.extensions[KEY] = await asyncio.to_thread(read)


@blueprint.get("/openapi.json")
async def openapi() -> Response:
    """Send the document."""
    return await send(_published().asset)


@blueprint.get("/docs")
async def docs() -> str:
    """Show what can be done, and let it be tried."""
    return await render_template("api/docs.html", published=_published())


def _published() -> Published:
    published: Published = current_app.extensions[KEY]
    return published
