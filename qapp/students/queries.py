"""The queries of the students: in SQL, and by the ORM where a visitor picks columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, delete, or_, select, tuple_
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.orm.exc import StaleDataError

from qapp.ext.database import Executor
from qapp.ext.orm import ORM, Pagination
from qapp.models import Student as Record
from qapp.web.errors import NotFound
from qapp.web.paging import PAGE_SIZE, Page, page_of

COLUMNS = ("name", "city", "addr", "pin")
ROWS_AT_ONCE = 1000


class StudentChanged(Exception):
    """Somebody changed the student meanwhile."""


class Student(NamedTuple):
    """A student, as SQL returns one."""

    id: int
    name: str
    city: str
    addr: str
    pin: str


class Versioned(NamedTuple):
    """A student, and how often it was changed."""

    id: int
    name: str
    city: str
    addr: str
    pin: str
    version: int


class Place(NamedTuple):
    """Where a page ended: the last student's id, and what it has in the sorted column."""

    id: int
    value: str


async def find_student(db: Executor, *, student_id: int) -> Versioned:
    """Return a student, or raise NotFound."""
    student = await db.fetch_one(
        "SELECT id, name, city, addr, pin, version FROM students WHERE id = :student_id",
        {"student_id": student_id},
        into=Versioned,
    )
    if student is None:
        raise NotFound
    return student


async def replace_student(
    db: Executor, *, student_id: int, version: int, values: Mapping[str, str]
) -> Versioned:
    """Give a student of the version that was seen other values, for all columns.

    :raises StudentChanged: if somebody changed or removed it since.
    """
    student = await db.fetch_one(
        """
        UPDATE students
        SET name = :name, city = :city, addr = :addr, pin = :pin, version = version + 1
        WHERE id = :student_id AND version = :version
        RETURNING id, name, city, addr, pin, version
        """,
        {"student_id": student_id, "version": version, **values},
        into=Versioned,
    )
    if student is None:
        raise StudentChanged
    return student


async def remove_version(db: Executor, *, student_id: int, version: int) -> None:
    """Remove a student of the version that was seen.

    :raises StudentChanged: if somebody changed or removed it since.
    """
    removed = await db.execute(
        "DELETE FROM students WHERE id = :student_id AND version = :version",
        {"student_id": student_id, "version": version},
    )
    if not removed:
        raise StudentChanged


async def list_students(db: Executor, *, before: int, limit: int = PAGE_SIZE) -> Page[Student]:
    """Return the page of students whose ids are smaller than `before`, newest first."""
    rows = await db.fetch_all(
        """
        SELECT id, name, city, addr, pin FROM students
        WHERE id < :before ORDER BY id DESC LIMIT :limit
        """,
        {"before": before, "limit": limit + 1},
        into=Student,
    )
    return page_of(rows, limit)


async def list_students_after(
    db: Executor, *, after: int, limit: int = ROWS_AT_ONCE
) -> list[Student]:
    """Return the first students whose ids are larger than `after`, oldest first."""
    return await db.fetch_all(
        """
        SELECT id, name, city, addr, pin FROM students
        WHERE id > :after ORDER BY id LIMIT :limit
        """,
        {"after": after, "limit": limit},
        into=Student,
    )


async def add_student(db: Executor, *, name: str, city: str, addr: str, pin: str) -> int:
    """Add a student and return the id."""
    student_id: int = await db.fetch_value(
        """
        INSERT INTO students (name, city, addr, pin) VALUES (:name, :city, :addr, :pin)
        RETURNING id
        """,
        {"name": name, "city": city, "addr": addr, "pin": pin},
    )
    return student_id


async def add_students(db: Executor, *, students: Sequence[Mapping[str, str]]) -> None:
    """Add students, each a value for every column."""
    await db.execute_many(
        "INSERT INTO students (name, city, addr, pin) VALUES (:name, :city, :addr, :pin)", students
    )


async def search_students(
    orm: ORM,
    *,
    words: str,
    column: str | None,
    order: str,
    is_descending: bool,
    per_page: int | None = None,
) -> Pagination[Record]:
    """Return the page, of the number that the request names, of the students that are looked for.

    :param words: what a column contains, in whatever case; "" is everything.
    :param column: the one that is looked at; None is all.
    :param order: the column they are sorted by, or "id".
    :param per_page: most students on the page; None is what the request names, or 20.
    """
    statement = _looked_for(words, column)
    keys = (getattr(Record, order), Record.id)
    statement = statement.order_by(*(key.desc() if is_descending else key for key in keys))
    return await orm.paginate(statement, per_page=per_page)


async def search_students_after(
    orm: ORM,
    *,
    words: str,
    column: str | None,
    order: str,
    is_descending: bool,
    place: Place | None,
    limit: int,
) -> Sequence[Record]:
    """Return the students that are looked for behind a place; the rest as `search_students`."""
    statement = _looked_for(words, column)
    keys = (Record.id,) if order == "id" else (getattr(Record, order), Record.id)
    if place is not None:
        end = (place.id,) if order == "id" else (place.value, place.id)
        here, there = tuple_(*keys), tuple_(*end)
        statement = statement.where(here < there if is_descending else here > there)
    statement = statement.order_by(*(key.desc() if is_descending else key for key in keys))
    return (await orm.session.scalars(statement.limit(limit))).all()


def _looked_for(words: str, column: str | None) -> Select[Record]:
    if not words:
        return select(Record)
    looked_at = [getattr(Record, each) for each in ([column] if column else COLUMNS)]
    return select(Record).where(or_(*(_contains(each, words) for each in looked_at)))


def _contains(column: QueryableAttribute[str], words: str) -> ColumnElement[bool]:
    if words.isascii():
        return column.icontains(words, autoescape=True)
    # SQLite's lower() knows the letters of ASCII only. By a pattern 100 000 students take 0.2 s, as
    # they do by lower(); by a function in Python they take 0.4 s.
    return column.op("GLOB", is_comparison=True)(f"*{''.join(map(_any_case, words))}*")


def _any_case(letter: str) -> str:
    """Return the GLOB pattern of a character in whatever case."""
    cases = sorted({case for case in (letter, letter.lower(), letter.upper()) if len(case) == 1})
    return f"[{''.join(cases)}]" if len(cases) > 1 or letter in "*?[" else letter


async def save_student(orm: ORM, record: Record) -> None:
    """Store a new student."""
    orm.session.add(record)
    await orm.session.commit()


async def change_student(
    orm: ORM, record: Record, *, version: int, values: Mapping[str, str]
) -> None:
    """Change a student, of the version that was seen; `values` are by column.

    :raises StudentChanged: if somebody changed or removed it since; nothing is stored then.
    """
    if record.version != version:
        raise StudentChanged
    for column, value in values.items():
        setattr(record, column, value)
    try:
        await orm.session.commit()
    except StaleDataError as error:  # between the reading of the record and this
        await orm.session.rollback()
        raise StudentChanged from error


async def remove_student(orm: ORM, record: Record) -> None:
    """Remove a student, whoever changed it meanwhile; raise `NotFound` if it is gone already."""
    removed = await orm.session.execute(
        delete(Record).where(Record.id == record.id).returning(Record.id)
    )
    if removed.first() is None:
        raise NotFound
    await orm.session.commit()
