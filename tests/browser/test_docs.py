"""The page of the API in a browser: Swagger UI under the site's policy; tokens from end to end."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from qapp.api import published
from tests.browser.conftest import Watched, each_look, watched_page
from tests.browser.test_accessibility import violations
from tests.browser.test_journey import log_in
from tests.serving import Server

DOCUMENT = json.loads(published.PATH.read_bytes())
COUNT = sum(len(methods) for methods in DOCUMENT["paths"].values())
ENTRY = {"title": "Tea", "text": "Green tea wants **80 °C**."}  # the document's example


async def opened(
    browser: Browser, server: Server, path: str = "/docs", **context: object
) -> Watched:
    """Open the page, from where nothing but the site can be reached, and wait for Swagger UI."""
    watched = await watched_page(browser, server, **context)
    await watched.page.route(
        lambda url: not url.startswith((server.url, "data:")),
        lambda route: route.abort(),  # which the console tells
    )
    await watched.page.goto(path)
    await expect(watched.page.locator("#plain")).to_have_count(0)
    return watched


def operation(page: Page, name: str) -> Locator:
    """Return an operation's box."""
    return page.locator(f".opblock[id$=-{name}]")


async def try_it(page: Page, name: str) -> Locator:
    """Open an operation, send what is filled in, and return where the answer is."""
    box = operation(page, name)
    await box.locator(".opblock-summary-control").click()
    await box.get_by_role("button", name="Try it out").click()
    await box.get_by_role("button", name="Execute").click()
    answer = box.locator(".live-responses-table")
    await expect(answer).to_be_visible()
    return answer


async def authorize(page: Page, token: str) -> None:
    """Give Swagger UI a token."""
    await page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    await expect(dialog.locator("input")).to_have_count(1)  # the session's cookie is not asked for
    await dialog.locator("input").fill(token)
    await dialog.get_by_role("button", name="Apply credentials").click()
    await dialog.get_by_role("button", name="Close").last.click()


async def test_all_operations_are_shown_and_nothing_comes_from_elsewhere(
    browser: Browser, server: Server
) -> None:
    watched = await opened(browser, server)
    page = watched.page
    await expect(page.locator(".opblock")).to_have_count(COUNT)
    await expect(page.locator(".opblock").first).to_be_visible()
    for methods in DOCUMENT["paths"].values():
        for described in methods.values():
            await expect(operation(page, described["operationId"])).to_contain_text(
                described["summary"]
            )
    await page.goto("/docs#/entries/addEntry")
    await page.reload()
    await expect(operation(page, "addEntry").get_by_text("Request body")).to_be_visible()
    await expect(page.locator("img")).to_have_count(0)  # the badge of a validator
    assert watched.errors == []


