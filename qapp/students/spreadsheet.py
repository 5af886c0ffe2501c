"""The students as CSV (RFC 4180): how a file is written, and how one is read and judged."""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Generator, Iterable, Iterator
from io import SEEK_END, StringIO, TextIOWrapper
from itertools import islice
from threading import Lock
from typing import IO, NamedTuple

from werkzeug.datastructures import MultiDict

from .forms import LONGEST_ADDRESS, LONGEST_NAME, PIN, StudentForm
from .queries import COLUMNS, Student

# What a spreadsheet takes for a formula when a cell begins with it
# (https://owasp.org/www-community/attacks/CSV_Injection). An apostrophe before it prevents that; a
# cell that has one already gets one more, so that reading can take away just what writing put.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")

ROWS_A_PART = 500  # two milliseconds' work, and half a one on the loop, to hand them over
MOST_ROWS = 300_000
MOST_FAULTS = 20
# A longer record holds no student; or a quote is not closed, and it would be the rest of the file.
LONGEST_RECORD = 10_000
ESCAPED_BYTE = re.compile("[\ud800-\udfff]")


def _text(most: int) -> Callable[[str], object]:
    return re.compile(f"[^\0-\x1f\ud800-\udfff]{{1,{most}}}").fullmatch


# The rules are the form's, which takes fifty times as long: it is asked about cells that these do
# not pass. A test compares the two.
PASSES: dict[str, Callable[[str], object]] = {
    "name": _text(LONGEST_NAME),
    "city": _text(LONGEST_NAME),
    "addr": _text(LONGEST_ADDRESS),
    "pin": re.compile(PIN).match,
}


def cells_of(student: Student) -> list[str]:
    """Return a student's cells, none of them a formula."""
    return [f"'{cell}" if FORMULA.match(cell) else cell for cell in student[1:]]


def lines_of(rows: Iterable[Iterable[str]]) -> str:
    """Return rows as lines of CSV."""
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


class Fault(NamedTuple):
    """What is wrong in a file, and in which line, counted from 1."""

    line: int
    text: str


class _Unreadable(Exception):
    """From here on nothing in the file can be told; the text says why."""


