"""Of two who change one student, neither overwrites what the other did."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart
from sqlalchemy.ext.asyncio import AsyncSession

from qapp.ext.orm import ORM
from qapp.extensions import db
from qapp.models import Student
from qapp.students import queries
from tests.conftest import Dump, Visitor
from tests.students.test_views import FORM

ASHAS = list(FORM.values())


@pytest.fixture(autouse=True)
async def asha(alice: Visitor) -> None:
    """A student."""
    await alice.post("/new", FORM)


def version_in(page: str) -> str:
    match = re.search(r'name="version"[^>]* value="([^"]*)"', page)
    assert match is not None
    return match[1]


async def test_the_form_knows_which_version_it_shows(alice: Visitor) -> None:
    assert version_in(await alice.text("/students/1/edit")) == "1"
    await alice.post("/students/1/edit", {**FORM, "city": "Pune", "version": "1"})
    assert version_in(await alice.text("/students/1/edit")) == "2"


async def test_a_stale_change_is_refused_with_what_was_typed_and_what_is_stored(
    alice: Visitor, bob: Visitor, dump: Callable[[], Dump]
) -> None:
    await bob.post("/students/1/edit", {**FORM, "city": "<Pune>", "version": "1"})
    response = await alice.post("/students/1/edit", {**FORM, "name": "Asha Rao", "version": "1"})
    assert response.status_code == 409
    text = await response.get_data(as_text=True)
    assert "Somebody changed this student meanwhile, to: Asha, &lt;Pune&gt;, 1 MG Road" in text
    assert 'value="Asha Rao"' in text
    assert 'value="Bengaluru"' in text
    assert dump()["students"] == [(1, "Asha", "<Pune>", *ASHAS[2:], 2)]

    again = {**FORM, "name": "Asha Rao", "version": version_in(text)}
    assert (await alice.post("/students/1/edit", again)).status_code == 302
    assert dump()["students"] == [(1, "Asha Rao", *ASHAS[1:], 3)]


@pytest.mark.parametrize(
    ("version", "status"),
    [("0", 409), ("2", 409), ("9" * 18, 409), ("9" * 19, 422), ("", 422), ("x", 422), ("-1", 422)],
)
async def test_a_version_that_is_none_changes_nothing(
    alice: Visitor, dump: Callable[[], Dump], version: str, status: int
) -> None:
    response = await alice.post("/students/1/edit", {**FORM, "name": "X", "version": version})
    assert response.status_code == status
    assert dump()["students"] == [(1, *ASHAS, 1)]


async def test_a_form_without_version_is_refused(alice: Visitor) -> None:
    response = await alice.post("/students/1/edit", FORM)
    assert response.status_code == 400
    assert "“version”" in await response.get_data(as_text=True)


async def test_of_many_changes_at_once_one_is_made(
    alice: Visitor, dump: Callable[[], Dump]
) -> None:
    visitors = [alice.thief() for _ in range(8)]
    answers = await asyncio.gather(
        *(
            who.post("/students/1/edit", {**FORM, "name": f"Asha {n}", "version": "1"})
            for n, who in enumerate(visitors)
        )
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [302] + [409] * 7
    assert dump()["students"][0][-1] == 2


@pytest.fixture
def before_commit(app: Quart, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Run a statement of somebody else's between what a view reads and what it commits."""

    def prepare(sql: str) -> None:
        real: Any = AsyncSession.commit

        async def commit(session: AsyncSession) -> None:
            monkeypatch.setattr(AsyncSession, "commit", real)
            async with app.app_context():
                await db.execute(sql)
            await real(session)

        monkeypatch.setattr(AsyncSession, "commit", commit)

    return prepare


async def test_a_change_in_the_last_moment_is_seen(
    alice: Visitor, before_commit: Callable[[str], None], dump: Callable[[], Dump]
) -> None:
    before_commit("UPDATE students SET city = 'Pune', version = version + 1 WHERE id = 1")
    response = await alice.post("/students/1/edit", {**FORM, "name": "X", "version": "1"})
    assert response.status_code == 409
    text = await response.get_data(as_text=True)
    assert "to: Asha, Pune, " in text
    assert version_in(text) == "2"
    assert dump()["students"] == [(1, "Asha", "Pune", *ASHAS[2:], 2)]


async def test_who_is_deleted_in_the_last_moment_is_not_found(
    alice: Visitor, before_commit: Callable[[str], None], dump: Callable[[], Dump]
) -> None:
    before_commit("DELETE FROM students WHERE id = 1")
    response = await alice.post("/students/1/edit", {**FORM, "name": "X", "version": "1"})
    assert response.status_code == 404
    assert dump()["students"] == []


async def test_of_many_who_delete_one_student_one_does(
    alice: Visitor, dump: Callable[[], Dump]
) -> None:
    visitors = [alice.thief() for _ in range(8)]
    answers = await asyncio.gather(*(who.post("/students/1/delete") for who in visitors))
    assert sorted(answer.status_code for answer in answers) == [302] + [404] * 7
    assert dump()["students"] == []


async def test_whom_somebody_deletes_in_the_last_moment_is_not_found(
    alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = queries.remove_student

    async def remove(orm: ORM, record: Student) -> None:
        await db.execute("DELETE FROM students WHERE id = 1")
        await real(orm, record)

    monkeypatch.setattr(queries, "remove_student", remove)
    assert (await alice.post("/students/1/delete")).status_code == 404


async def test_who_was_changed_meanwhile_is_deleted_all_the_same(
    alice: Visitor, bob: Visitor, dump: Callable[[], Dump]
) -> None:
    await alice.get("/students/1/edit")
    await bob.post("/students/1/edit", {**FORM, "city": "Pune", "version": "1"})
    assert (await alice.post("/students/1/delete")).status_code == 302
    assert dump()["students"] == []
