"""The students as a file of CSV, sent and taken in, a part at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, NamedTuple

from qapp.ext.database import Database, Executor, TransactionTimeout
from qapp.ext.threads import PoolBusy
from qapp.extensions import importing, live, storing

from .queries import COLUMNS, ROWS_AT_ONCE, add_students, list_students_after
from .spreadsheet import MOST_FAULTS, Fault, StudentFile, cells_of, lines_of

# The writer is the import's for that time (15 to 40 µs a student, the more the larger the table),
# and the others wait as long at most before they are told that the site is busy.
LONGEST_STORING_S = 10.0
TOO_LONG = "To store so many at once takes too long: import the file in parts."


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


class FaultyFile(Exception):
    """A file has faults, so nothing of it was stored; `is_cut` when it may have more."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults[:MOST_FAULTS]
        self.is_cut = len(faults) >= MOST_FAULTS


class Progress(NamedTuple):
    """How far an import is: what it does, and how much of all is done."""

    doing: str
    done: int
    of: int


def tell_nobody(_: Progress) -> None:
    """Hear of a progress that nobody waits for."""


async def import_students(
    db: Database, stream: IO[bytes], tell: Callable[[Progress], None] = tell_nobody
) -> int:
    """Add all students of a CSV file, or none; return how many.

    The file is checked to its end before the first is stored: the writer, for which all others
    wait, is not held for a file with faults.

    :param stream: the file, which is closed at the end.
    :param tell: called now and then with the progress.
    :raises FaultyFile: if it can't be read or a student in it can't be stored.
    """
    async with _opened(stream) as file:
        of = 2 * file.size_bytes
        while await importing.run(file.read) is not None:
            tell(Progress("Checking", file.read_bytes, of))
        if file.faults:
            raise FaultyFile(file.faults)
        await importing.run(file.rewind)
        try:
            async with db.transaction(LONGEST_STORING_S) as tx, told_at_once(tx):
                students = await storing.run(file.read)
                while students is not None:
                    # The next are read while these are stored: the writer waits for nothing.
                    _, students = await asyncio.gather(
                        add_students(tx, students=students), storing.run(file.read)
                    )
                    tell(Progress("Storing", file.size_bytes + file.read_bytes, of))
        except TransactionTimeout as error:
            raise FaultyFile([Fault(1, TOO_LONG)]) from error
        return file.rows


@asynccontextmanager
async def told_at_once(tx: Executor) -> AsyncIterator[None]:
    """Tell live readers once of all students that a transaction adds inside of this.

    Else each were an event, and those of other channels, of which a thousand are kept, forgotten.

    :param tx: a transaction: nobody else may write while its newest event is `many`, at which the
        table's trigger is silent.
    """
    await live.publish(tx, "students", "many", {})
    yield
    await live.publish(tx, "students", "changed", {})


@asynccontextmanager
async def _opened(stream: IO[bytes]) -> AsyncIterator[StudentFile]:
    file = StudentFile(stream)
    try:
        yield file
    finally:
        # In a thread: after a cancel or a timeout a part may still be read, which this waits for;
        # and to give back a large file's blocks takes a while.
        try:
            await importing.opened().insist(file.close)
        except PoolBusy:
            file.close()
