"""Form data: what was typed, checked, and shown as a table."""

import re
import secrets

from flask import Blueprint, Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

blueprint = Blueprint("form_data", __name__)

FIELDS = ("name", "physics", "chemistry", "mathematics")
LONGEST = 100  # characters of a name
MARK = re.compile("0*(100|[0-9]{1,2})")


def problem_of(field: str, value: str) -> str | None:
    """Return what is wrong with a value, or None."""
    if field != "name":
        if MARK.fullmatch(value):
            return None
        return "A mark is a whole number from 0 to 100."
    if 0 < len(value) <= LONGEST:
        return None
    return f"A name has 1 to {LONGEST} characters."


@blueprint.get("/student")
def student() -> str:
    return render_template(
        "tour/live/student.html", values={}, problems={}
    )


@blueprint.post("/result")
def result() -> ResponseReturnValue:
    form = request.form
    values = {field: form[field].strip() for field in FIELDS}
    checked = {
        field: problem_of(field, values[field]) for field in FIELDS
    }
    problems = {field: text for field, text in checked.items() if text}
    if problems:
        return render_template(
            "tour/live/student.html", values=values, problems=problems
        ), 422
    return render_template("tour/live/posted.html", result=values)


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
