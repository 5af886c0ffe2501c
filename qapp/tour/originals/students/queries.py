"""The queries of the students, by the ORM."""

from __future__ import annotations

from collections.abc import Mapping

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import QueryableAttribute
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
        contain = [
            _contains(getattr(Record, each), words)
            for each in looked_at
        ]
        statement = statement.where(or_(*contain))
    keys = (getattr(Record, order), Record.id)
    statement = statement.order_by(
        *(key.desc() if is_descending else key for key in keys)
    )
    return orm.paginate(statement, per_page=per_page, max_per_page=100)


def _contains(
    column: QueryableAttribute[str], words: str
) -> ColumnElement[bool]:
    if words.isascii():
        return column.icontains(words, autoescape=True)
    # SQLite's lower() knows the letters of ASCII only.
    return column.op("GLOB", is_comparison=True)(
        f"*{''.join(map(_any_case, words))}*"
    )


def _any_case(letter: str) -> str:
    """Return the GLOB pattern of a character in whatever case."""
    forms = {letter, letter.lower(), letter.upper()}
    cases = sorted(form for form in forms if len(form) == 1)
    if len(cases) > 1 or letter in "*?[":
        return f"[{''.join(cases)}]"
    return letter


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
