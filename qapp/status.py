"""Say how the site is: to load balancers, and to people who ask what it is."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.metadata import version

from quart import Blueprint, Response, current_app, render_template

from .ext.database import DatabaseError, driver
from .extensions import db

blueprint = Blueprint("status", __name__)

READY_WITHIN_S = 3
PACKAGES = ("quart", "hypercorn", "aiosqlite", "qapp")


@blueprint.get("/healthz")
async def healthz() -> Response:
    """Say that the process answers."""
    return _plain("ok\n")


@blueprint.get("/readyz")
async def readyz() -> Response:
    """Say whether requests can be served: the database answers, in this version's schema."""
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            revision = await db.fetch_value("SELECT version_num FROM alembic_version")
    except (DatabaseError, TimeoutError) as error:
        current_app.logger.warning("Not ready: %s", error or "the database does not answer")
        return _plain("the database does not answer\n", 503)
    if revision != current_app.config["SCHEMA_REVISION"]:
        return _plain("the database has another version's schema\n", 503)
    return _plain("ready\n")


@blueprint.get("/about")
async def about() -> str:
    """Show what this site is made of."""
    return await render_template("about.html", versions=versions())


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Return names and versions; once, as it reads files."""
    return (*((name, version(name)) for name in PACKAGES), ("SQLite", driver.version))


def _plain(text: str, status: int = 200) -> Response:
    return Response(text, status, {"Cache-Control": "no-store"}, mimetype="text/plain")
