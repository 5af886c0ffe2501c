"""Importing students: all or nothing, whatever is sent and whenever who sends it leaves."""

from __future__ import annotations

import asyncio
import html
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pytest
from quart import Quart, Response
from quart.datastructures import FileStorage

from qapp.config import Settings
from qapp.ext.database import ConstraintViolation, DatabaseBusy, TransactionTimeout
from qapp.ext.database.driver import sqlite
from qapp.ext.threads import PoolBusy
from qapp.extensions import db, importing
from qapp.students import progress, queries, service, spreadsheet
from qapp.students.forms import ImportForm
from qapp.students.spreadsheet import StudentFile
from tests.conftest import Dump, Visitor
from tests.students.test_spreadsheet import ASHA, HEAD
from tests.students.test_views import FORM, fill
from tests.web.tools import dangers_in

MANY = HEAD + b"".join(b"Student %d,Pune,2 Lake Road,411001\n" % n for n in range(1, 1001))
NDJSON = {"Accept": progress.NDJSON}


async def send(who: Visitor, content: bytes, token: str = "", **kwargs: Any) -> Response:
    """Send a file as the form does."""
    file = FileStorage(BytesIO(content), "students.csv", "file", "text/csv")
    form = {"csrf_token": token or await who.token()}
    return await who.open("/students.csv", "POST", form=form, files={"file": file}, **kwargs)


@pytest.fixture
def nothing_kept(app: Quart) -> Callable[[], bool]:
    """Tell whether no upload is left, neither in the folder nor, removed from there, open."""

    def is_upload(path: str) -> bool:
        return path.startswith(app.instance_path) and "qapp.db" not in path

    def left() -> set[str]:
        files = {str(path) for path in Path(app.instance_path).rglob("*") if path.is_file()}
        opened = set()
        for link in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):  # the one by which the folder is read
                opened.add(str(link.readlink()))
        return set(filter(is_upload, files | opened))

    before = left()
    return lambda: left() == before


async def test_who_is_not_logged_in_is_refused(visitor: Visitor, dump: Callable[[], Dump]) -> None:
    response = await visitor.get("/students/import")
    assert response.status_code == 302
    assert response.headers["Location"] == "/login?next=/students/import"
    for headers in ({}, NDJSON):
        assert (await send(visitor, HEAD + ASHA, headers=headers)).status_code == 401
    assert dump()["students"] == []


async def test_the_list_leads_those_who_may_to_the_form(alice: Visitor, visitor: Visitor) -> None:
    assert 'href="/students/import"' not in await visitor.text("/students")
    assert 'href="/students/import"' in await alice.text("/students")
    text = await alice.text("/students/import")
    assert 'action="/students.csv" enctype="multipart/form-data"' in text
    assert 'type="file"' in text


@pytest.mark.parametrize(
    ("content", "count", "message"),
    [(HEAD + ASHA, 1, "1 student was imported"), (MANY, 1000, "1,000 students were imported")],
)
async def test_all_students_of_a_file_are_added(
    alice: Visitor,
    dump: Callable[[], Dump],
    nothing_kept: Callable[[], bool],
    content: bytes,
    count: int,
    message: str,
) -> None:
    response = await send(alice, content)
    assert (response.status_code, response.headers["Location"]) == (302, "/students")
    assert nothing_kept()
    assert message in await alice.text("/students")
    students = dump()["students"]
    assert len(students) == count
    assert students[0][2:] == ("Pune", students[0][3], "411001", 1)


async def test_what_was_exported_is_imported_again(
    app: Quart, alice: Visitor, dump: Callable[[], Dump]
) -> None:
    await fill(app, 300)
    for odd in ("=cmd|' /C calc'!A0", "'=1+1", 'Asha "Ash", Rao', "Zoë; Léa", "-1"):
        await alice.post("/addrec", {**FORM, "name": odd})
    exported = await (await alice.get("/students.csv")).get_data(as_text=False)
    before = sorted(student[1:] for student in dump()["students"])
    assert (await send(alice, exported)).status_code == 302
    after = sorted(student[1:] for student in dump()["students"])
    assert after == sorted(before * 2)


