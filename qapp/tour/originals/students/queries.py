"""The queries of the students, by the ORM."""

from __future__ import annotations

from collections.abc import Mapping

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import delete, or_, select
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import NotFound

from .models import Student as Record

COLUMNS = ("name", "city", "addr", "pin")


class StudentChanged(Exception):
    """Somebody changed the student meanwhile."""


def search_students(
    orm: SQLAlchemy,
    *,
    words: str,
    column: str | None,
    order: str,
    is_descending: bool,
    per_page: int | None = None,
) -> Pagination:
    """Return the page, of the number that the request names."""
    statement = select(Record)
    if words:
        looked_at = [column] if column else COLUMNS
        contains = [
            getattr(Record, each).icontains(words, autoescape=True)
            for each in looked_at
        ]
        statement = statement.where(or_(*contains))
    keys = (getattr(Record, order), Record.id)
    statement = statement.order_by(
        *(key.desc() if is_descending else key for key in keys)
    )
    return orm.paginate(statement, per_page=per_page, max_per_page=100)


def save_student(orm: SQLAlchemy, record: Record) -> None:
    """Store a new student."""
    orm.session.add(record)
    orm.session.commit()


def change_student(
    orm: SQLAlchemy,
    record: Record,
    *,
    version: int,
    values: Mapping[str, str],
) -> None:
    """Change a student, of the version that was seen.

    :raises StudentChanged: if somebody changed or removed it since;
        nothing is stored then.
    """
    if record.version != version:
        raise StudentChanged
    for column, value in values.items():
        setattr(record, column, value)
    try:
        orm.session.commit()
    except StaleDataError as error:
        orm.session.rollback()
        raise StudentChanged from error


def remove_student(orm: SQLAlchemy, record: Record) -> None:
    """Remove a student, whoever changed it meanwhile.

    :raises NotFound: if it is gone already.
    """
    removed = orm.session.execute(
        delete(Record)
        .where(Record.id == record.id)
        .returning(Record.id)
    )
    if removed.first() is None:
        raise NotFound
    orm.session.commit()
