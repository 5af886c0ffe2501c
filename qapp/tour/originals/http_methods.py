"""HTTP methods: one address, and an answer to each way of asking."""

import secrets

from markupsafe import escape
from flask import (
    Blueprint,
    Flask,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

blueprint = Blueprint("http_methods", __name__)

LONGEST = 100


@blueprint.route("/method", methods=["GET", "POST", "PUT", "DELETE"])
def method() -> ResponseReturnValue:
    if request.method == "POST":
        return welcome(request.form["nm"])
    return render_template("tour/live/method.html")


def welcome(name: str) -> ResponseReturnValue:
    if 0 < len(name) <= LONGEST and fits_in_an_address(name):
        return redirect(url_for(".success", name=name))
    problem = (
        f"A name has 1 to {LONGEST} characters, none of them a slash, "
        "and is more than one or two dots."
    )
    return render_template(
        "tour/live/method.html", name=name, problem=problem
    ), 422


def fits_in_an_address(name: str) -> bool:
    """Tell whether `<name>` matches it and a browser leaves it."""
    return "/" not in name and name not in (".", "..")


@blueprint.get("/success/<name>")
def success(name: str) -> str:
    return f"welcome {escape(name)}"


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
