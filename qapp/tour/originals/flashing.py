"""Message flashing: a message for the next page, shown once."""

import secrets

from flask import (
    Blueprint,
    Flask,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

blueprint = Blueprint("flashing", __name__)

CATEGORIES = ("info", "success", "warning", "error")
LONGEST = 200  # messages wait in the session's cookie


def flash_page(
    values: dict[str, str],
    problems: dict[str, str],
) -> str:
    return render_template(
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
def show() -> str:
    return flash_page({}, {})


@blueprint.post("/flash")
def add() -> ResponseReturnValue:
    form = request.form
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
        return flash_page(values, problems), 422
    flash(message, category)
    return redirect(url_for(".show", category=chosen()))


def create_app() -> Flask:
    app = Flask(
        __name__,
        template_folder="../templates",
        static_folder="../../static",
    )
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax"
    )
    CSRFProtect(app)
    app.register_blueprint(blueprint)
    return app
