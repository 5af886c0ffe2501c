"""How often a program may ask, and what it is told of that."""

from __future__ import annotations

from quart import Quart, Response, current_app, g

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


async def tell_standing(response: Response) -> Response:
    """Tell the client what is left to it (draft-ietf-httpapi-ratelimit-headers-06)."""
    standing: Standing | None = g.get("standing")
    if standing is not None:
        response.headers["RateLimit-Limit"] = str(standing.limit)
        response.headers["RateLimit-Remaining"] = str(standing.remaining)
        response.headers["RateLimit-Reset"] = str(standing.reset_s)
    return response
