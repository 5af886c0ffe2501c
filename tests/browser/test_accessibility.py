"""What axe-core finds on the pages, in both themes, on a phone and on a desk: nothing."""

from __future__ import annotations

import json

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FilePayload, Page, expect

from tests.browser.conftest import each_look, watched_page
from tests.browser.test_journey import log_in
from tests.files.tools import picture
from tests.serving import Server

PAGES = (
    "/",
    "/login",
    "/register",
    "/search?q=tea",
    "/users/bob",
    "/post/1",
    "/list",
    "/enternew",
    "/students",
    "/new",
    "/files",
    "/upload",
    "/contact",
    "/mail",
    "/preferences",
    "/about",
    "/nowhere",
)
# A phone; at either side of where the header changes; and between.
WIDTHS = (320, 360, 767, 768, 1024, 1199, 1200)
FOR_USERS = ("/", "/post/1", "/post/1/edit", "/account", "/students/import", "/files", "/upload")


@each_look
async def test_axe_finds_nothing(browser: Browser, server: Server, theme: str, width: int) -> None:
    size = {"width": width, "height": 800}
    page = (await watched_page(browser, server, color_scheme=theme, viewport=size)).page
    await log_in(page)
    await page.get_by_text("Write something, bob…").click()
    await page.get_by_label("Title").fill("Tea")
    await page.get_by_label("Text").fill("# Green\n\n- *one*\n- [two](/)\n\n> three\n\n    code")
    await page.get_by_role("button", name="Add entry").click()
    for name, data in (("tea.png", picture()), (f"{'long ' * 20}name.txt", b"Tea\n")):
        await page.goto("/upload")
        file = FilePayload(name=name, mimeType="application/octet-stream", buffer=data)
        await page.get_by_label("File").set_input_files(file)
        await page.get_by_role("button", name="Upload").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "file uploaded successfully"
        )
    found = [violation for path in FOR_USERS for violation in await look(page, path)]
    await page.get_by_role("button", name="Log out", exact=True).click()
    found += [violation for path in PAGES for violation in await look(page, path)]
    assert found == []


async def test_no_page_is_wider_than_the_window(browser: Browser, server: Server) -> None:
    page = (await watched_page(browser, server)).page
    wider = [found for path in PAGES for found in await overflows(page, path)]
    await page.goto("/register")
    await page.get_by_label("Username").fill("W" * 32)
    await page.get_by_label("Password", exact=True).fill("a good password")
    await page.get_by_label("Password again").fill("a good password")
    await page.locator("main").get_by_role("button", name="Register").click()
    await expect(page.get_by_role("button", name="Log out", exact=True)).to_be_visible()
    await page.get_by_text("Write something, ").click()
    await page.get_by_label("Title").fill("W" * 80)
    await page.get_by_label("Text").fill(f"{'W' * 80} [{'W' * 80}](/)\n\n    {'W' * 80}")
    await page.get_by_role("button", name="Add entry").click()
    wider += [found for path in FOR_USERS for found in await overflows(page, path)]
    assert wider == []


async def test_the_section_that_is_open_is_in_sight(browser: Browser, server: Server) -> None:
    size = {"width": 320, "height": 800}
    page = (await watched_page(browser, server, viewport=size)).page
    for path, name in (("/", "Blog"), ("/contact", "Contact"), ("/about", "About")):
        await page.goto(path)
        sections = page.get_by_role("navigation", name="Sections")
        await expect(sections.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)


async def overflows(page: Page, path: str) -> list[str]:
    """Return the widths at which a page would have to be scrolled sideways."""
    await page.goto(path)
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        taken = await page.evaluate("document.documentElement.scrollWidth")
        if taken > width:
            found.append(f"{path}: {taken} of {width}")
    return found


async def look(page: Page, path: str) -> list[str]:
    """Return what axe says of a page, each with the path."""
    await page.goto(path)
    return await violations(page, path)


async def violations(page: Page, what: str) -> list[str]:
    """Return what axe says of a page as it is now, each with what is seen there."""
    results = await Axe().run(page)
    return [
        f"{what}: {violation['id']}: {json.dumps([node['html'] for node in violation['nodes']])}"
        for violation in results.response["violations"]
    ]
