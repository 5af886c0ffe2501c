"""Search as one types: on the students and on the entries, with and without JavaScript."""

from __future__ import annotations

import asyncio
import re
from contextlib import closing

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from qapp.ext.database.driver import sqlite
from tests.browser.conftest import Watched, watched_page
from tests.serving import Server

NAMES = ("Asha", "Ashok", "Ravi", "Zoe")
# A page that was loaded anew, or replaced as a whole, does not have this.
MARK = "document.body.dataset.before = 'yes'"


@pytest_asyncio.fixture(loop_scope="session")
async def server(server: Server) -> Server:
    """A site with four students and the entries of a user."""
    with closing(sqlite.connect(server.folder / "qapp.db")) as connection:
        connection.executemany(
            "INSERT INTO students (name, city, addr, pin) VALUES (?, 'Pune', '1 Road', '411')",
            [(name,) for name in NAMES],
        )
        connection.executemany(
            """
            INSERT INTO entries (author_id, title, text, html, plain, created_at)
            VALUES (1, ?, 'green tea', '<p>green tea</p>', 'green tea', 1)
            """,
            [("Apples",), ("Pears",)],
        )
        connection.commit()
    return server


async def opened(browser: Browser, server: Server, path: str) -> Watched:
    """Open a page, wait until htmx is at work, which begins after the load, and mark it."""
    watched = await watched_page(browser, server)
    await watched.page.goto(path)
    await watched.page.locator("form[data-htmx-powered]").wait_for()
    await watched.page.evaluate(MARK)
    return watched


async def names(page: Page, *expected: str) -> None:
    """Expect these students, and that the page was not loaded anew."""
    await expect(page.locator("#results tbody td[data-label=Name]")).to_have_text(expected)
    assert await page.evaluate("document.body.dataset.before") == "yes"


async def test_students_are_found_as_one_types(browser: Browser, server: Server) -> None:
    watched = await opened(browser, server, "/students")
    page = watched.page
    field = page.get_by_label("What to look for")
    await field.press_sequentially("ash")
    await names(page, "Ashok", "Asha")
    await expect(page.locator("#found")).to_have_text("2 students with “ash”")
    await expect(page).to_have_url(re.compile(r"/students\?q=ash&in=&sort=-id$"))
    await expect(field).to_be_focused()
    await field.press_sequentially("a")  # goes where the cursor was left
    await names(page, "Asha")
    await expect(page.locator("#found")).to_have_text("1 student with “asha”")
    await expect(field).to_have_value("asha")
    await field.press_sequentially("x")
    await expect(page.locator("#results")).to_have_text(re.compile("Nobody here has “ashax”"))
    await field.fill("")
    await names(page, "Zoe", "Ravi", "Ashok", "Asha")
    assert watched.errors == []


async def test_a_choice_sorts_and_the_button_searches_at_once(
    browser: Browser, server: Server
) -> None:
    watched = await opened(browser, server, "/students")
    page = watched.page
    await page.get_by_label("Sorted by").select_option("name")
    await names(page, *sorted(NAMES))
    await expect(page.locator("th[aria-sort=ascending]")).to_have_text(re.compile("Name"))
    await page.get_by_label("What to look for").fill("ravi")
    await page.get_by_role("button", name="Search", exact=True).last.click()
    await names(page, "Ravi")
    await expect(page).to_have_url(re.compile(r"q=ravi&in=&sort=name$"))
    assert watched.errors == []


async def test_entries_are_found_as_one_types(browser: Browser, server: Server) -> None:
    watched = await opened(browser, server, "/search")
    page = watched.page
    field = page.get_by_label("Words to look for")
    await field.press_sequentially("tea")
    await expect(page.locator("#results h2")).to_have_count(2)
    await expect(page.locator("#found")).to_have_text("2 entries")
    await expect(page).to_have_title("tea · Search · qapp")
    await field.press_sequentially(" apples")
    await expect(page.locator("#results h2")).to_have_text(["Apples"])
    await expect(page.locator("mark")).to_have_text(["Apples", "tea"])
    await expect(page).to_have_url(re.compile(r"/search\?q=tea\+apples$"))
    await field.press_sequentially("auce")
    await expect(page.locator("#results")).to_have_text(re.compile("Nothing found for"))
    await expect(page.locator("#found")).to_have_text("Nothing found")
    await expect(field).to_be_focused()
    assert await page.evaluate("document.body.dataset.before") == "yes"
    assert watched.errors == []


