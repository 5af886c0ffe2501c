"""The SQL of the events. Their ids show in the order of their commits: SQLite has one writer."""

from __future__ import annotations

from typing import NamedTuple

from qapp.ext.database import Executor


class Event(NamedTuple):
    """An event as it is stored; `data` is JSON."""

    id: int
    channel: str
    kind: str
    data: str


async def add_event(db: Executor, *, channel: str, kind: str, data: str) -> None:
    """Add an event."""
    await db.execute(
        "INSERT INTO live_events (channel, kind, data) VALUES (:channel, :kind, :data)",
        {"channel": channel, "kind": kind, "data": data},
    )


async def list_newest(db: Executor, *, after: int, limit: int) -> list[Event]:
    """Return the newest events whose ids are larger than `after`, oldest first."""
    rows = await db.fetch_all(
        """
        SELECT id, channel, kind, data FROM live_events
        WHERE id > :after ORDER BY id DESC LIMIT :limit
        """,
        {"after": after, "limit": limit},
        into=Event,
    )
    return rows[::-1]


async def pass_writes(db: Executor) -> None:
    """Wait until what was written, or begun to be, before this call is committed or rolled back."""
    await db.execute("UPDATE live_events SET kind = kind WHERE id = -1")