@pytest.mark.parametrize("headers", [{}, NDJSON], ids=["form", "progress"])
@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", ["Line 1: The file is empty."]),
        (MANY + b"a,b,c\n" + ASHA, ["Line 1,002: The line has 3 cells, the head has 4."]),
        (HEAD + b"L\xe9a,b,c,411\n", ["Line 2: The line is not in UTF-8: save the file as UTF-8."]),
        (
            HEAD + b",b,<script>,?\n",
            ["Line 2: name: Give the student's name.", "Line 2: pin: A PIN code has 3 to 10"],
        ),
        (
            b"<script>,name,city,addr,pin\n",
            ["Line 1: The first line has to name the columns", "“<script>” is unknown"],
        ),
    ],
)
async def test_faults_are_told_and_nothing_is_stored(
    alice: Visitor,
    dump: Callable[[], Dump],
    nothing_kept: Callable[[], bool],
    headers: dict[str, str],
    content: bytes,
    faults: list[str],
) -> None:
    response = await send(alice, content, headers=headers)
    if headers:
        page = (await lines_of(response))[-1]["page"]
    else:
        page = await response.get_data(as_text=True)
        assert response.status_code == 422
    assert dangers_in(page) == []
    assert "Nothing was imported." in page
    for fault in faults:
        assert fault in html.unescape(page)
    assert 'action="/students.csv"' in page
    assert dump()["students"] == []
    assert nothing_kept()


async def test_more_faults_than_are_told_are_hinted_at(alice: Visitor) -> None:
    text = await (await send(alice, HEAD + b"a\n" * 30)).get_data(as_text=True)
    assert "The first faults of the file:" in text
    assert text.count(">Line ") == spreadsheet.MOST_FAULTS


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        ({"form": {}}, 422, "Choose a CSV file."),
        ({"form": {"file": "name,city,addr,pin"}}, 422, "Choose a CSV file."),
        ({"files": {"file": FileStorage(BytesIO(ASHA), "", "file")}}, 422, "Choose a CSV file."),
        ({"files": {"other": FileStorage(BytesIO(ASHA), "x", "other")}}, 422, "Choose a CSV file."),
        ({"data": HEAD + ASHA, "headers": {"Content-Type": "text/csv"}}, 422, "Choose a CSV file."),
    ],
)
async def test_a_form_without_a_file_is_refused(
    alice: Visitor, dump: Callable[[], Dump], sent: dict[str, Any], status: int, text: str
) -> None:
    headers = {"X-CSRFToken": await alice.token(), **sent.get("headers", {})}
    response = await alice.open("/students.csv", "POST", **{**sent, "headers": headers})
    assert response.status_code == status
    assert text in await response.get_data(as_text=True)
    assert dump()["students"] == []


async def test_a_student_whom_the_database_refuses_takes_all_others_along(
    alice: Visitor, settings: Settings, dump: Callable[[], Dump]
) -> None:
    with closing(sqlite.connect(f"{settings.INSTANCE_PATH}/qapp.db")) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON students WHEN new.name = 'Student 1000'"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        connection.commit()
    assert (await send(alice, MANY)).status_code == 500
    with pytest.raises(ConstraintViolation):  # the answer has begun: it is broken off
        await send(alice, MANY, headers=NDJSON)
    assert dump()["students"] == []


async def lines_of(response: Response) -> list[dict[str, Any]]:
    """Return the lines of an answer that tells the progress."""
    assert response.status_code == 200
    assert response.headers["Content-Type"] == progress.NDJSON
    text = await response.get_data(as_text=True)
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


