"""The database: one connection for each request that needs one."""

from __future__ import annotations

import sqlite3

from flask import Flask, current_app, g


def init_app(app: Flask) -> None:
    """Make the tables that are missing, and close what is opened."""
    app.teardown_appcontext(close_db)
    with app.app_context():
        init_db()


def get_db() -> sqlite3.Connection:
    """Return this request's connection, opened at the first call."""
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
        g.db.row_factory = sqlite3.Row
        g.db.execute("PRAGMA foreign_keys = ON")
    db: sqlite3.Connection = g.db
    return db


def close_db(_: BaseException | None = None) -> None:
    """Close the connection; what is not committed is lost."""
    db = g.pop("db", None)
    if db is not None:
        db.close()


def init_db() -> None:
    """Make the tables that are missing."""
    with current_app.open_resource("schema.sql", "rt") as schema:
        get_db().executescript(schema.read())
