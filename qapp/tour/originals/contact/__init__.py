"""Forms that become mail, in Flask, with Flask-WTF and Flask-Mail.

`flask --app qapp.tour.originals.contact run` serves the pages of the
site's own contact section. It suppresses its mail until it is told
where to send it, by `FLASK_MAIL_SUPPRESS_SEND=false` and
`FLASK_MAIL_SERVER=mail.example.org`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_wtf import CSRFProtect

from . import extensions, views

TWO_MIB = 2 * 1024 * 1024


def create_app(
    config: Mapping[str, Any] | None = None,
    instance_path: str | None = None,
) -> Flask:
    """Make the application, with a database in its instance folder.

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
        DATABASE=str(Path(app.instance_path, "contact.sqlite")),
        OPERATOR_ADDRESS="operator@localhost",
        MAIL_DEFAULT_SENDER="qapp@localhost",
        MAIL_SUPPRESS_SEND=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=TWO_MIB,
        MAX_FORM_MEMORY_SIZE=TWO_MIB,
    )
    app.config.from_prefixed_env()
    app.config.from_mapping(config)
    Path(app.instance_path).mkdir(0o700, parents=True, exist_ok=True)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

    CSRFProtect(app)
    extensions.init_app(app)
    app.register_blueprint(views.blueprint)
    # The site's pages lead to its front page, which is not here.
    app.add_url_rule("/", "blog.index", redirect_to="/contact")
    return app