class StudentFile:
    """The students of a CSV file, a part at a time, so that it is never in memory. It blocks.

    Calls from several threads wait for each other: who closes it, for a part that is being read.

    :param stream: the file's bytes, which are this object's from now on: it closes them.
    :ivar faults: what is wrong with what was read; after `MOST_FAULTS` of them reading ends.
    :ivar rows: how many students were read, faulty ones too.
    :ivar read_bytes: how much was read of the `size_bytes`.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._lock = Lock()
        self.faults: list[Fault] = []
        self.rows = 0
        self.read_bytes = 0
        self.size_bytes = stream.seek(0, SEEK_END)
        stream.seek(0)
        self._stream = stream
        # Bytes that are no UTF-8 become lone surrogates: so the line they are in is known.
        self._text = TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
        self._line = self._record_line = self._record_chars = 0
        self._students = self._read_all()

    def read(self) -> list[dict[str, str]] | None:
        """Return the next students, perhaps none: those without fault. None is the file's end."""
        with self._lock:
            part = list(islice(self._students, ROWS_A_PART))
            if not part:
                return None
            self.read_bytes = self._stream.tell()
        return [student for student in part if student is not None]

    def rewind(self) -> None:
        """Begin again."""
        with self._lock:
            self._students.close()
            self._text.seek(0)
            self._line = self.rows = self.read_bytes = 0
            self._students = self._read_all()

    def close(self) -> None:
        """Close the stream."""
        with self._lock:
            self._students.close()
            self._text.close()

    def _read_all(self) -> Generator[dict[str, str] | None, None, None]:
        """Yield each student; None for what is none: a faulty one, an empty line."""
        records = self._records()
        try:
            head = next((cells for cells in records if cells or self.faults), None)
            if head is None:
                raise _Unreadable("The file is empty.")
            if self.faults:
                return
            columns = _columns_of(head)
            for cells in records:
                yield self._student_of(cells, columns, len(head)) if cells else None
                if len(self.faults) >= MOST_FAULTS:
                    return
            if not self.rows and not self.faults:
                self._record_line = self._line
                raise _Unreadable("There are no students in the file, only its head.")
        except _Unreadable as unreadable:
            self._add_fault(str(unreadable))

    def _records(self) -> Iterator[list[str]]:
        """Yield the cells of each record; none for an empty line and for one that is no CSV."""
        reader = csv.reader(self._lines(), strict=True)
        for _ in range(MOST_ROWS + 1):
            self._record_line = self._line + 1
            self._record_chars = 0
            try:
                yield next(reader)
            except StopIteration:
                return
            except csv.Error:
                self._add_fault(
                    'The quotes (") are wrong: those around a cell hold all of it, '
                    "and one inside of it is doubled."
                )
                yield []
        try:
            has_more = next(reader, None) is not None
        except csv.Error:
            has_more = True
        if has_more:
            raise _Unreadable(f"The file has more than {MOST_ROWS:,} lines: import it in parts.")

    def _lines(self) -> Iterator[str]:
        begin = self._stream.read(4)
        self._stream.seek(0)
        if begin.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in begin:
            raise _Unreadable("The file is in UTF-16: save it as UTF-8.")
        while line := self._text.readline(LONGEST_RECORD + 1):
            self._line += 1
            self._record_chars += len(line)
            if self._record_chars > LONGEST_RECORD:
                if self._line == self._record_line:
                    raise _Unreadable(f"The line has more than {LONGEST_RECORD:,} characters.")
                raise _Unreadable('A quote (") is opened here and not closed.')
            if not line.isascii() and ESCAPED_BYTE.search(line):
                self._record_line = self._line
                raise _Unreadable("The line is not in UTF-8: save the file as UTF-8.")
            yield line

    def _student_of(
        self, cells: list[str], columns: list[tuple[str, int]], count: int
    ) -> dict[str, str] | None:
        self.rows += 1
        if len(cells) != count:
            what = f"{len(cells)} cell{'s' if len(cells) > 1 else ''}"
            self._add_fault(f"The line has {what}, the head has {count}.")
            return None
        student = {}
        is_good = True
        for column, at in columns:
            cell = cells[at].strip()
            if QUOTED_FORMULA.match(cell):
                cell = cell[1:]
            student[column] = cell
            is_good = is_good and PASSES[column](cell) is not None
        if is_good:
            return student
        form = StudentForm(MultiDict(student), meta={"csrf": False})
        form.validate()
        for column, errors in form.errors.items():
            self._add_fault(f"{column}: {' '.join(errors)}")
        return None

    def _add_fault(self, text: str) -> None:
        self.faults.append(Fault(self._record_line, text))


def _columns_of(head: list[str]) -> list[tuple[str, int]]:
    """Return which column is where.

    :raises _Unreadable: if one is missing, or unknown, or there twice.
    """
    if len(head) == 1:
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            if separator in head[0]:
                raise _Unreadable(f"The columns are separated by {name}: save it with commas.")
    names = [name.strip().lower() for name in head]
    wrong: dict[str, list[str]] = {
        "missing": [name for name in COLUMNS if name not in names],
        "unknown": [name for name in names if name not in (*COLUMNS, "id", "")],
        "there twice": [name for name in COLUMNS if names.count(name) > 1],
        "without a name": [name for name in names if not name],
    }
    faults = [f"{_listed(found)} {what}" for what, found in wrong.items() if found]
    if faults:
        raise _Unreadable(
            f"The first line has to name the columns name, city, addr and pin: {'; '.join(faults)}."
        )
    return [(name, at) for at, name in enumerate(names) if name in COLUMNS]


def _listed(names: list[str]) -> str:
    """Name some columns from a file: not all of many, and nothing that is long or can't be seen."""
    shown = [
        "".join(letter if letter.isprintable() else "�" for letter in name[:20])
        for name in names[: len(COLUMNS)]
    ]
    text = ", ".join(f"“{name}”" for name in shown if name) or "one"
    return f"{text} {'is' if len(shown) == 1 else 'are'}"
