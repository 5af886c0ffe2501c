"""The live chapters as Flask wrote them, a module each.

Each runs by itself, and all of them are one application here:
`flask --app qapp.tour.originals run`
"""

from __future__ import annotations

import secrets

from flask import Flask
from flask_wtf import CSRFProtect

from . import application, cookies

CHAPTERS = (
    application.blueprint,
    cookies.blueprint,
)


def create_app() -> Flask:
    """Make one application of all chapters."""
    app = Flask(
        __name__,
        template_folder="../templates",
        static_folder="../../static",
    )
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax"
    )
    CSRFProtect(app)
    for blueprint in CHAPTERS:
        app.register_blueprint(blueprint)
    return app
