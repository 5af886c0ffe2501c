"""The students as CSV (RFC 4180)."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterable
from io import StringIO

from qapp.ext.database import Executor

from .queries import COLUMNS, ROWS_AT_ONCE, Student, list_students_after

# What a spreadsheet takes for a formula when a cell begins with it
# (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def rows_as_csv(db: Executor) -> AsyncIterator[str]:
    """Yield the whole table, a thousand students at a time, so that it is never in memory.

    Each part is read when the one before is sent: who is added meanwhile is in it, at the end.
    """
    yield lines_of([COLUMNS])
    after = 0
    while students := await list_students_after(db, after=after):
        yield lines_of(map(cells_of, students))
        after = students[-1].id
        if len(students) < ROWS_AT_ONCE:
            return


def cells_of(student: Student) -> list[str]:
    """Return a student's cells; an apostrophe before what a spreadsheet would calculate."""
    return [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in student[1:]]


def lines_of(rows: Iterable[Iterable[str]]) -> str:
    """Return rows as lines of CSV."""
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
