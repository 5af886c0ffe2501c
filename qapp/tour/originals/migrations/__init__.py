"""The students again, whose table Flask-Migrate makes and changes.

`flask --app qapp.tour.originals.migrations db history` lists how.
"""

from __future__ import annotations

from pathlib import Path

from flask_migrate import Migrate, upgrade
from flask import Flask

from qapp.tour.originals import students
from qapp.tour.originals.students.models import db


def application(instance_path: str | None = None) -> Flask:
    """Make the application; its database stays as it is."""
    app = students.application(instance_path=instance_path)
    Migrate(app, db, directory=str(Path(__file__).parent))
    return app


def create_app(instance_path: str | None = None) -> Flask:
    """Make the application and bring its database up to date."""
    app = application(instance_path)
    with app.app_context():
        upgrade()
    return app
