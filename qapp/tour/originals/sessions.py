"""Sessions: a few values for one visitor, in a signed cookie."""

import secrets

from flask import (
    Blueprint,
    Flask,
    abort,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

blueprint = Blueprint("sessions", __name__)

LONGEST = 200  # the whole cookie has to stay below 4096 bytes
SECRET = frozenset({"csrf_token", "login"})


def username() -> str | None:
    return session.get("username")


def held() -> dict[str, object]:
    """Return what the session holds; of a secret its name alone."""
    return {
        name: "kept to itself"
        if name in SECRET or name.startswith("_")
        else session[name]
        for name in sorted(session)
    }


def session_page(
    note: str = "",
    problem: str | None = None,
) -> str:
    return render_template(
        "tour/live/session.html",
        user=username(),
        held=held(),
        note=note,
        problem=problem,
    )


@blueprint.get("/session")
def show() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return session_page(note=session.get("note", ""))


@blueprint.post("/session")
def change() -> ResponseReturnValue:
    form = request.form
    if form["action"] == "pop":
        session.pop("note", None)
    elif form["action"] == "set":
        note = form["note"]
        if not 0 < len(note) <= LONGEST:
            problem = f"A note has 1 to {LONGEST} characters."
            return session_page(note, problem), 422
        session["note"] = note
    else:
        abort(400)
    return redirect(url_for(".show"))


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