async def test_the_progress_is_told_and_never_goes_back(
    alice: Visitor, dump: Callable[[], Dump], nothing_kept: Callable[[], bool]
) -> None:
    *told, last = await lines_of(await send(alice, MANY, headers=NDJSON))
    assert {line["doing"] for line in told} <= {"Checking", "Storing"}
    done = [line["done"] for line in told]
    assert done == sorted(done)
    assert all(line["of"] == 2 * len(MANY) for line in told)
    assert "<h1>1,000 students were imported</h1>" in last["page"]
    assert len(dump()["students"]) == 1000
    assert nothing_kept()


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json", ""])
async def test_who_does_not_ask_for_the_progress_gets_none(alice: Visitor, accept: str) -> None:
    assert (await send(alice, HEAD + ASHA, headers={"Accept": accept})).status_code == 302


@pytest.mark.parametrize("content", [HEAD + ASHA, b""], ids=["good", "faulty"])
async def test_a_message_that_waits_is_left_to_the_next_page(
    alice: Visitor, content: bytes
) -> None:
    token = await alice.token()
    await alice.post("/new", FORM)
    last = (await lines_of(await send(alice, content, token, headers=NDJSON)))[-1]
    assert "Record was successfully added" not in last["page"]
    assert "Record was successfully added" in await alice.text("/students")


