"""The table of the students."""

from __future__ import annotations

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base of the models."""


db = SQLAlchemy(model_class=Base)


class Student(db.Model):  # type: ignore[name-defined,misc]
    """A student. `pin` is a postcode: some begin with a zero."""

    __tablename__ = "students"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    city: Mapped[str]
    addr: Mapped[str]
    pin: Mapped[str]
    # Counts the changes, so that of two who edit one student neither
    # overwrites the other.
    version: Mapped[int] = mapped_column(server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
