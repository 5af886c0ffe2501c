"""The live chapters as Flask wrote them, a module each.

Each runs by itself, and all of them are one application here:
`flask --app qapp.tour.originals run`
"""

from __future__ import annotations

import secrets

from flask import Flask
from flask_wtf import CSRFProtect

from . import (
    ajax,
    application,
    cookies,
    flashing,
    form_data,
    http_methods,
    redirects_and_errors,
    request_object,
    routing,
    sessions,
    static_files,
    templates,
    url_building,
    variable_rules,
)

CHAPTERS = (
    application.blueprint,
    routing.blueprint,
    variable_rules.blueprint,
    url_building.blueprint,
    http_methods.blueprint,
    templates.blueprint,
    static_files.blueprint,
    request_object.blueprint,
    form_data.blueprint,
    cookies.blueprint,
    sessions.blueprint,
    redirects_and_errors.blueprint,
    flashing.blueprint,
    ajax.blueprint,
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
