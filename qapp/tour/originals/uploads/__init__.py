"""Uploads in Flask, with Flask-WTF.

`flask --app qapp.tour.originals.uploads run` serves the pages of the
site's own files. Who may delete one is a user of flaskr, the blog.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from werkzeug.exceptions import NotFound
from flask import Flask
from flask.typing import ResponseReturnValue

from qapp.tour.originals import flaskr

from . import queries, views

LARGEST_BYTES = 25 * 1024 * 1024
QUOTA_BYTES = 4 * LARGEST_BYTES


def create_app(
    config: Mapping[str, Any] | None = None,
    instance_path: str | None = None,
) -> Flask:
    """Make the application, with its files in its instance folder.

    :param config: settings other than the default ones.
    :param instance_path: the folder; by default that of Flask.
    """
    app = flaskr.create_app(config, instance_path)
    folder = Path(app.instance_path, "uploads")
    folder.mkdir(0o700, exist_ok=True)
    app.config.from_mapping(
        UPLOAD_FOLDER=folder,
        UPLOAD_QUOTA=QUOTA_BYTES,
        MAX_CONTENT_LENGTH=LARGEST_BYTES,
    )
    app.config.from_mapping(config)
    app.register_blueprint(views.blueprint)
    app.register_error_handler(OverflowError, no_such_number)
    with app.app_context():
        queries.create_table()
    return app


def no_such_number(_: OverflowError) -> ResponseReturnValue:
    """Say that nothing has a number that SQLite can't hold."""
    return NotFound().get_response()