@pytest.mark.parametrize("error", [DatabaseBusy("full"), PoolBusy("full")])
async def test_a_busy_site_says_so_on_a_page(
    alice: Visitor, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def busy(*_: object) -> int:
        raise error

    monkeypatch.setattr(progress, "import_students", busy)
    (last,) = await lines_of(await send(alice, HEAD + ASHA, headers=NDJSON))
    assert "We are too busy right now." in last["page"]


async def test_a_client_who_does_not_read_delays_nobody(
    app: Quart, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dump: Callable[[], Dump]
) -> None:
    stored = asyncio.Event()
    real = service.import_students

    async def told(*args: Any) -> int:
        count = await real(*args)
        stored.set()
        return count

    monkeypatch.setattr(progress, "import_students", told)
    (tmp_path / "s.csv").write_bytes(MANY)
    async with app.test_request_context("/students.csv", method="POST"):
        form = await ImportForm.create_form(None)
        lines = progress.lines(form, (tmp_path / "s.csv").open("rb"))
        await anext(lines)
        await stored.wait()
        assert len(dump()["students"]) == 1000
        assert "page" in [json.loads(line) async for line in lines][-1]


async def test_files_are_read_in_a_thread(alice: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()

    def noted(real: Callable[[StudentFile], object]) -> Callable[[StudentFile], object]:
        def call(file: StudentFile) -> object:
            names.add(threading.current_thread().name)
            return real(file)

        return call

    for name in ("read", "rewind", "close"):
        monkeypatch.setattr(StudentFile, name, noted(getattr(StudentFile, name)))
    await send(alice, MANY)
    assert names == {"importing_0", "storing_0"}


async def test_others_write_while_a_file_is_checked(
    alice: Visitor, bob: Visitor, monkeypatch: pytest.MonkeyPatch, dump: Callable[[], Dump]
) -> None:
    reading, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    real = StudentFile.read

    def slow(file: StudentFile) -> Any:
        loop.call_soon_threadsafe(reading.set)
        may_end.wait(30)
        return real(file)

    monkeypatch.setattr(StudentFile, "read", slow)
    answer = asyncio.create_task(send(alice, HEAD + ASHA))
    await reading.wait()
    assert (await bob.post("/addrec", FORM)).status_code == 200
    may_end.set()
    assert (await answer).status_code == 302
    assert [student[:2] for student in dump()["students"]] == [(1, "Asha"), (2, "Asha")]


class Held:
    """An import that stands still while it stores."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, ends: bool = False) -> None:
        self.stores = asyncio.Event()
        real = queries.add_students

        async def store(*args: Any, **kwargs: Any) -> None:
            await real(*args, **kwargs)
            self.stores.set()
            if ends:  # when the transaction's time is over
                with suppress(TransactionTimeout):
                    while True:
                        await real(*args, **kwargs)
            else:
                await asyncio.Event().wait()

        monkeypatch.setattr(service, "add_students", store)


@asynccontextmanager
async def sending(who: Visitor, accept: str) -> AsyncIterator[None]:
    """Send a file, and stay connected until the end of the block."""
    body = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="s.csv"\r\n\r\n'
        + MANY
        + b"\r\n--B--\r\n"
    )
    headers = {
        "Accept": accept,
        "Content-Type": "multipart/form-data; boundary=B",
        "X-CSRFToken": await who.token(),
        "Cookie": f"session={who.cookie}",
    }
    async with who.client.request("/students.csv", method="POST", headers=headers) as connection:
        await connection.send(body)
        await connection.send_complete()
        yield
        await connection.disconnect()


@pytest.mark.parametrize("accept", ["text/html", progress.NDJSON], ids=["form", "progress"])
async def test_who_leaves_in_the_middle_leaves_nothing_behind(
    alice: Visitor,
    bob: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    dump: Callable[[], Dump],
    nothing_kept: Callable[[], bool],
    accept: str,
) -> None:
    held = Held(monkeypatch)
    async with sending(alice, accept):
        await held.stores.wait()
    assert dump()["students"] == []
    assert (await bob.post("/addrec", FORM)).status_code == 200  # the writer is free
    assert nothing_kept()


async def test_what_takes_too_long_to_store_is_to_come_in_parts(
    alice: Visitor, bob: Visitor, monkeypatch: pytest.MonkeyPatch, dump: Callable[[], Dump]
) -> None:
    monkeypatch.setattr(service, "LONGEST_STORING_S", 0.05)
    Held(monkeypatch, ends=True)
    text = await (await send(alice, MANY)).get_data(as_text=True)
    assert "import the file in parts" in text
    assert dump()["students"] == []
    assert (await bob.post("/addrec", FORM)).status_code == 200


async def test_what_is_still_read_when_the_time_is_over_is_waited_for(
    alice: Visitor, monkeypatch: pytest.MonkeyPatch, dump: Callable[[], Dump]
) -> None:
    real, may_end = StudentFile._student_of, threading.Event()

    async def store(*_: Any, **__: Any) -> None:
        threading.Timer(0.3, may_end.set).start()
        raise TransactionTimeout

    def slow(file: StudentFile, *args: Any) -> Any:
        if threading.current_thread().name == "storing_0" and file.rows == spreadsheet.ROWS_A_PART:
            may_end.wait(30)
        return real(file, *args)

    monkeypatch.setattr(service, "add_students", store)
    monkeypatch.setattr(StudentFile, "_student_of", slow)
    text = await (await send(alice, MANY)).get_data(as_text=True)
    assert "import the file in parts" in text
    assert dump()["students"] == []


async def test_parts_without_a_student_are_passed_over(
    alice: Visitor, dump: Callable[[], Dump]
) -> None:
    gap = b"\n" * 3 * spreadsheet.ROWS_A_PART
    assert (await send(alice, HEAD + ASHA + gap + ASHA + gap)).status_code == 302
    assert len(dump()["students"]) == 2


async def test_one_import_after_the_other_has_its_turn(
    new_visitor: Callable[[], Visitor], alice: Visitor, dump: Callable[[], Dump]
) -> None:
    others = [alice.thief() for _ in range(4)]
    answers = await asyncio.gather(*(send(who, MANY) for who in (alice, *others)))
    assert [answer.status_code for answer in answers] == [302] * 5
    assert len(dump()["students"]) == 5000


async def test_a_file_is_closed_where_the_pool_is_full(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise PoolBusy("full")

    monkeypatch.setattr(importing, "run", refuse)
    stream: IO[bytes] = BytesIO(HEAD + ASHA)
    async with app.app_context():
        with pytest.raises(PoolBusy):
            await service.import_students(db, stream)
    assert stream.closed
