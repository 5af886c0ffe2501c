"""The SQL of the contact form."""

from __future__ import annotations

from sqlite3 import Connection


def is_blocked(db: Connection, *, domain: str) -> bool:
    """Tell whether addresses of a domain are not taken."""
    found = db.execute(
        "SELECT 1 FROM blocked_domains WHERE domain = ?",
        (domain.lower(),),
    ).fetchone()
    return found is not None
