"""The applications that mail, each with a domain whose addresses it does not take."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from flask import Flask
from quart import Quart

from qapp.extensions import db
from qapp.tour.originals import contact
from qapp.tour.originals.contact.extensions import get_db

from .sides import site

FLASK = f"{__name__}:flask_app"
HERE = f"{__name__}:site_app"
BLOCKED = "spam.example"


def flask_app(instance_path: str) -> Flask:
    """Make the Flask original."""
    app = contact.create_app(instance_path=instance_path)
    with app.app_context(), get_db() as connection:
        connection.execute("INSERT INTO blocked_domains VALUES (?)", (BLOCKED,))
    return app


def site_app(instance_path: str) -> Quart:
    """Make the site."""
    app = site(instance_path)

    @app.while_serving
    async def block() -> AsyncGenerator[None, None]:
        await db.execute("INSERT INTO blocked_domains VALUES (:domain)", {"domain": BLOCKED})
        yield

    return app
