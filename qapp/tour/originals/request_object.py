"""The request: what it says, part by part, on a page."""

import os
import secrets
from collections.abc import Iterable

from flask import (
    Blueprint,
    Flask,
    current_app,
    render_template,
    request,
)
from flask_wtf import CSRFProtect

blueprint = Blueprint("request_object", __name__)

Pair = tuple[str, str]

ADDRESS = (
    "method",
    "path",
    "script_root",
    "url",
    "base_url",
    "url_root",
)
LONGEST = 200  # characters of a name or a value that are shown
SECRET = ("authorization", "cookie", "csrf", "session")


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def is_secret(name: str, value: str) -> bool:
    interface = current_app.session_interface
    if name == interface.get_cookie_name(current_app):
        return True
    if any(word in name.lower() for word in SECRET):
        return True
    return "csrf_token=" in value


def told(pairs: Iterable[Pair]) -> list[Pair]:
    """Return what to show; of a secret its name alone."""
    return [
        (
            cut(name),
            "kept to itself" if is_secret(name, value) else cut(value),
        )
        for name, value in pairs
    ]


@blueprint.route("/request", methods=["GET", "POST"])
def show() -> str:
    form = request.form
    files = request.files
    address = [(name, getattr(request, name)) for name in ADDRESS]
    parts = {
        "request": told(address),
        "request.args": told(request.args.items(multi=True)),
        "request.form": told(form.items(multi=True)),
        "request.cookies": told(request.cookies.items(multi=True)),
        "request.headers": told(request.headers.items()),
    }
    uploads = [
        (
            cut(field),
            cut(file.filename or ""),
            file.stream.seek(0, os.SEEK_END),
            cut(file.mimetype),
        )
        for field, file in files.items(multi=True)
    ]
    return render_template(
        "tour/live/request.html", parts=parts, uploads=uploads
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
