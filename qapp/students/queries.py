"""The SQL of the students. Lists are newest first."""

from __future__ import annotations

from typing import NamedTuple

from qapp.ext.database import Executor
from qapp.web.paging import PAGE_SIZE, Page, page_of


class Student(NamedTuple):
    """A student."""

    id: int
    name: str
    city: str
    addr: str
    pin: str


async def list_students(db: Executor, *, before: int, limit: int = PAGE_SIZE) -> Page[Student]:
    """Return the page of students whose ids are smaller than `before`."""
    rows = await db.fetch_all(
        """
        SELECT id, name, city, addr, pin FROM students
        WHERE id < :before ORDER BY id DESC LIMIT :limit
        """,
        {"before": before, "limit": limit + 1},
        into=Student,
    )
    return page_of(rows, limit)


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
