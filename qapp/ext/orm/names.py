"""The names of `sqlalchemy` on an ORM, and what to write for those that it does not offer."""

from __future__ import annotations

from typing import Any, NoReturn

import sqlalchemy
import sqlalchemy.orm

INSTEAD = {
    "engines": "there is one database: write `db.engine`",
    "get_engine": "there is one database: write `db.engine`",
    "metadatas": "there is one database: write `db.metadata`",
}


def find_name(name: str) -> Any:
    """Return what `sqlalchemy` or `sqlalchemy.orm` has under a name, or raise AttributeError."""
    if name in INSTEAD:
        raise AttributeError(f"{name} is not offered: {INSTEAD[name]}")
    if not name.startswith("_"):
        for module in (sqlalchemy, sqlalchemy.orm):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"neither the ORM nor SQLAlchemy has {name!r}")


class NoQuery:
    """What Flask-SQLAlchemy's `Model.query` is here: an error that says what to write."""

    def __get__(self, _: object, owner: type[Any]) -> NoReturn:
        name = owner.__name__
        raise AttributeError(
            f"{name}.query is not offered, as its `all()` and `first()` could not await: write "
            f"`await db.session.scalars(db.select({name}).filter_by(…))`"
        )
