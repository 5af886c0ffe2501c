"""Say how the site is: to load balancers, to operators and their programs, to who asks."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
from functools import cache, partial
from importlib.metadata import version

from quart import Blueprint, Response, current_app, render_template, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from qapp.accounts import User, operator_first
from qapp.config import LOCAL_HOSTS
from qapp.ext.database import DatabaseError, driver
from qapp.extensions import db, metrics
from qapp.web.security import is_own
from qapp.web.templating import now_ms

from . import queries
from .board import board_of

blueprint = Blueprint("status", __name__)

READY_WITHIN_S = 3
# A request with a header that begins so was sent on by a proxy: who asked is not who connects.
FORWARDED = ("forwarded", "x-forwarded-", "x-real-ip", "via")
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


@blueprint.get("/admin/")
@operator_first
async def admin(_: User) -> ResponseReturnValue:
    """Show operators what all workers do, or one of them, in the last two minutes."""
    worker = request.args.get("worker")
    if worker is not None and not re.fullmatch("[0-9]{1,10}", worker):
        raise NotFound
    board = await metrics.report(partial(board_of, pid=int(worker) if worker else None))
    page = await render_template(
        "status/admin.html",
        board=board,
        mail=await queries.count_mail(db),
        now_ms=now_ms(),
    )
    return page, 404 if board.is_gone else 200, {"Cache-Control": "no-store"}


@blueprint.get("/metrics", endpoint="metrics")
async def show_metrics() -> Response:
    """Give the figures of all workers to Prometheus."""
    if not may_read_metrics():
        refusal = _plain("This needs the token that QAPP_METRICS_TOKEN sets.\n", 401)
        refusal.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refusal
    response = _plain(await metrics.exposition())
    response.content_type = metrics.CONTENT_TYPE
    return response


def may_read_metrics() -> bool:
    """Tell whether a request may read the figures.

    Where a token is set, it decides. Without one, a site that has only local names shows them to
    programs on its machine; with others, a proxy makes everybody look like one of those.
    """
    config = current_app.config
    token: str | None = config["METRICS_TOKEN"]
    if token is not None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        fits = hmac.compare_digest(given.strip().encode(), token.encode())
        return scheme.lower() == "bearer" and fits
    is_local_site = set(config["TRUSTED_HOSTS"]).issubset(LOCAL_HOSTS)
    is_plain = config["PREFERRED_URL_SCHEME"] == "http"
    is_forwarded = any(name.lower().startswith(FORWARDED) for name, _ in request.headers)
    return (
        is_local_site
        and is_plain
        and not is_forwarded
        and is_own(request.headers.get("Host", ""), LOCAL_HOSTS)
        and is_loopback(request.remote_addr)
    )


def is_loopback(address: str | None) -> bool:
    """Tell whether an address is one of this machine to itself."""
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


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
