"""The tables of an ORM: declared, made and read, under SQLAlchemy's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quart import current_app
from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.ext.asyncio import AsyncEngine

from .engines import Engines
from .link import TAKE_LOCK
from .names import find_name

EXTENSION = "sqlalchemy"


class Schema:
    """The tables of an ORM's models.

    :ivar Model: the base of the models.
    """

    Model: Any

    @property
    def _engines(self) -> Engines:
        engines: Engines | None = current_app.extensions.get(EXTENSION)
        if engines is None:
            raise RuntimeError("the current app has no ORM: call orm.init_app(app)")
        return engines

    @property
    def metadata(self) -> MetaData:
        """Return the models' tables."""
        metadata: MetaData = self.Model.metadata
        return metadata

    @property
    def engine(self) -> AsyncEngine:
        """Return the current app's engine, which is another while it serves.

        :raises RuntimeError: outside of an app context.
        """
        return self._engines.current

    def Table(self, name: str, *args: Any, **kwargs: Any) -> Table:  # noqa: N802 - as it is called
        """Return a table of the models' `metadata`: what joins many to many, mostly.

        :param args: those of SQLAlchemy's `Table`, its metadata left out or not.
        """
        if args and isinstance(args[0], MetaData):
            return Table(name, *args, **kwargs)
        return Table(name, self.metadata, *args, **kwargs)

    async def create_all(self) -> None:
        """Create the tables that do not exist, with several workers at once too."""
        await self._change_schema(self.metadata.create_all)

    async def drop_all(self) -> None:
        """Drop the tables of the models."""
        await self._change_schema(self.metadata.drop_all)

    async def reflect(self) -> None:
        """Read into `metadata` which tables the database has, beside those of the models."""
        async with self.engine.connect() as connection:
            await connection.run_sync(self.metadata.reflect)

    async def _change_schema(self, change: Callable[[Connection], None]) -> None:
        async with self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                await connection.exec_driver_sql(TAKE_LOCK)
            await connection.run_sync(change)

    def __getattr__(self, name: str) -> Any:
        return find_name(name)