@pytest.mark.parametrize("failure", ["no JavaScript", "no Swagger UI", "no document"])
async def test_the_operations_are_listed_where_they_can_not_be_tried(
    browser: Browser, server: Server, failure: str
) -> None:
    javascript = failure != "no JavaScript"
    size = {"width": 360, "height": 800}
    watched = await watched_page(browser, server, java_script_enabled=javascript, viewport=size)
    page = watched.page
    lost = "swagger-ui-bundle" if failure == "no Swagger UI" else "openapi.json"
    if javascript:
        await page.route(re.compile(lost), lambda route: route.abort())
    await page.goto("/docs", wait_until="networkidle")
    await expect(page.locator("#plain dt")).to_have_count(COUNT)
    await expect(page.get_by_text("Add an entry.")).to_be_visible()
    await expect(page.get_by_role("link", name="openapi.json")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_what_is_filled_in_from_the_start_is_good(browser: Browser, server: Server) -> None:
    watched = await opened(browser, server)
    for name in ("listEntries", "searchEntries", "listStudents", "listFiles"):
        answer = await try_it(watched.page, name)
        await expect(answer.locator(".response-col_status").last).to_have_text("200")
    assert watched.errors == []


@pytest.mark.parametrize("by", ["token", "session", "both"])
async def test_an_entry_is_added_by_trying_it(browser: Browser, server: Server, by: str) -> None:
    server.command("user", "add", "alice", stdin="another good password\n")
    token = server.command("token", "add", "alice", "--name", "x", "--scope", "write").strip()
    watched = await opened(browser, server)
    page = watched.page
    if by != "token":
        await log_in(page)
        await page.goto("/docs")
        await expect(page.get_by_text("You are logged in as bob")).to_be_visible()
    if by != "session":
        await authorize(page, token)
    async with page.expect_request("**/api/v1/entries") as sent:
        answer = await try_it(page, "addEntry")
    headers = (await sent.value).headers
    assert ("authorization" in headers) is (by != "session")
    assert ("x-csrftoken" in headers) is (by == "session")
    await expect(answer).to_contain_text('"id": 1')
    await page.goto("/")
    await expect(page.get_by_role("heading", name=ENTRY["title"])).to_be_visible()
    await expect(page.locator(".prose strong")).to_have_text("80 °C")
    author = "bob" if by == "session" else "alice"
    await expect(page.locator(".entry .meta")).to_contain_text(author)
    assert watched.errors == []


async def test_who_is_nobody_hears_what_is_missing(browser: Browser, server: Server) -> None:
    watched = await opened(browser, server)
    answer = await try_it(watched.page, "addEntry")
    await expect(answer).to_contain_text("This needs a token.")
    assert [error for error in watched.errors if "status of 401" not in error] == []


@each_look
async def test_axe_finds_nothing(browser: Browser, server: Server, theme: str, width: int) -> None:
    size = {"width": width, "height": 800}
    watched = await opened(browser, server, color_scheme=theme, viewport=size)
    page = watched.page
    for name in ("addEntry", "changeStudent"):
        await operation(page, name).locator(".opblock-summary-control").click()
    await operation(page, "addEntry").get_by_role("tab", name="Schema").first.click()
    found = await violations(page, "as it is read")
    for name in ("addEntry", "changeStudent"):
        await operation(page, name).get_by_role("button", name="Try it out").click()
    await try_it(page, "listStudents")
    await operation(page, "addFile").locator(".opblock-summary-control").click()
    await operation(page, "addFile").get_by_role("button", name="Try it out").click()
    found += await violations(page, "as it is tried")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("button", name="Authorize").click()
    found += await violations(page, "the dialog")
    assert found == []
    assert watched.errors == []


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
async def test_a_token_is_made_copied_used_and_revoked(
    browser: Browser, server: Server, javascript: bool
) -> None:
    watched = await watched_page(browser, server, java_script_enabled=javascript)
    page = watched.page
    await log_in(page)
    await page.goto("/account")
    await page.get_by_label("Name").fill("phone")
    await page.get_by_label("Read and change").check()
    await page.get_by_label("How long").select_option("A year")
    await page.get_by_role("button", name="Make a token").click()
    field = page.get_by_label("The new token")
    token = await field.input_value()
    copy = page.get_by_role("button", name="Copy")
    if javascript:
        assert await violations(page, "a new token") == []
        await copy.click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        await page.get_by_label("Search").first.press("Control+V")
        await expect(page.get_by_label("Search").first).to_have_value(token)
    else:
        await expect(copy).to_be_hidden()
    await page.goto("/account")
    await expect(field).to_have_count(0)

    headers = {"Authorization": f"Bearer {token}"}
    api = await browser.new_context(base_url=server.url)
    added = await api.request.post("/api/v1/entries", data=ENTRY, headers=headers)
    assert added.status == 201
    await page.reload()
    await expect(page.locator(".entry .meta")).to_contain_text("last used just now")
    await page.get_by_text("Revoke…").click()
    await page.get_by_role("button", name="Yes, revoke it").click()
    await expect(page.locator(".flash:visible")).to_contain_text("The token was revoked")
    assert (await api.request.get("/api/v1/me", headers=headers)).status == 401
    assert watched.errors == []