async def test_back_leaves_the_page_and_forward_finds_the_search_again(
    browser: Browser, server: Server
) -> None:
    watched = await watched_page(browser, server)
    page = watched.page
    await page.goto("/about")
    await page.get_by_role("link", name="Students").click()
    await page.wait_for_url("**/students")  # loaded: what is typed before goes unnoticed
    field = page.get_by_label("What to look for")
    await field.press_sequentially("as")
    await expect(page.locator("#found")).to_have_text("2 students with “as”")
    await field.press_sequentially("hok")
    await expect(page.locator("#found")).to_have_text("1 student with “ashok”")
    await page.go_back()
    await expect(page).to_have_url(re.compile("/about$"))
    await page.go_forward()
    await expect(field).to_have_value("ashok")
    await expect(page.locator("#results tbody tr")).to_have_count(1)
    assert watched.errors == []


async def test_a_late_answer_replaces_no_newer_one(browser: Browser, server: Server) -> None:
    watched = await opened(browser, server, "/students")
    page = watched.page
    asked, released, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        try:
            await route.continue_()
        finally:
            over.set()

    await page.route(re.compile("q=ravi&"), hold)
    field = page.get_by_label("What to look for")
    await field.fill("ravi")
    await asked.wait()
    await field.fill("zoe")
    await names(page, "Zoe")
    released.set()
    await over.wait()
    await page.wait_for_load_state("networkidle")
    await names(page, "Zoe")
    await expect(page.locator("#found")).to_have_text("1 student with “zoe”")
    await expect(page).to_have_url(re.compile("q=zoe"))
    assert watched.errors == []


@pytest.mark.parametrize("failure", ["500", "503", "no results", "no answer"])
async def test_a_failure_is_told_and_leaves_what_was_found(
    browser: Browser, server: Server, failure: str
) -> None:
    watched = await opened(browser, server, "/students")
    page = watched.page

    async def fail(route: Route) -> None:
        if failure == "no answer":
            await route.abort()
        elif failure == "no results":
            await route.fulfill(body="<p>Another page</p>", content_type="text/html")
        else:
            await route.fulfill(
                status=int(failure),
                body="<html><head><title>No</title></head><body><h1>No</h1></body></html>",
                content_type="text/html",
            )

    await page.route(re.compile("q=ravi"), fail)
    field = page.get_by_label("What to look for")
    await field.fill("ravi")
    await expect(
        page.get_by_role("status").get_by_text("The search got no answer.")
    ).to_be_visible()
    await names(page, "Zoe", "Ravi", "Ashok", "Asha")
    await expect(page).to_have_url(re.compile("/students$"))
    await expect(page).to_have_title("Students · qapp")
    await expect(field).to_have_value("ravi")
    await field.fill("zoe")  # it goes on
    await names(page, "Zoe")
    await expect(page.locator("#found")).to_have_text("1 student with “zoe”")
    assert not [error for error in watched.errors if "CSP" in error]


async def test_what_is_typed_is_only_text(browser: Browser, server: Server) -> None:
    watched = await opened(browser, server, "/students")
    page = watched.page
    typed = "<img src=x onerror=alert(1)><hx-partial hx-target='#content'>"
    for path, label in (("/students", "What to look for"), ("/search", "Words to look for")):
        await page.goto(path)
        await page.get_by_label(label).fill(typed)
        await expect(page.locator("#results")).to_contain_text(typed)
        assert await page.locator("img").count() == 0
        assert await page.locator("h1").count() == 1
    assert watched.errors == []


@pytest.mark.parametrize(
    ("path", "label", "typed", "found"),
    [
        ("/students", "What to look for", "ashok", "1 student with “ashok”"),
        ("/search", "Words to look for", "pears", "1 entry"),
    ],
)
async def test_without_javascript_the_form_does_the_same(
    browser: Browser, server: Server, path: str, label: str, typed: str, found: str
) -> None:
    watched = await watched_page(browser, server, java_script_enabled=False)
    page = watched.page
    await page.goto(path)
    await page.get_by_label(label).fill(typed)
    await page.locator("main").get_by_role("button", name="Search").click()
    await expect(page.locator("#found")).to_have_text(found)
    await expect(page.get_by_label(label)).to_have_value(typed)
    await expect(page).to_have_url(re.compile(rf"{path}\?q={typed}"))
    assert watched.errors == []


async def test_only_pages_that_need_them_load_their_scripts(
    browser: Browser, server: Server
) -> None:
    watched = await watched_page(browser, server)
    page = watched.page
    received = 0
    loaded: list[str] = []
    client = await page.context.new_cdp_session(page)
    await client.send("Network.enable")

    def count(event: dict[str, int]) -> None:
        nonlocal received
        received += event["encodedDataLength"]

    client.on("Network.loadingFinished", count)
    page.on("request", lambda request: loaded.append(request.url))
    await page.goto("/about", wait_until="networkidle")
    assert not [url for url in loaded if "htmx" in url or "live.js" in url or "stream.js" in url]
    assert 10_000 < received < 100_000
