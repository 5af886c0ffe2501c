"""Entries in bulk, for tests that need more of them than one would type."""

from __future__ import annotations

from quart import Quart

from qapp.accounts import find_author
from qapp.extensions import db


async def fill(
    app: Quart, count: int, *, author: str = "alice", first: int = 1, text: str = "Text"
) -> None:
    """Add entries "Entry 1", "Entry 2", … of a user, all with one text."""
    async with app.app_context():
        user = await find_author(db, username=author)
        await db.execute_many(
            """
            INSERT INTO entries (author_id, title, text, html, plain, created_at)
            VALUES (:author_id, :title, :text, '<p>' || :text || '</p>', :text, :created_at)
            """,
            [
                {
                    "author_id": user.id,
                    "title": f"Entry {number}",
                    "text": text,
                    "created_at": number,
                }
                for number in range(first, first + count)
            ],
        )
