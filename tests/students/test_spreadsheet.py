"""Files of CSV, good and bad, as the import reads them."""

from __future__ import annotations

import csv
import os
from io import BytesIO, StringIO
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from qapp.students import spreadsheet
from qapp.students.forms import StudentForm
from qapp.students.queries import COLUMNS, Student
from qapp.students.spreadsheet import Fault, StudentFile, cells_of, lines_of

HEAD = b"name,city,addr,pin\r\n"
ASHA = b"Asha,Pune,1 Road,411001\r\n"
ASHAS = {"name": "Asha", "city": "Pune", "addr": "1 Road", "pin": "411001"}


class Read(NamedTuple):
    """What was found in a file."""

    students: list[dict[str, str]]
    faults: list[Fault]
    rows: int


def read(content: bytes) -> Read:
    """Read a file, the way an import does: twice."""
    file = StudentFile(BytesIO(content))
    students: list[dict[str, str]] = []
    while (part := file.read()) is not None:
        assert len(part) <= spreadsheet.ROWS_A_PART
        assert 0 < file.read_bytes <= file.size_bytes == len(content)
        students += part
    if not file.faults:
        rows = file.rows
        file.rewind()
        again = []
        while (part := file.read()) is not None:
            again += part
        assert (again, file.rows) == (students, rows)
    file.close()
    return Read(students, file.faults, file.rows)


FAULTY = {
    "nothing": (b"", 1, "The file is empty."),
    "only empty lines": (b"\r\n\n\r", 4, "The file is empty."),
    "only a BOM": (b"\xef\xbb\xbf", 1, "The file is empty."),
    "only a head": (HEAD, 1, "no students in the file"),
    "no head": (ASHA, 1, "“name”, “city”, “addr”, “pin” are missing"),
    "a missing column": (b"name,city,addr\na,b,c\n", 1, ": “pin” is missing."),
    "an unknown column": (b"name,city,addr,pin,age\n", 1, ": “age” is unknown."),
    "a column named by a control character": (b"name,city,addr,pin,\x1b\n", 1, "“�” is unknown"),
    "a column without a name": (b"name,city,addr,pin,\n", 1, ": one is without a name."),
    "a doubled column": (b"name,city,addr,pin,Name\n", 1, "“name” is there twice"),
    "too few cells": (HEAD + ASHA + b"a,b,c\n", 3, "The line has 3 cells, the head has 4."),
    "too many cells": (HEAD + b"a,b,c,411,\n", 2, "The line has 5 cells, the head has 4."),
    "one cell": (HEAD + b"a\n", 2, "The line has 1 cell, the head has 4."),
    "semicolons": (b"name;city;addr;pin\nAsha;Pune;1 Road;411001\n", 1, "by semicolons"),
    "tabs": (b"name\tcity\taddr\tpin\n", 1, "by tabs"),
    "text behind a quote": (HEAD + b'"Asha"x,Pune,1 Road,411\n', 2, 'The quotes (") are wrong'),
    "a quote that never closes": (HEAD + b'"Asha,Pune,1 Road,411\n' + ASHA, 2, "The quotes"),
    "such a quote in a large file": (HEAD + b'"A,P,1 R,411\n' + ASHA * 999, 2, "not closed"),
    "quotes over many lines": (HEAD + b'"\n",' * 90_000, 2, "not closed"),
    "a quote in the head": (b'"name"x,city,addr,pin\n' + ASHA, 1, "The quotes"),
    "Latin-1": (HEAD + ASHA + "Léa,Orléans,1 Rue,45000\n".encode("latin-1"), 3, "save the file as"),
    "Latin-1 in the head": ("näme,city,addr,pin\n".encode("latin-1"), 1, "not in UTF-8"),
    "half a character at the end": (HEAD + b"L\xc3", 2, "not in UTF-8"),
    "surrogates as UTF-8": (HEAD + b"\xed\xa0\x80,a,b,411\n", 2, "not in UTF-8"),
    "UTF-16": ((HEAD + ASHA).decode().encode("utf-16"), 1, "in UTF-16: save it as UTF-8"),
    "UTF-16 without a mark": ((HEAD + ASHA).decode().encode("utf-16-be"), 1, "in UTF-16"),
    "a NUL": (HEAD + b"A\0sha,Pune,1 Road,411\n", 2, "name: This field must not contain a NUL"),
    "NULs only": (b"\0" * 100, 1, "in UTF-16"),
    "a cell of 10 MB": (HEAD + b"x" * 10_000_000 + b"," + ASHA, 2, "more than 10,000 characters"),
    "a line break in a cell": (HEAD + b'"A\nb",Pune,1 Road,411\n', 2, "name: This field must not"),
    "a name too long": (HEAD + b"x" * 101 + b",Pune,1 Road,411\n", 2, "name: A name has at most"),
    "no name": (HEAD + ASHA + b"\n,Pune,1 Road,411\n", 4, "name: Give the student's name."),
    "blanks for a city": (HEAD + b"Asha, \xc2\xa0,1 Road,411\n", 2, "city: Give the city."),
    "a formula as a PIN": (HEAD + b"Asha,Pune,1 Road,=1+1\n", 2, "pin: A PIN code has"),
    "digits that are not ASCII": (
        HEAD + "Asha,Pune,1 Road,५६०००१\n".encode(),
        2,
        "pin: A PIN code has",
    ),
    "a head in quotes with a line end": (b'"name\n",city,addr,pin,x\n', 1, ": “x” is unknown."),
}


