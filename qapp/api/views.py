"""What all operations have in common, and the pages about them."""

from __future__ import annotations

from quart import Blueprint, Response, request

from qapp.accounts import api as accounts_api
from qapp.accounts import count_call
from qapp.blog import api as blog_api
from qapp.files import api as files_api
from qapp.students import api as students_api
from qapp.web.api import tell_standing
from qapp.web.errors import is_api

blueprint = Blueprint("api", __name__)
for part in (
    blog_api.blueprint,
    students_api.blueprint,
    files_api.blueprint,
    accounts_api.users,
    accounts_api.me,
):
    blueprint.register_blueprint(part)


@blueprint.before_request
async def count() -> None:
    """Count each call."""
    if is_api():
        await count_call()


@blueprint.after_request
async def complete(response: Response) -> Response:
    """Tell what is left of the allowance; send nobody the list that he has."""
    if not is_api():
        return response
    await tell_standing(response)
    if response.status_code in (204, 304):  # which have no body to tell of
        response.headers.pop("Content-Type", None)
        response.headers.pop("Content-Length", None)
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(["Authorization", "Cookie"])
    if request.method in ("GET", "HEAD") and response.is_json and response.status_code == 200:
        await response.add_etag()
        await response.make_conditional(request)
    return response
