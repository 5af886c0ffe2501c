"""What others change shows on the pages that are open, and takes nothing from who reads there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.conftest import SAID, Watched, watched_page
from tests.client import Client
from tests.serving import Server

MARK = "document.body.dataset.before = 'yes'"


@pytest_asyncio.fixture(loop_scope="session")
async def bob(server: Server) -> AsyncIterator[Client]:
    client = await Client(server.port).log_in("bob")
    yield client
    client.close()


async def opened(browser: Browser, server: Server, path: str) -> Watched:
    """Open a page, mark it, and wait until it listens."""
    watched = await watched_page(browser, server)
    async with watched.page.expect_response(re.compile("/live")):
        await watched.page.goto(path)
    await watched.page.evaluate(MARK)
    await watched.page.evaluate(SAID)
    return watched


async def sent(client: Client, path: str, form: dict[str, str]) -> None:
    answer = await client.request("POST", path, form)
    assert answer.status in (200, 302), answer


def student(name: str, **values: str) -> dict[str, str]:
    return {"name": name, "city": "Pune", "addr": "12 Street", "pin": "411001", **values}


async def test_an_entry_is_changed_and_deleted_while_it_is_read(
    browser: Browser, server: Server, bob: Client
) -> None:
    await sent(bob, "/add", {"title": "Tea", "text": "This stays.\n\nThis is old."})
    await sent(bob, "/add", {"title": "Another", "text": "Nothing"})
    watched = await opened(browser, server, "/post/1")
    page = watched.page
    search = page.get_by_role("searchbox")
    await search.fill("half a wo")
    await page.get_by_text("This stays.").evaluate(
        "(it) => { window.kept = it; getSelection().selectAllChildren(it); }"
    )
    await search.evaluate("(it) => it.setSelectionRange(2, 4)")
    await search.focus()
    form = {"title": "Green tea", "text": "This stays.\n\nThis is new."}
    for number in (2, 1):
        await sent(bob, f"/post/{number}/edit", {**form, "version": await version_of(bob, number)})
    await expect(page.get_by_text("This is new.")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Green tea")
    await expect(page).to_have_title(re.compile("^Green tea"))
    await expect(page.get_by_text("edited")).to_be_visible()
    assert await page.get_by_text("This stays.").evaluate("(it) => it === window.kept")
    await expect(search).to_be_focused()
    await expect(search).to_have_value("half a wo")
    assert await search.evaluate("(it) => [it.selectionStart, it.selectionEnd]") == [2, 4]
    await page.wait_for_function("window.said.includes('This entry was changed')")
    await sent(bob, "/post/2/delete", {})
    await sent(bob, "/post/1/delete", {})
    text = "This entry was deleted while you had it open."
    await expect(page.locator("main").get_by_text(text)).to_be_visible()
    await expect(page.get_by_text("This is new.")).to_be_visible()  # what is read is not taken away
    await page.wait_for_function("text => window.said.at(-1) === text", arg=text)
    assert await page.evaluate("document.body.dataset.before") == "yes"
    assert watched.errors == []


async def version_of(client: Client, entry_id: int) -> str:
    text = (await client.request("GET", f"/post/{entry_id}/edit")).text
    found = re.search(r'name="version"[^>]* value="(\d+)"', text)
    assert found is not None
    return found[1]


async def test_students_come_change_and_go_in_the_list_that_is_looked_at(
    browser: Browser, server: Server, bob: Client
) -> None:
    for number in range(30, 60):
        await sent(bob, "/addrec", student(f"Asha {number}"))
    await sent(bob, "/addrec", student("Ravi", city="Delhi"))
    path = "/students?q=pune&in=city&sort=name"
    watched = await opened(browser, server, path)
    page = watched.page
    address = page.url
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(20)
    await page.get_by_text("Asha 45").scroll_into_view_if_needed()
    before = await page.get_by_text("Asha 45").bounding_box()
    await sent(bob, "/addrec", student("Asha 00"))
    await sent(bob, "/new", student("Zoya", city="Agra"))  # is not looked for
    await expect(page.locator("#found")).to_have_text(re.compile("^31 students"))
    await expect(rows.first).to_contain_text("Asha 00")
    await expect(rows).to_have_count(20)
    after = await page.get_by_text("Asha 45").bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) <= 1  # though a row came above it
    assert await page.locator("#student-1").text_content() == await rows.nth(1).text_content()
    await sent(bob, "/students/1/edit", {**student("Asha 30", addr="9 Lane"), "version": "1"})
    await expect(page.locator("#student-1")).to_contain_text("9 Lane")
    await sent(bob, "/students/1/delete", {})
    await expect(page.locator("#student-1")).to_have_count(0)
    await expect(page.locator("#found")).to_have_text(re.compile("^30 students"))
    assert page.url == address
    assert await page.evaluate("document.body.dataset.before") == "yes"
    assert watched.errors == []


async def test_what_is_typed_into_a_live_list_is_searched_and_stays_live(
    browser: Browser, server: Server, bob: Client
) -> None:
    watched = await opened(browser, server, "/students")
    page = watched.page
    await expect(page.get_by_text("There are no students yet")).to_be_visible()
    await sent(bob, "/addrec", student("Asha"))
    await expect(page.locator("tbody tr")).to_have_count(1)
    box = page.get_by_label("What to look for")
    await box.press_sequentially("rav")
    await expect(page.get_by_text("Nobody here has")).to_be_visible()
    await sent(bob, "/addrec", student("Ravi"))
    await expect(page.locator("tbody tr")).to_have_text(re.compile("Ravi"))
    await box.press_sequentially("i")
    await sent(bob, "/addrec", student("Ravindra"))
    await expect(page.locator("#found")).to_have_text("2 students with “ravi”")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("ravi")
    assert await page.evaluate("document.body.dataset.before") == "yes"
    assert watched.errors == []
