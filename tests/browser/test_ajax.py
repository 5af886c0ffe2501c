"""The page /sijax in a browser: an alert, a search as one types, a stream; and without scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Dialog, Route, expect
from quart import Quart

from qapp import create_app
from qapp.config import Settings
from qapp.tour.live import ajax
from tests.browser.conftest import Watched, each_look, watched_page
from tests.ext.sijax.tools import PATIENCE_S, Site, served

REPORTED = "the server responded with a status of 4"  # Chromium tells of each such answer


class Pauses:
    """The pauses of the stream, which last until the test says so."""

    def __init__(self) -> None:
        self.next = asyncio.Semaphore(0)
        self.interrupted = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait for the test."""
        try:
            await self.next.acquire()
        except asyncio.CancelledError:
            self.interrupted.set()
            raise


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """The stream's pauses, in the hands of the test."""
    pauses = Pauses()
    monkeypatch.setattr(ajax, "asyncio", SimpleNamespace(sleep=pauses.sleep))
    return pauses


@pytest.fixture
def app(settings: Settings) -> Quart:
    """The site, which `site` serves."""
    object.__setattr__(settings, "TRUSTED_HOSTS", ("127.0.0.1",))
    return create_app(settings)


@pytest_asyncio.fixture(loop_scope="session")
async def site(app: Quart) -> AsyncIterator[Site]:
    """The site on a real server, in this very loop."""
    async with served(app) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def watched(browser: Browser, site: Site) -> AsyncIterator[Watched]:
    """The page, opened; its console must say nothing but what the test takes away."""
    watched = await watched_page(browser, site)  # type: ignore[arg-type]  # only its url is read
    watched.page.set_default_timeout(PATIENCE_S * 1000)
    await watched.page.goto("/sijax")
    yield watched
    await watched.page.context.close()
    assert watched.errors == []


async def test_it_says_hi(watched: Watched) -> None:
    said = asyncio.get_running_loop().create_future()

    async def dismiss(dialog: Dialog) -> None:
        await dialog.dismiss()
        said.set_result((dialog.type, dialog.message))

    watched.page.on("dialog", dismiss)
    await watched.page.get_by_role("button", name="Say hi").click()
    async with asyncio.timeout(PATIENCE_S):
        assert await said == ("alert", "Hi there!")


async def test_it_searches_while_one_types(watched: Watched) -> None:
    box = watched.page.get_by_role("searchbox", name="Words or numbers")
    found = watched.page.locator("#found li")
    await box.press_sequentially("not")
    await expect(found).to_contain_text(["304 Not Modified", "404 Not Found"])
    await box.press_sequentially(" fou")
    await expect(found).to_have_text(["404 Not Found"])
    await expect(box).to_have_value("not fou")
    await box.fill("<b>nothing of the kind</b>")
    await expect(watched.page.locator("#found")).to_have_text("No status has all of these words.")
    await box.fill("")
    await expect(watched.page.locator("#found")).to_have_text("Nothing is looked for.")
    await box.fill("teapot")
    await box.press("Enter")
    await expect(found).to_have_text(["418 I'm a Teapot"])
    assert watched.page.url.endswith("/sijax")


async def test_an_older_answer_does_not_replace_a_newer_one(watched: Watched) -> None:
    page = watched.page
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()

    async def hold_the_first(route: Route) -> None:
        if held.done():
            await route.continue_()
        else:
            held.set_result(route)

    await page.route("**/sijax", hold_the_first)
    box = page.get_by_role("searchbox", name="Words or numbers")
    await box.fill("teapot")
    async with asyncio.timeout(PATIENCE_S):
        older = await held
    async with page.expect_event("requestfailed") as given_up:
        await box.fill("not found")
    assert await given_up.value == older.request
    await expect(page.locator("#found li")).to_have_text(["404 Not Found"])
    await older.abort()  # Playwright's side of it waits until it is dealt with


