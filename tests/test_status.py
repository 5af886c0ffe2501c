"""What the site says of itself: that it runs, whether it is ready, what it is made of."""

from __future__ import annotations

import pytest
from quart import Quart, Response

from qapp import migrations
from qapp.ext.database.driver import sqlite, version
from qapp.extensions import db
from qapp.status import views as status

from .conftest import Visitor


async def answer(visitor: Visitor, path: str) -> tuple[int, str]:
    response = await visitor.get(path)
    return response.status_code, await response.get_data(as_text=True)


async def run(app: Quart, sql: str) -> None:
    async with app.app_context():
        await db.execute(sql)


async def test_a_site_that_serves_is_alive_and_ready(visitor: Visitor) -> None:
    assert await answer(visitor, "/healthz") == (200, "ok\n")
    assert await answer(visitor, "/readyz") == (200, "ready\n")


@pytest.mark.parametrize("revision", ["0001", "9999"])
async def test_the_schema_of_another_version_is_not_ready(
    app: Quart, visitor: Visitor, revision: str
) -> None:
    await run(app, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608
    assert await answer(visitor, "/readyz") == (
        503,
        "the database has another version's schema\n",
    )
    await run(app, f"UPDATE alembic_version SET version_num = '{migrations.head()}'")  # noqa: S608
    assert (await visitor.get("/readyz")).status_code == 200


@pytest.mark.parametrize("change", ["DELETE FROM alembic_version", "DROP TABLE alembic_version"])
async def test_a_database_without_a_schema_is_not_ready(
    app: Quart, visitor: Visitor, change: str
) -> None:
    await run(app, change)
    assert (await visitor.get("/readyz")).status_code == 503


async def test_a_closed_database_is_not_ready_but_the_process_is_alive(
    app: Quart, visitor: Visitor
) -> None:
    async with app.app_context():
        await db.close()
    assert await answer(visitor, "/readyz") == (503, "the database does not answer\n")
    assert await answer(visitor, "/healthz") == (200, "ok\n")


async def test_a_database_that_was_overwritten_is_not_ready(app: Quart, visitor: Visitor) -> None:
    path = app.instance_path + "/qapp.db"
    connection = sqlite.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with open(path, "r+b") as file:  # noqa: ASYNC230, PTH123
        file.write(b"\xff" * 8192)
    assert await answer(visitor, "/readyz") == (503, "the database does not answer\n")


async def test_a_database_that_does_not_answer_in_time_is_not_ready(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "READY_WITHIN_S", 0)
    assert await answer(visitor, "/readyz") == (503, "the database does not answer\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_check_sets_no_cookie_and_is_not_kept(alice: Visitor, path: str) -> None:
    response: Response = await alice.get(path)
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.vary
    assert response.headers["Cache-Control"] == "no-store"
    assert response.mimetype == "text/plain"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_check_does_not_look_who_asks(app: Quart, alice: Visitor, path: str) -> None:
    # The table of logins is gone: whoever looked for one would fail.
    await run(app, "DROP TABLE logins")
    assert (await alice.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_check_may_ask_for_the_head_only(visitor: Visitor, path: str) -> None:
    assert (await visitor.client.head(path)).status_code == 200


async def test_the_about_page_names_what_the_site_is_made_of(visitor: Visitor) -> None:
    page = await visitor.text("/about")
    assert version in page
    for name in status.PACKAGES:
        assert name in page.lower()
