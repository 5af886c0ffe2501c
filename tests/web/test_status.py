"""How the site is, as load balancers and people ask it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import pytest

from qapp.ext.database import DatabaseBusy
from qapp.ext.database.driver import sqlite, version
from qapp.status import views as status
from tests.conftest import Page, Visitor


async def told(visitor: Visitor, path: str) -> tuple[int, str]:
    response = await visitor.get(path)
    assert response.mimetype == "text/plain"
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, await response.get_data(as_text=True)


async def test_a_site_that_serves_is_alive_and_ready(visitor: Visitor) -> None:
    assert await told(visitor, "/healthz") == (200, "ok\n")
    assert await told(visitor, "/readyz") == (200, "ready\n")


async def test_another_versions_schema_is_not_ready(visitor: Visitor) -> None:
    visitor.app.config["SCHEMA_REVISION"] = "another"
    expected = (503, "the database has another version's schema\n")
    assert await told(visitor, "/readyz") == expected
    assert (await told(visitor, "/healthz"))[0] == 200


async def test_a_database_without_a_schema_is_not_ready(visitor: Visitor) -> None:
    with closing(sqlite.connect(f"{visitor.app.instance_path}/qapp.db")) as connection:
        connection.execute("DROP TABLE alembic_version")
    assert (await told(visitor, "/readyz"))[0] == 503


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_database_that_does_not_answer_is_not_ready(
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    hangs: bool,
) -> None:
    class Silent:
        async def fetch_value(self, *_: Any) -> None:
            if hangs:
                await asyncio.Event().wait()
            raise DatabaseBusy("queue")

    monkeypatch.setattr(status, "db", Silent())
    monkeypatch.setattr(status, "READY_WITHIN_S", 0)
    assert await told(visitor, "/readyz") == (503, "the database does not answer\n")
    assert "Not ready: " in caplog.text


async def test_it_says_what_it_is_made_of(visitor: Visitor, pages: list[Page]) -> None:
    assert (await visitor.get("/about")).status_code == 200
    versions = dict(pages[-1].context["versions"])
    assert versions["SQLite"] == version
    assert {"quart", "hypercorn", "aiosqlite", "qapp"} < versions.keys()
