"""The applications on a database from before its last migration, with students in it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from quart import Quart
from sqlalchemy import text

from qapp import migrations
from qapp.ext.database.driver import sqlite
from qapp.tour.originals import migrations as originals
from qapp.tour.originals.students.models import db

from .sides import site

FLASK = f"{__name__}:flask_app"
HERE = f"{__name__}:site_app"
# Both before students had versions.
OLD_FLASK, OLD_HERE = "0001", "0004"
ADD = (
    "INSERT INTO students (name, city, addr, pin) VALUES"
    " ('Asha Rao', 'Pune', '14 MG Road', '411001'), ('Zoë', 'Ærøskøbing', 'x', '5970')"
)


def flask_app(instance_path: str) -> Flask:
    """Make the Flask original."""
    with migrations.alone():  # other comparisons migrate in threads meanwhile
        with originals.application(instance_path).app_context():
            upgrade(revision=OLD_FLASK)
            db.session.execute(text(ADD))
            db.session.commit()
        return originals.create_app(instance_path)


def site_app(instance_path: str) -> Quart:
    """Make the site, which migrates when it starts."""
    path = Path(instance_path, "qapp.db")
    migrations.upgrade(path, OLD_HERE)
    with closing(sqlite.connect(str(path))) as connection:
        connection.execute(ADD)
        connection.commit()
    return site(instance_path)
