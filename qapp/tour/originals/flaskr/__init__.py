"""A whole blog in Flask: `flask --app qapp.tour.originals.flaskr run`

Pages and behaviour are those of the site's own blog.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_wtf import CSRFProtect

from qapp.web.templating import iso_time, now_ms, relative_time

from . import auth, blog, db

TWO_MIB = 2 * 1024 * 1024
TWO_WEEKS_S = 14 * 24 * 60 * 60


def create_app(
    config: Mapping[str, Any] | None = None,
    instance_path: str | None = None,
) -> Flask:
    """Make the blog, with a database in its instance folder.

    :param config: settings other than the default ones.
    :param instance_path: the folder; by default that of Flask.
    """
    app = Flask(
        __name__,
        instance_path=instance_path,
        # The frame; the pages in it are those of the site.
        template_folder="../../templates",
        static_folder="../../../static",
    )
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(),
        DATABASE=str(Path(app.instance_path, "flaskr.sqlite")),
        REGISTRATION=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=TWO_WEEKS_S,
        MAX_CONTENT_LENGTH=TWO_MIB,
        MAX_FORM_MEMORY_SIZE=TWO_MIB,
    )
    app.config.from_mapping(config)
    Path(app.instance_path).mkdir(0o700, parents=True, exist_ok=True)

    CSRFProtect(app)
    db.init_app(app)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(blog.blueprint)
    app.add_template_filter(iso_time)
    app.add_template_filter(relative_time)
    app.context_processor(lambda: {"now_ms": now_ms()})
    app.add_template_global(
        app.config["REGISTRATION"], "registration_open"
    )
    return app
