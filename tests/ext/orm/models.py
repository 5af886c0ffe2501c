"""The models of the Flask tutorials, as their readers write them, and apps that use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quart import Quart
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from qapp.ext.orm import ORM, Model


class Base(Model, DeclarativeBase):
    pass


class User(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    age: Mapped[int] = mapped_column(default=0)
    posts: Mapped[list[Post]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Post(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author: Mapped[User | None] = relationship(back_populates="posts")


def make_app(folder: Path, orm: ORM | None = None, **config: Any) -> tuple[Quart, ORM]:
    """Make an app with its database in a folder."""
    orm = orm or ORM(model_class=Base)
    app = Quart("tests.ext.orm", instance_path=str(folder))
    app.config.update({"SQLALCHEMY_DATABASE_URI": "sqlite:///app.db", **config})
    orm.init_app(app)
    return app, orm
