"""The SQL of the contact form."""

from __future__ import annotations

from qapp.ext.database import Executor


async def is_blocked(db: Executor, *, domain: str) -> bool:
    """Tell whether addresses of a domain are not taken; capitals don't count."""
    found = await db.fetch_value(
        "SELECT 1 FROM blocked_domains WHERE domain = :domain", {"domain": domain.lower()}
    )
    return found is not None
