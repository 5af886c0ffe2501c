"""The operator's page: who may see it, and what it shows."""

from __future__ import annotations

import re

import pytest
from quart import Quart
from sqlalchemy import text

from qapp.extensions import db, orm
from qapp.web.errors import WORDS
from tests.conftest import Page, Serve, Visitor

CHARTS = (
    "Requests a second",
    "Time to the answer",
    "Requests under way",
    "Longest lag of the loop",
    "Reads a trip",
    "Writes a commit",
    "Waiting for the database",
    "Pages from the cache",
    "Live readers",
    "Processor",
    "Memory",
)

# Takes some milliseconds.
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 20000)"
SUM = f"{NUMBERS} SELECT sum(i) FROM n WHERE i <> :x"  # noqa: S608 - of this file alone
MAX = f"{NUMBERS} SELECT max(i) FROM n"  # noqa: S608


@pytest.fixture
async def site(app: Quart, alice: Visitor, serve: Serve) -> Quart:
    """A site whose operator is alice, who is there already."""
    return await serve(OPERATORS=("Alice",))


@pytest.fixture
async def operator(site: Quart) -> Visitor:
    """Alice, logged in."""
    visitor = Visitor(site)
    assert (await visitor.log_in("alice")).status_code == 302
    return visitor


async def test_nobody_is_led_to_the_login_page_and_back(visitor: Visitor) -> None:
    response = await visitor.get("/admin/?worker=1")
    assert response.status_code == 302
    assert response.headers["Location"] == "/login?next=/admin/?worker%3D1"


async def test_a_user_who_is_no_operator_is_refused_and_told_why(
    bob: Visitor, operator: Visitor
) -> None:
    for who in (bob, await _logged_in(operator.app, "bob")):
        response = await who.get("/admin/")
        assert response.status_code == 403
        page = await response.get_data(as_text=True)
        assert "This page is for the site&#39;s operators." in page
        assert "QAPP_OPERATORS" in page
        assert "/admin/" not in await who.text("/account")


async def _logged_in(app: Quart, name: str) -> Visitor:
    visitor = Visitor(app)
    await visitor.log_in(name)
    return visitor


@pytest.mark.parametrize("name", ["Alice", "carol", "CAROL"])
async def test_nobody_registers_under_an_operators_name(serve: Serve, name: str) -> None:
    visitor = Visitor(await serve(OPERATORS=("alice", "Carol")))
    response = await visitor.register(name)
    assert response.status_code == 422
    assert "This name is taken" in await response.get_data(as_text=True)
    assert (await visitor.register("dave")).status_code == 302


async def test_an_operator_sees_all_charts_and_each_worker(
    operator: Visitor, pages: list[Page]
) -> None:
    assert 'href="/admin/"' in await operator.text("/account")
    response = await operator.get("/admin/")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    html = await response.get_data(as_text=True)
    board = pages[-1].context["board"]
    assert [chart.title for chart in board.charts] == [*CHARTS]
    assert html.count('<svg viewBox="-3 -3 246 54"') == len(CHARTS)
    assert all(f'aria-label="{title} in the last two minutes: ' in html for title in CHARTS)
    # Both sites of this test are of one instance: to the page they are two workers.
    assert len(board.workers) == 2
    assert not re.search(r"<script>|<style| style=| on\w+=", html)


async def test_one_worker_is_shown_alone_and_one_that_is_not_there_is_said_to_be_gone(
    operator: Visitor, pages: list[Page]
) -> None:
    await operator.get("/admin/")
    pid = pages[-1].context["board"].workers[0].pid
    assert f"Worker {pid} alone." in await operator.text(f"/admin/?worker={pid}")
    response = await operator.get("/admin/?worker=4000000000")
    assert response.status_code == 404
    assert "is not there any more" in await response.get_data(as_text=True)


@pytest.mark.parametrize("worker", ["", "x", "-1", "1.5", "%D9%A3", "1" * 11, "1%00"])
async def test_what_is_no_worker_is_not_found(operator: Visitor, worker: str) -> None:
    response = await operator.get(f"/admin/?worker={worker}")
    assert response.status_code == 404
    assert WORDS[404].sentence in await response.get_data(as_text=True)


async def test_mail_that_waits_or_was_given_up_is_counted(
    operator: Visitor, pages: list[Page]
) -> None:
    async with operator.app.app_context():
        for number, failed_ms in enumerate((None, None, 5)):
            await db.execute(
                "INSERT INTO outbox (message_id, subject, sender, recipients, options, content, "
                "created_ms, due_ms, tries, failed_ms) "
                "VALUES (:id, '', '', '', '', '', 0, 9999999999999, 0, :failed_ms)",
                {"id": str(number), "failed_ms": failed_ms},
            )
    await operator.get("/admin/")
    mail = pages[-1].context["mail"]
    assert (mail.waiting, mail.failed) == (2, 1)


async def test_admin_without_a_slash_stays_the_tours_and_leads_there_without_it(
    operator: Visitor, serve: Serve
) -> None:
    assert await operator.text("/admin") == "Hello Admin"
    response = await Visitor(await serve(TOUR=False)).get("/admin")
    assert response.status_code == 308
    assert response.headers["Location"].endswith("/admin/")


async def test_debugging_says_what_a_page_took(serve: Serve) -> None:
    visitor = Visitor(await serve(DEBUG=True))
    assert re.fullmatch(
        r'total;dur=[\d.]+, db;dur=[\d.]+;desc="\d+ statements?"',
        (await visitor.get("/students")).headers["Server-Timing"],
    )
    for path, least in (("/", 1), ("/students", 2)):  # by the data layer, by the ORM
        timing = (await visitor.get(path)).headers["Server-Timing"]
        found = re.search(r'"(\d+) statement', timing)
        assert found is not None
        assert int(found[1]) >= least


@pytest.mark.parametrize("slow_ms", [0, 1])
async def test_slow_sql_of_both_layers_is_logged_if_the_setting_says_so(
    serve: Serve, caplog: pytest.LogCaptureFixture, slow_ms: int
) -> None:
    app = await serve(SLOW_QUERY_MS=slow_ms)
    async with app.app_context():
        await db.fetch_value(SUM, {"x": 987_654})
        await orm.session.execute(text(MAX))
    logged = "".join(line for line in caplog.text.splitlines() if "Slow query: " in line)
    assert [name in logged for name in ("sum(i)", "max(i)")] == [bool(slow_ms)] * 2
    assert "987" not in caplog.text
