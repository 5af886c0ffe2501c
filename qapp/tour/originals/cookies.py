"""Cookies: set one on the response, read it from the next request."""

import secrets

from flask import (
    Blueprint,
    Flask,
    make_response,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

blueprint = Blueprint("cookies", __name__)

LONGEST = 100  # a browser drops a cookie of over 4096 bytes


@blueprint.get("/cookies")
def cookies() -> str:
    return render_template("tour/live/cookies.html")


@blueprint.post("/setcookie")
def setcookie() -> ResponseReturnValue:
    user = request.form["nm"]
    if not 0 < len(user) <= LONGEST:
        problem = f"A name has 1 to {LONGEST} characters."
        return render_template(
            "tour/live/cookies.html", user=user, problem=problem
        ), 422
    response = make_response(
        render_template("tour/live/readcookie.html")
    )
    response.set_cookie(
        "userID",
        user,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.get("/getcookie")
def getcookie() -> str:
    return render_template(
        "tour/live/getcookie.html", user=request.cookies.get("userID")
    )


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