@pytest.mark.parametrize(("content", "line", "text"), FAULTY.values(), ids=FAULTY)
def test_a_fault_is_told_with_its_line(content: bytes, line: int, text: str) -> None:
    faults = read(content).faults
    assert [fault.line for fault in faults] == [line]
    assert text in faults[0].text
    assert len(faults[0].text) < 250


GOOD = {
    "as it is exported": HEAD + ASHA,
    "without a last line end": HEAD + ASHA.strip(),
    "with a BOM": b"\xef\xbb\xbf" + HEAD + ASHA,
    "with line ends of Unix": (HEAD + ASHA).replace(b"\r", b""),
    "with line ends of the old Mac": (HEAD + ASHA).replace(b"\n", b""),
    "with empty lines": b"\n\n" + HEAD + b"\r\n" + ASHA + b"\n\n",
    "in another order": b"PIN,Addr, city ,NAME\n411001,1 Road,Pune,Asha\n",
    "with ids": b"id,name,city,addr,pin\n999,Asha,Pune,1 Road,411001\n",
    "all quoted": b'"name","city","addr","pin"\n"Asha","Pune","1 Road","411001"\n',
    "with blanks around": HEAD + b" Asha ,\xc2\xa0Pune,1 Road\t,411001 \n",
    "with line ends around": HEAD + b'"\nAsha\r\n",Pune,1 Road,411001\n',
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_what_can_be_read_is(content: bytes) -> None:
    assert read(content) == ([ASHAS], [], 1)


def test_the_lines_of_records_over_several_lines_are_counted() -> None:
    content = HEAD + b'"\n\nAsha",Pune,1 Road,411001\n' + ASHA + b"a,b,c\n"
    assert [fault.line for fault in read(content).faults] == [6]


def test_quotes_and_commas_in_cells_are_kept() -> None:
    content = HEAD + b'"Asha ""Ash"" Rao","a,b",5" pipe,411001\n'
    student = {"name": 'Asha "Ash" Rao', "city": "a,b", "addr": '5" pipe', "pin": "411001"}
    assert read(content).students == [student]


def test_the_first_twenty_faults_are_told_and_no_more_is_read() -> None:
    found = read(HEAD + b"a,b,c,?\n" * 5000)
    assert [fault.line for fault in found.faults] == list(range(2, 22))
    assert found.rows == 20


def test_a_line_may_have_several_faults() -> None:
    assert [fault.text.partition(":")[0] for fault in read(HEAD + b",,,\n").faults] == list(COLUMNS)


def test_a_good_line_after_a_bad_quote_is_read() -> None:
    found = read(HEAD + b'"Asha"x,a,b,411\n' + ASHA + b"a,b\n")
    assert found.students == [ASHAS]
    assert [fault.line for fault in found.faults] == [2, 4]


@pytest.mark.parametrize(("lines", "is_too_many"), [(10, False), (11, True)])
@pytest.mark.parametrize("line", [ASHA, b"\n"])
def test_a_file_has_a_limit_of_lines(
    monkeypatch: pytest.MonkeyPatch, lines: int, is_too_many: bool, line: bytes
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 10)
    faults = read(HEAD + ASHA + line * (lines - 1)).faults
    assert [fault.text[:28] for fault in faults] == ["The file has more than 10 li"] * is_too_many


def test_the_limit_of_a_cell_that_others_set_is_left_alone() -> None:
    before = csv.field_size_limit()
    read(HEAD + b"x" * 1_000_000)
    assert csv.field_size_limit() == before


class Counting(BytesIO):
    """A file that counts what is read of it."""

    read_in_all = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.read_in_all += len(data)
        return data

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(size)


@pytest.mark.parametrize("begin", [b'"', b"x", b"L\xe9,"])
def test_after_a_fault_that_ends_all_the_rest_of_a_large_file_is_not_read(begin: bytes) -> None:
    stream = Counting(HEAD + begin + b"Asha,Pune,1 Road,411001 " * 500_000)
    file = StudentFile(stream)
    while file.read() is not None:
        pass
    assert len(file.faults) == 1
    assert stream.read_in_all < 100_000


def test_of_a_large_file_only_a_part_is_read_at_a_time() -> None:
    stream = Counting(HEAD + ASHA * 100_000)
    file = StudentFile(stream)
    for _ in range(10):
        before = stream.read_in_all
        assert len(file.read() or ()) == spreadsheet.ROWS_A_PART
        assert stream.read_in_all - before < 30_000
    file.close()
    assert stream.closed


texts = st.text(st.characters(codec=None), max_size=12) | st.text(
    "'=+-@ \t\n\0a9\u00a0é", max_size=5
)


# What a form may keep, beginning and ending as a formula might; a letter stands for no text at all.
passing = st.text(
    st.characters(codec="utf-8", exclude_characters=[*map(chr, range(32))]), max_size=12
)
good_texts = (passing | st.text("'=+-@ \u00a0é9", max_size=5)).map(lambda text: text.strip() or "x")


@given(column=st.sampled_from(COLUMNS), text=texts | st.text("9", min_size=95, max_size=205))
def test_the_quick_rules_are_those_of_the_form(column: str, text: str) -> None:
    form = StudentForm(MultiDict({**ASHAS, column: text}), meta={"csrf": False})
    passes = spreadsheet.PASSES[column](text.strip()) is not None
    assert passes == form.validate(), form.errors


@given(
    st.lists(
        st.tuples(
            *(
                good_texts
                if column != "pin"
                else st.from_regex(r"[0-9A-Za-z][0-9A-Za-z -]{1,8}[0-9A-Za-z]", fullmatch=True)
                for column in COLUMNS
            )
        ),
        min_size=1,
    )
)
def test_what_is_exported_is_imported_as_it_was(students: list[tuple[str, ...]]) -> None:
    exported = lines_of([COLUMNS, *(cells_of(Student(1, *each)) for each in students)])
    assert all(
        not cell.startswith(("=", "+", "-", "@"))
        for row in csv.reader(StringIO(exported, newline=""))
        for cell in row
    )
    found = read(exported.encode())
    assert found.faults == []
    assert [tuple(each[column] for column in COLUMNS) for each in found.students] == students


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: HEAD + tail))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    found = read(content)
    assert bool(found.faults) or len(found.students) == found.rows > 0
    assert all(fault.line >= 1 for fault in found.faults)


def test_a_file_on_the_disk_is_read_like_one_in_memory(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "students.csv")  # noqa: PTH118
    with open(path, "w+b", buffering=0) as stream:  # noqa: PTH123 - as uploads are: unbuffered
        stream.write(HEAD + ASHA * 2000)
        file = StudentFile(stream)
        count = 0
        while (part := file.read()) is not None:
            count += len(part)
        assert count == file.rows == 2000
        file.close()
