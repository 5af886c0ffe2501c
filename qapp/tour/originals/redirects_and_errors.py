"""Redirects and errors: lead elsewhere, or say what went wrong."""

from typing import NoReturn

from flask import (
    Blueprint,
    Flask,
    abort,
    redirect,
    render_template,
    url_for,
)
from flask.typing import ResponseReturnValue

blueprint = Blueprint("redirects_and_errors", __name__)

REDIRECTS = (301, 302, 303, 307, 308)
ERRORS = (400, 401, 403, 404, 406, 415, 429)


class UnknownCode(LookupError):
    """There is no page for this code."""


@blueprint.errorhandler(UnknownCode)
def unknown_code(_: UnknownCode) -> ResponseReturnValue:
    return render_template(
        "tour/live/unknown_code.html",
        redirects=REDIRECTS,
        errors=ERRORS,
    ), 404


@blueprint.get("/redirect/<int:code>")
def lead_on(code: int) -> ResponseReturnValue:
    if code not in REDIRECTS:
        raise UnknownCode(code)
    return redirect(url_for(".success"), code)


@blueprint.get("/success")
def success() -> str:
    return "logged in successfully"


@blueprint.get("/abort/<int:code>")
def give_up(code: int) -> NoReturn:
    if code not in ERRORS:
        raise UnknownCode(code)
    abort(code)


def create_app() -> Flask:
    app = Flask(
        __name__,
        template_folder="../templates",
        static_folder="../../static",
    )
    app.register_blueprint(blueprint)
    return app
