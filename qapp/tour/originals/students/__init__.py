"""Students in Flask, with Flask-SQLAlchemy.

`flask --app qapp.tour.originals.students run` serves the pages of the
site's own students. Who may change one is a user of flaskr, the blog.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import NotFound
from flask import Flask
from flask.typing import ResponseReturnValue

from qapp.tour.originals import flaskr

from . import views
from .models import db


def application(
    config: Mapping[str, Any] | None = None,
    instance_path: str | None = None,
) -> Flask:
    """Make the application, but not the table of the students."""
    app = flaskr.create_app(config, instance_path)
    app.config["SQLALCHEMY_DATABASE_URI"] = (
        f"sqlite:///{app.config['DATABASE']}"
    )
    db.init_app(app)
    app.register_blueprint(views.blueprint)
    app.register_error_handler(OverflowError, no_such_number)
    # The site's pages lead to its spreadsheets, which are not here.
    for path, name in (
        ("/students.csv", "csv"),
        ("/students/import", "import_file"),
    ):
        app.add_url_rule(
            path, f"students.{name}", redirect_to="/students"
        )
    return app


def create_app(
    config: Mapping[str, Any] | None = None,
    instance_path: str | None = None,
) -> Flask:
    """Make the application, with a database in its instance folder.

    :param config: settings other than the default ones.
    :param instance_path: the folder; by default that of Flask.
    """
    app = application(config, instance_path)
    with app.app_context():
        db.create_all()
    return app


def no_such_number(_: OverflowError) -> ResponseReturnValue:
    """Say that nothing has a number that SQLite can't hold."""
    return NotFound().get_response()
