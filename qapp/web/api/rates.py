"""How often a program may ask, and what it is told of that."""

from __future__ import annotations

from quart import Quart, current_app, g
from werkzeug.datastructures import Headers

from qapp.ext.limits import Rate, RateLimited, Shares, Standing
from qapp.extensions import db
from qapp.web.templating import now_ms

EXTENSION = "api_rates"
LIMIT = "api"  # its name in RATE_LIMITS


def init_app(app: Quart) -> None:
    """Count each app's requests by themselves."""
    app.extensions[EXTENSION] = Shares()


async def count_request(who: str) -> None:
    """Count a request of somebody, against what all workers let him have.

    :raises RateLimited: if there were too many already.
    """
    limit = current_app.config["RATE_LIMITS"].get(LIMIT)
    if limit is None:
        return
    shares: Shares = current_app.extensions[EXTENSION]
    try:
        g.standing = await shares.take(db, f"{LIMIT}:{who}", Rate(*limit), now_ms=now_ms())
    except RateLimited as limited:
        g.standing = Standing(limit[0], 0, limited.retry_after_s)
        raise


def tell_standing(headers: Headers) -> None:
    """Tell the client what is left to it (draft-ietf-httpapi-ratelimit-headers-06)."""
    standing: Standing | None = g.get("standing")
    if standing is not None:
        headers.add("RateLimit-Limit", str(standing.limit))
        headers.add("RateLimit-Remaining", str(standing.remaining))
        headers.add("RateLimit-Reset", str(standing.reset_s))
