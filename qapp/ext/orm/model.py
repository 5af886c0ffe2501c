"""The base of models: table names, `repr`, and lazy loads that say what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, event, inspect
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import (
    DeclarativeBase,
    MappedColumn,
    ORMExecuteState,
    RelationshipProperty,
    Session,
)
from sqlalchemy.util.concurrency import in_greenlet

from .link import TAKE_LOCK
from .names import NoQuery

WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?!^)(?=[A-Z][a-z])")


class LazyLoadError(MissingGreenlet):
    """An attribute was read that is not loaded, and reading an attribute cannot await."""


class Model(AsyncAttrs):
    """What `orm.Model` adds to a declarative base.

    A class without a table name gets its own in snake_case (`BlogPost` is `blog_post`), unless it
    inherits one from a mixin or an abstract class, or has no primary key of its own below another
    model: that is single-table inheritance. To have types checked, write the base out:

        class Base(Model, DeclarativeBase):
            pass

        orm = ORM(model_class=Base)
    """

    if not TYPE_CHECKING:  # which says so itself, and lets a model have a column of that name
        query = NoQuery()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if not _has_table_name(cls):
            single = _is_below_model(cls) and not _has_primary_key(cls)
            name = None if single else snake_case(cls.__name__)
            cls.__tablename__ = name  # type: ignore[attr-defined]  # it is SQLAlchemy's to declare
        super().__init_subclass__(**kwargs)

    def __repr__(self) -> str:
        state = inspect(self, raiseerr=True)
        if state.transient:
            key = f"(transient {id(self)})"
        elif state.pending:
            key = f"(pending {id(self)})"
        else:
            key = ", ".join(map(str, state.identity or ()))
        return f"<{type(self).__name__} {key}>"


def snake_case(name: str) -> str:
    """Return the table name of a class of this name."""
    return WORD_ENDS.sub("_", name).lower().lstrip("_")


def _is_model(cls: type[Any]) -> bool:
    return "__mapper__" in cls.__dict__


def _is_below_model(cls: type[Any]) -> bool:
    return any(_is_model(base) for base in cls.__mro__)


def _unmapped(cls: type[Any]) -> Iterator[type[Any]]:
    """Yield the class and what it inherits from beside its parent model: mixins, abstract bases."""
    for base in cls.__mro__:
        if _is_model(base):
            return
        yield base


def _has_table_name(cls: type[Any]) -> bool:
    """Tell whether the class says its table, or needs none as it is no model itself."""
    own = cls.__dict__
    if own.get("__abstract__", False) or DeclarativeBase in cls.__bases__:
        return True
    if not issubclass(cls, DeclarativeBase):  # a mixin
        return True
    return any(
        "__tablename__" in base.__dict__ or "__table__" in base.__dict__ for base in _unmapped(cls)
    )


def _has_primary_key(cls: type[Any]) -> bool:
    for base in _unmapped(cls):
        for value in vars(base).values():
            column = value.column if isinstance(value, MappedColumn) else value
            if isinstance(column, Column) and column.primary_key:
                return True
    return False


def model_base(model_class: type[DeclarativeBase] | None, metadata: MetaData | None) -> type[Any]:
    """Return the base for an ORM's models: the given one if it is a `Model`, else one made of it.

    :raises ValueError: if both are given: a base has its metadata already.
    """
    if model_class is None:
        return type("Model", (Model, DeclarativeBase), {"metadata": metadata or MetaData()})
    if metadata is not None:
        raise ValueError("give metadata to the model class, or leave model_class out")
    if not isinstance(model_class, type) or not issubclass(model_class, DeclarativeBase):
        raise ValueError("model_class is a subclass of sqlalchemy.orm.DeclarativeBase")
    if issubclass(model_class, Model):
        return model_class
    return type("Model", (Model, model_class), {"__abstract__": True})


def refuse_lazy_load(execution: ORMExecuteState) -> None:
    """Raise `LazyLoadError` for a load that comes from an attribute, not from an await."""
    if in_greenlet() or not (execution.is_relationship_load or execution.is_column_load):
        return
    mapper = execution.bind_mapper
    name = mapper.class_.__name__ if mapper is not None else "the object"
    if not execution.is_relationship_load:
        raise LazyLoadError(
            f"an attribute of {name} is not loaded, as it is deferred, expired or set by the "
            "database, and reading it cannot await: write `await orm.session.refresh(obj)` before, "
            "or `await obj.awaitable_attrs.<attribute>` instead"
        )
    parent = execution.lazy_loaded_from
    owner = parent.class_.__name__ if parent is not None else name
    path = execution.loader_strategy_path
    steps = reversed(path.path if path is not None else ())
    key = next((step.key for step in steps if isinstance(step, RelationshipProperty)), "…")
    raise LazyLoadError(
        f"{owner}.{key} is not loaded, and reading it cannot await: load it with its {owner}, "
        f"`select({owner}).options(selectinload({owner}.{key}))`, or write "
        f"`await obj.awaitable_attrs.{key}` instead"
    )


def lock_for_update(execution: ORMExecuteState) -> None:
    """Take SQLite's write lock for `with_for_update()`, as it has no locks on rows."""
    if getattr(execution.statement, "_for_update_arg", None) is None:
        return
    connection = execution.session.connection(bind_arguments=dict(execution.bind_arguments))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(TAKE_LOCK)


class ModelSession(Session):
    """The synchronous session inside each `AsyncSession`."""


event.listen(ModelSession, "do_orm_execute", refuse_lazy_load)
event.listen(ModelSession, "do_orm_execute", lock_for_update)