async def test_the_steps_of_the_stream_come_one_after_another(
    watched: Watched, pauses: Pauses, app: Quart
) -> None:
    page, steps = watched.page, watched.page.locator("#steps li")
    start = page.get_by_role("button", name="Boil water")
    stop = page.get_by_role("button", name="Hang up")
    await start.click()
    for number in range(1, len(ajax.STEPS) + 1):
        await expect(steps).to_have_text([f"The kettle {step}" for step in ajax.STEPS[:number]])
        await expect(start).to_be_disabled()
        await expect(stop).to_be_enabled()
        pauses.next.release()
    await expect(start).to_be_enabled()
    await expect(stop).to_be_disabled()
    await start.click()
    await expect(steps).to_have_text([f"The kettle {ajax.STEPS[0]}"])
    for _ in ajax.STEPS:
        pauses.next.release()
    await expect(start).to_be_enabled()
    assert not pauses.interrupted.is_set()
    assert len(app.extensions["sijax_streams"]) == 0


@pytest.mark.parametrize("how", ["by the button", "by leaving"])
async def test_hanging_up_in_the_middle_leaves_nothing(
    watched: Watched, pauses: Pauses, app: Quart, how: str
) -> None:
    page = watched.page
    await page.get_by_role("button", name="Boil water").click()
    await expect(page.locator("#steps li")).to_have_count(1)
    assert len(app.extensions["sijax_streams"]) == 1
    if how == "by leaving":
        await page.goto("/about")
    else:
        await page.get_by_role("button", name="Hang up").click()
    async with asyncio.timeout(PATIENCE_S):
        await pauses.interrupted.wait()
    assert len(app.extensions["sijax_streams"]) == 0
    if how == "by the button":
        await expect(page.get_by_role("button", name="Boil water")).to_be_enabled()
        await expect(page.locator("#trouble")).to_be_hidden()


async def test_it_says_so_when_a_call_is_refused_and_takes_it_back(watched: Watched) -> None:
    page, trouble = watched.page, watched.page.locator("#trouble")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Boil water").click()
    await expect(trouble).to_contain_text("refused this (400). Reload the page")
    await expect(page.get_by_role("button", name="Boil water")).to_be_enabled()
    await page.context.set_offline(True)
    box = page.get_by_role("searchbox", name="Words or numbers")
    await box.fill("not")
    await expect(trouble).to_contain_text("did not answer")
    await page.context.set_offline(False)
    await page.goto("/sijax")
    await expect(trouble).to_be_hidden()
    told, watched.errors = watched.errors, []
    assert [e for e in told if REPORTED not in e and "ERR_INTERNET_DISCONNECTED" not in e] == []


async def test_without_scripts_the_form_searches_and_the_rest_says_why(
    browser: Browser, site: Site
) -> None:
    watched = await watched_page(browser, site, java_script_enabled=False)  # type: ignore[arg-type]
    page = watched.page
    await page.goto("/sijax")
    await expect(page.get_by_text("This needs JavaScript.")).to_have_count(2)
    await expect(page.get_by_text("This needs JavaScript.").first).to_be_visible()
    for name in ("Say hi", "Boil water", "Hang up"):
        await expect(page.get_by_role("button", name=name)).to_be_disabled()
    await page.get_by_role("searchbox", name="Words or numbers").fill("not found")
    await page.locator("main").get_by_role("button", name="Search").click()
    await expect(page.locator("#found li")).to_have_text(["404 Not Found"])
    assert page.url.endswith("/sijax?q=not+found")
    await expect(page.locator("main").get_by_role("searchbox")).to_have_value("not found")
    assert watched.errors == []
    await page.context.close()


@each_look
async def test_axe_finds_nothing_on_it(
    browser: Browser, site: Site, pauses: Pauses, theme: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    watched = await watched_page(browser, site, color_scheme=theme, viewport=size)  # type: ignore[arg-type]
    page = watched.page
    await page.goto("/sijax?q=not")
    await page.get_by_role("button", name="Boil water").click()
    await expect(page.locator("#steps li")).to_have_count(1)
    results = await Axe().run(page)
    faults = [
        f"{fault['id']}: {json.dumps([node['html'] for node in fault['nodes']])}"
        for fault in results.response["violations"]
    ]
    assert faults == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.errors == []
    await page.context.close()
