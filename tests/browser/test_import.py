"""Importing students in a browser: a file is chosen, its progress seen, its faults shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import Watched, watched_page
from tests.browser.test_journey import flash_says, log_in
from tests.serving import Server

HEAD = "name,city,addr,pin\n"
GOOD = HEAD + "".join(f"Student {n},Pune,{n} Road,411001\n" for n in range(20_000))
FAULTY = HEAD + "Asha,Pune,1 Road,411001\nRavi,,2 Road,?\n"
# What an address says that a test answers by itself.
NEWS = '{"doing": "Storing", "done": 1, "of": 2}\n'


async def open_form(browser: Browser, server: Server, **context: object) -> Watched:
    watched = await watched_page(browser, server, **context)
    await log_in(watched.page)
    await watched.page.goto("/students")
    await watched.page.get_by_role("link", name="Import many").click()
    return watched


async def choose(page: Page, path: Path, text: str) -> None:
    """Choose a file in the browser's own dialog, and send it."""
    await asyncio.to_thread(path.write_text, text)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_label("CSV file").click()
    await (await chooser.value).set_files(path)
    await page.get_by_role("button", name="Import").click()


async def students_in(page: Page) -> str:
    await page.goto("/students")
    return await page.locator("main").inner_text()


async def test_a_file_is_imported_and_its_progress_shown(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server)
    page = watched.page
    # Every text that the page shows of the progress, and all that a screen reader hears.
    seen: list[str] = []
    await page.expose_function("noteText", lambda text: seen.append(text))
    await page.evaluate(
        """() => new MutationObserver(() => {
            for (const place of document.querySelectorAll(".meter .hint, #announcer"))
                window.noteText(place.id + " " + place.textContent);
        }).observe(document.body, {childList: true, characterData: true, subtree: true})"""
    )
    await choose(page, tmp_path / "s.csv", GOOD)
    await expect(page.get_by_role("heading", level=1)).to_have_text("20,000 students were imported")
    await expect(page.locator("main")).to_be_focused()
    await expect(page).to_have_title(re.compile("Imported"))
    assert any(re.fullmatch(r" Sending… \d+ %", text) for text in seen)
    assert any(re.fullmatch(r" (Checking|Storing)… \d+ %", text) for text in seen)
    heard = {text for text in seen if text.startswith("announcer ")}
    assert any("Sending" in text for text in heard)
    assert len(heard) <= 12
    await page.get_by_role("link", name="Show all students").click()
    await expect(page.locator("main")).to_contain_text("Student 19999")
    assert watched.errors == []


async def test_faults_are_shown_and_the_next_try_is_good(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server)
    page = watched.page
    await choose(page, tmp_path / "s.csv", FAULTY)
    summary = page.locator(".summary")
    await expect(summary).to_contain_text("Nothing was imported. The file has 2 faults:")
    await expect(summary).to_contain_text("Line 3: city: Give the city.")
    await expect(summary).to_be_focused()
    results = await Axe().run(page)
    assert [violation["id"] for violation in results.response["violations"]] == []
    await choose(page, tmp_path / "s.csv", HEAD + "Asha,Pune,1 Road,411001\n")
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 student was imported")
    assert watched.errors == []


async def test_without_javascript_it_works_all_the_same(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server, java_script_enabled=False)
    page = watched.page
    await choose(page, tmp_path / "s.csv", FAULTY)
    await expect(page.locator(".summary")).to_contain_text("Line 3: city: Give the city.")
    await page.get_by_role("button", name="Import").click()
    await expect(page.locator(".summary")).to_contain_text("Choose a CSV file.")
    await choose(page, tmp_path / "s.csv", GOOD)
    await flash_says(page, "20,000 students were imported")
    assert [error for error in watched.errors if "status of 422" not in error] == []


async def test_a_form_without_a_file_is_sent_as_any(browser: Browser, server: Server) -> None:
    watched = await open_form(browser, server)
    await watched.page.get_by_role("button", name="Import").click()
    await expect(watched.page.locator(".summary")).to_contain_text("Choose a CSV file.")
    assert watched.page.url.endswith("/students.csv")


async def test_a_cancelled_import_stores_nothing(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server)
    page = watched.page
    asked, may_go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await may_go.wait()
        await route.abort()

    await page.route("**/students.csv", hold)
    await choose(page, tmp_path / "s.csv", GOOD)
    await asked.wait()
    await expect(page.get_by_role("button", name="Import")).to_be_disabled()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".meter")).to_have_text("Cancelled.")
    await expect(page.get_by_role("button", name="Import")).to_be_focused()
    may_go.set()
    assert "There are no students yet." in await students_in(page)
    assert watched.errors == []


async def test_an_answer_that_says_nothing_is_told(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    page = (await open_form(browser, server)).page
    broken: list[Callable[[Route], Awaitable[None]]] = [
        lambda route: route.fulfill(body=NEWS, content_type="application/x-ndjson"),
        lambda route: route.fulfill(body="", content_type="application/x-ndjson"),
        lambda route: route.fulfill(body="Bad gateway", content_type="text/plain"),
        lambda route: route.fulfill(body="<h1>Bad gateway</h1>", content_type="text/html"),
    ]
    answers = [(answer, "The answer broke off.") for answer in broken]
    for answer, text in ((lambda route: route.abort(), "The connection broke off."), *answers):
        await page.unroute_all()
        await page.route("**/students.csv", answer)
        await choose(page, tmp_path / "s.csv", FAULTY)
        await expect(page.get_by_role("alert")).to_contain_text(text)
        await expect(page.get_by_role("button", name="Import")).to_be_enabled()


async def test_an_answer_may_lead_elsewhere(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server)
    page = watched.page
    answers = {
        "application/json": '{"location": "/about"}',
        "application/x-ndjson": NEWS + '{"location": "/about"}\n',
    }

    async def respond(route: Route) -> None:
        kind, body = answers.popitem()
        await route.fulfill(content_type=kind, body=body)

    await page.route("**/students.csv", respond)
    for _ in range(2):
        await page.goto("/students/import")
        await choose(page, tmp_path / "s.csv", FAULTY)
        await page.wait_for_url("**/about")
    assert watched.errors == []


async def test_an_error_page_takes_the_place_of_the_form(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    page = (await open_form(browser, server)).page
    await page.context.clear_cookies()
    await choose(page, tmp_path / "s.csv", GOOD)
    await expect(page.locator("main")).to_contain_text("You have to log in for this")
