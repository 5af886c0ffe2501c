"""New entries reach a front page that is open, and leave alone what its reader does."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import SAID, Watched, watched_page
from tests.client import Client
from tests.serving import PASSWORD, Server

MARK = "document.body.dataset.before = 'yes'"


async def front_page(browser: Browser, server: Server, **context: object) -> Watched:
    """Open the front page, mark it, and wait until it listens."""
    watched = await watched_page(browser, server, **context)
    async with watched.page.expect_response(re.compile("/live")):
        await watched.page.goto("/")
    await watched.page.evaluate(MARK)
    return watched


async def busy(page: Page) -> None:
    """Let the reader be about to search."""
    await page.get_by_role("searchbox").focus()


async def log_in(page: Page) -> None:
    await page.goto("/login")
    await page.get_by_label("Username").fill("bob")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(re.compile("/$"))


async def post(page: Page, title: str) -> None:
    await page.get_by_text("Write something").click()
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Text", exact=True).fill("Some text")
    await page.get_by_role("button", name="Add entry").click()
    await expect(page.get_by_role("heading", name=title)).to_be_visible()


@pytest_asyncio.fixture(loop_scope="session")
async def bob(server: Server) -> Client:
    return await Client(server.port).log_in("bob")


async def add(bob: Client, title: str) -> None:
    answer = await bob.request("POST", "/add", {"title": title, "text": "Some text"})
    assert answer.status == 302


async def titles(page: Page) -> list[str]:
    return await page.locator("#entries h2[id]").all_text_contents()


async def test_one_posts_and_the_other_sees_it_arrive(browser: Browser, server: Server) -> None:
    reading = await front_page(browser, server)
    writing = await watched_page(browser, server)
    await log_in(writing.page)
    await post(writing.page, "First")
    await expect(reading.page.get_by_role("heading", name="First")).to_be_visible()
    await post(writing.page, "Second")
    await expect(reading.page.get_by_role("heading", name="Second")).to_be_visible()
    assert await titles(reading.page) == ["Second", "First"]
    assert await reading.page.evaluate("document.body.dataset.before") == "yes"
    # What came with its own page is not told to the one who wrote it.
    await expect(writing.page.locator(".arrivals a")).to_be_hidden()
    # Changed and deleted ones are so here, too.
    await writing.page.get_by_role("link", name="First").click()
    await writing.page.get_by_role("link", name="Edit").click()
    await writing.page.get_by_label("Title").fill("First of all")
    await writing.page.get_by_role("button", name="Save changes").click()
    await expect(reading.page.get_by_role("heading", name="First of all")).to_be_visible()
    await writing.page.get_by_text("Delete…").click()
    await writing.page.get_by_role("button", name="Yes, delete it").click()
    await expect(reading.page.get_by_role("heading", name="First of all")).to_be_hidden()
    assert await titles(reading.page) == ["Second"]
    assert reading.errors == writing.errors == []


async def test_who_is_busy_is_told_and_asks_for_it(
    browser: Browser, server: Server, bob: Client
) -> None:
    for number in range(25):
        await add(bob, f"Old {number}")
    watched = await front_page(browser, server)
    page = watched.page
    last = page.get_by_role("heading", name="Old 5")
    await last.scroll_into_view_if_needed()
    box = await last.bounding_box()
    await add(bob, "New")
    link = page.locator(".arrivals a")
    await expect(link).to_have_text("1 new entry")
    assert (await titles(page))[0] == "Old 24"  # only when asked to
    # What is changed and deleted meanwhile is; what he reads, at the end of the page, stays.
    assert (await bob.request("POST", "/post/20/delete", {})).status == 302
    await expect(page.get_by_role("heading", name="Old 19")).to_be_hidden()
    assert (await titles(page))[::18] == ["Old 24", "Old 5"]
    now = await last.bounding_box()
    assert box is not None
    assert now is not None
    assert now["y"] == pytest.approx(box["y"], abs=1)
    await link.click()
    await expect(page.get_by_role("heading", name="New")).to_be_visible()
    await expect(link).to_be_hidden()
    await expect(page.get_by_role("link", name="New", exact=True)).to_be_focused()
    assert watched.errors == []
    bob.close()


async def test_it_is_announced_once_politely(browser: Browser, server: Server, bob: Client) -> None:
    watched = await front_page(browser, server)
    await watched.page.evaluate(SAID)
    for number in range(3):
        await add(bob, f"Entry {number}")
    announcer = watched.page.get_by_role("status")
    await expect(announcer).to_have_text("3 new entries")
    assert (await watched.page.evaluate("window.said"))[-1] == "3 new entries"
    assert await announcer.get_attribute("aria-live") in (None, "polite")
    bob.close()


async def test_those_for_which_the_page_has_no_room_are_counted_too(
    browser: Browser, server: Server, bob: Client
) -> None:
    page = (await front_page(browser, server)).page
    await page.evaluate(SAID)
    all_are_there = asyncio.Event()

    async def hold(route: Route) -> None:
        await all_are_there.wait()
        await route.continue_()

    await page.route(f"{server.url}/", hold)
    for number in range(25):
        await add(bob, f"Entry {number}")
    all_are_there.set()
    # Those that come a moment later than the others may be announced by themselves.
    said = 0
    async with asyncio.timeout(60):
        while said < 25:
            said = sum(int(text.split()[0]) for text in await page.evaluate("window.said"))
    assert said == 25
    assert len(await titles(page)) == 20
    bob.close()


async def test_what_is_typed_and_looked_at_stays(
    browser: Browser, server: Server, bob: Client
) -> None:
    for number in range(12):
        await add(bob, f"Old {number}")
    watched = await watched_page(browser, server)
    page = watched.page
    await log_in(page)
    await page.evaluate(MARK)
    await page.get_by_text("Write something").click()
    await page.get_by_label("Title").fill("A title on its wa")
    box = await page.get_by_role("heading", name="Old 11").bounding_box()
    await add(bob, "Meanwhile")
    link = page.locator(".arrivals a")
    await expect(link).to_have_text("1 new entry")
    assert await page.get_by_role("heading", name="Old 11").bounding_box() == box
    await expect(page.get_by_label("Title")).to_be_focused()
    await page.keyboard.type("y")
    await link.click()
    await expect(page.get_by_role("heading", name="Meanwhile")).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_value("A title on its way")
    assert await page.evaluate("document.body.dataset.before") == "yes"
    assert watched.errors == []
    bob.close()


async def test_who_was_about_to_press_something_else_does_so(
    browser: Browser, server: Server, bob: Client
) -> None:
    watched = await front_page(browser, server)
    await busy(watched.page)
    await watched.page.evaluate(
        """() => { new MutationObserver(([change]) => {
            const link = change.target.closest(".arrivals a");
            const { x, y, width, height } = link.getBoundingClientRect();
            window.pressed ??= document.elementFromPoint(x + width / 2, y + height / 2) !== link;
        }).observe(document.querySelector(".arrivals a"), { childList: true }); }"""
    )
    await add(bob, "Under the finger")
    link = watched.page.locator(".arrivals a")
    await expect(link).to_be_visible()
    assert await watched.page.evaluate("window.pressed") is True
    await link.click()  # waits until it can be pressed
    await expect(watched.page.get_by_role("heading", name="Under the finger")).to_be_visible()
    bob.close()


async def test_a_hidden_page_holds_no_connection_and_catches_up(
    browser: Browser, server: Server, bob: Client
) -> None:
    watched = await front_page(browser, server)
    page = watched.page
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    async with page.expect_event("requestfailed", lambda request: "/live" in request.url):
        await page.evaluate(hide, True)
    await add(bob, "While away")
    async with page.expect_request(re.compile("/live")):
        await page.evaluate(hide, False)
    await expect(page.get_by_role("heading", name="While away")).to_be_visible()
    bob.close()


async def test_a_page_that_slept_too_long_is_brought_up_to_date(
    browser: Browser, server: Server, bob: Client
) -> None:
    watched = await watched_page(browser, server)
    page = watched.page

    async def forget(route: Route) -> None:
        answer = await route.fetch()
        text = re.sub(r'data-after="\d+"', 'data-after="999999"', await answer.text())
        if "Missed" not in text:
            await add(bob, "Missed")
        await route.fulfill(response=answer, body=text)

    await page.route(f"{server.url}/", forget)
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Missed")).to_be_visible()
    bob.close()


async def test_entries_that_do_not_come_can_be_asked_for_again(
    browser: Browser, server: Server, bob: Client
) -> None:
    watched = await front_page(browser, server)
    page = watched.page
    await busy(page)
    await add(bob, "Late")
    link = page.locator(".arrivals a")
    await expect(link).to_have_text("1 new entry")
    await page.route(f"{server.url}/", lambda route: route.abort())
    await link.click()
    await expect(link).to_have_text("The new entries did not come. Try again")
    assert await page.evaluate("document.body.dataset.before") == "yes"
    await page.unroute(f"{server.url}/")
    await link.click()
    await expect(page.get_by_role("heading", name="Late")).to_be_visible()
    bob.close()


async def test_the_stream_comes_back_with_the_server(
    browser: Browser, tmp_path: Path, server: Server, bob: Client
) -> None:
    watched = await front_page(browser, server)
    assert server.stop(within_s=60) == 0
    server.start()
    bob.close()
    await add(bob, "After the restart")
    heading = watched.page.get_by_role("heading", name="After the restart")
    await expect(heading).to_be_visible(timeout=30_000)
    bob.close()


async def test_without_javascript_nothing_is_missing(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server, java_script_enabled=False)
    await log_in(watched.page)
    await post(watched.page, "Plain")
    await expect(watched.page.locator(".arrivals a")).to_be_hidden()
    assert watched.errors == []
