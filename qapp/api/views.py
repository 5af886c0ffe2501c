"""What all operations have in common, and the pages about them."""

from __future__ import annotations

from quart import Blueprint, Response

from qapp.accounts import api as accounts_api
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
