"""How often a visitor may do something."""

from __future__ import annotations

from quart import current_app, request

from qapp.ext.limits import Rate, network_of, take
from qapp.extensions import db

from .templating import now_ms


async def count_try(name: str, who: str | None = None) -> None:
    """Count a try against the limit of this name in `RATE_LIMITS`, if it has one.

    :param who: of whom; by default the address that asks.
    :raises RateLimited: if there were too many already.
    """
    rate = current_app.config["RATE_LIMITS"].get(name)
    if rate is not None:
        key = f"{name}:{who or network_of(request.remote_addr)}"
        await take(db, key, Rate(*rate), now_ms=now_ms())
