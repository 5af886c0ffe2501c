"""The SQL of the contact form."""

from __future__ import annotations

from qapp.ext.database import Executor


async def is_blocked(db: Executor, *, domain: str) -> bool:
    """Tell whether addresses of a domain are not taken; capitals don't count."""
    found = await db.fetch_value(
        "SELECT 1 FROM blocked_domains WHERE domain = :domain", {"domain": domain.lower()}
    )
    return found is not None


async def list_blocked_domains(db: Executor) -> list[str]:
    """Return the domains whose addresses are not taken, in the order of their letters."""
    rows = await db.fetch_all("SELECT domain FROM blocked_domains ORDER BY domain")
    return [row.domain for row in rows]


async def add_blocked_domain(db: Executor, *, domain: str) -> None:
    """Take no addresses of a domain, in small letters; it may be so already."""
    await db.execute(
        "INSERT INTO blocked_domains (domain) VALUES (:domain) ON CONFLICT DO NOTHING",
        {"domain": domain},
    )


async def remove_blocked_domain(db: Executor, *, domain: str) -> bool:
    """Take addresses of a domain again; tell whether they were not taken."""
    return bool(
        await db.execute("DELETE FROM blocked_domains WHERE domain = :domain", {"domain": domain})
    )
