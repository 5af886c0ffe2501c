"""The operator's page in a browser: it moves, pauses, keeps the focus, and reads well."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.test_accessibility import violations
from tests.serving import PASSWORD, server_with_user

TIME = "#figures .lede time"
SHOWN = f"document.querySelector('{TIME}').dateTime"


async def open_page(page: Page) -> None:
    await page.goto("/login?next=/admin/")
    await page.get_by_label("Username").fill("alice")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("What the site does")


async def test_the_page_moves_and_reads_well(browser: Browser, tmp_path: Path) -> None:
    with server_with_user(tmp_path, "alice", OPERATORS="alice") as server:
        for width, theme in ((360, "dark"), (1280, "light")):
            size = {"width": width, "height": 800}
            watched = await watched_page(browser, server, color_scheme=theme, viewport=size)
            page = watched.page
            await open_page(page)
            # A link in what is replaced has the focus, and keeps it.
            await page.locator(".workers a").first.focus()
            shown = await page.evaluate(SHOWN)
            await page.wait_for_function(f"shown => {SHOWN} > shown", arg=shown)
            await expect(page.locator(".workers a").first).to_be_focused()
            await expect(page.get_by_role("img")).to_have_count(11)
            assert await violations(page, f"/admin/ {width}") == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width

            await page.get_by_role("button", name="Pause").click()
            await expect(page.get_by_role("button", name="Pause")).to_have_attribute(
                "aria-pressed", "true"
            )
            await page.locator(".workers a").first.click()
            await expect(page.get_by_text("alone.")).to_be_visible()
            assert watched.errors == []
        # Who logs out in another tab is led to the login page, not shown it among the charts.
        await page.context.clear_cookies()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Log in", timeout=30_000)

        page = (await watched_page(browser, server, java_script_enabled=False)).page
        await open_page(page)
        await expect(page.get_by_role("img")).to_have_count(11)
        await expect(page.get_by_role("button", name="Pause")).to_be_hidden()
