"""The mail, and a connection to the database for each request."""

from __future__ import annotations

import sqlite3

from flask import Flask, current_app, g
from flask_mail import Mail

mail = Mail()


def init_app(app: Flask) -> None:
    """Set up both; make the table if it is missing."""
    mail.init_app(app)
    app.teardown_appcontext(close_db)
    with app.app_context():
        get_db().execute(
            "CREATE TABLE IF NOT EXISTS blocked_domains"
            " (domain TEXT PRIMARY KEY)"
        )


def get_db() -> sqlite3.Connection:
    """Return this request's connection, opened at the first call."""
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
    db: sqlite3.Connection = g.db
    return db


def close_db(_: BaseException | None = None) -> None:
    """Close the connection; what is not committed is lost."""
    db = g.pop("db", None)
    if db is not None:
        db.close()
