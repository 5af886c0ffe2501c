"""Sixteen ORM writers, sixteen of the data layer and readers of both, in as many processes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sqlalchemy.orm import selectinload

from qapp.ext.database import Database

from .models import Post, User, make_app

WRITERS = 16
ROWS_EACH = 5


async def all_at_once(folder: Path, name: str) -> None:
    """Write `2 * WRITERS * ROWS_EACH` users, and posts of half of them, beside readers."""
    app, orm = make_app(folder)

    async def write_by_orm(writer: int) -> None:
        for row in range(ROWS_EACH):
            async with app.app_context():
                # What it reads first would keep it from writing, had it begun as a reader.
                await orm.session.scalar(orm.select(orm.func.count()).select_from(User))
                username = f"{name} orm {writer} {row}"
                orm.session.add(User(username=username, posts=[Post(title=username)]))
                await orm.session.flush()
                await orm.session.commit()

    async def write_by_database(writer: int) -> None:
        for row in range(ROWS_EACH):
            values = {"name": f"{name} sql {writer} {row}"}
            await db.execute("INSERT INTO user (username, age) VALUES (:name, 0)", values)

    async def read() -> None:
        while not done.is_set():
            async with app.app_context():
                query = orm.select(User).options(selectinload(User.posts))
                for user in await orm.session.scalars(query):
                    assert len(user.posts) == (" orm " in user.username)
            await db.fetch_value("SELECT count(*) FROM user")

    done = asyncio.Event()
    async with app.test_app(), Database(url=f"sqlite:///{folder}/app.db") as db:
        async with app.app_context():
            await orm.create_all()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(read()) for _ in range(3)]
            writers = [group.create_task(write_by_orm(each)) for each in range(WRITERS)]
            writers += [group.create_task(write_by_database(each)) for each in range(WRITERS)]
            await asyncio.wait(writers)
            done.set()
            await asyncio.wait(readers)


if __name__ == "__main__":
    asyncio.run(all_at_once(Path(sys.argv[1]), sys.argv[2]))
