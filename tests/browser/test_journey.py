"""The whole journey of a visitor, in a browser, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import watched_page
from tests.serving import PASSWORD, Server


async def flash_says(page: Page, text: str) -> None:
    """Expect a message, which is gone on the next page."""
    await expect(page.locator(".flash:visible")).to_contain_text(text)
    await page.reload()
    await expect(page.locator(".flash:visible")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
async def test_register_post_search_log_out_and_get_lost(
    browser: Browser, server: Server, javascript: bool
) -> None:
    watched = await watched_page(browser, server, java_script_enabled=javascript)
    page = watched.page

    await page.goto("/")
    await expect(page.get_by_text("Unbelievable. No entries here so far")).to_be_visible()
    await page.get_by_role("link", name="Register").first.click()
    await page.get_by_label("Username").fill("alice")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password again").fill(PASSWORD)
    await page.get_by_role("button", name="Register").click()
    await flash_says(page, "Welcome, alice")

    await page.get_by_text("Write something, alice…").click()
    await page.get_by_label("Title").fill("<Hello>")
    await page.get_by_label("Text").fill(
        "**Green** tea <script>document.title='broken'</script><img src=x onerror=alert(1)>"
    )
    await page.get_by_role("button", name="Add entry").click()
    await flash_says(page, "New entry was successfully posted")
    await expect(page.get_by_role("heading", name="<Hello>")).to_be_visible()
    await expect(page.locator(".prose strong")).to_have_text("Green")
    assert "broken" not in await page.title()

    await page.get_by_label("Search").first.fill("tea")
    await page.keyboard.press("Enter")
    await expect(page.locator("mark")).to_have_text(["tea"])
    await page.get_by_role("link", name="<Hello>").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("<Hello>")
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Title").fill("Hello again")
    await page.get_by_role("button", name="Save changes").click()
    await flash_says(page, "The entry was changed")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Hello again")

    await page.get_by_role("button", name="Log out", exact=True).click()
    await flash_says(page, "You were logged out")
    await page.get_by_role("link", name="Log in").first.click()
    await page.get_by_label("Username").fill("alice")
    await page.get_by_label("Password").fill("wrong password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("Invalid username or password")
    await expect(page.get_by_label("Username")).to_have_value("alice")
    # The 401 and the 404 are meant; nothing else may have been told to the console.
    assert [error for error in watched.errors if "status of 401" not in error] == []
    watched.errors.clear()

    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await flash_says(page, "You were logged in")
    await page.goto("/no/such/page")
    await expect(page.get_by_text("/no/such/page")).to_be_visible()
    assert [error for error in watched.errors if "status of 404" not in error] == []


async def test_an_entry_is_deleted_after_being_asked_once(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server)
    page = watched.page
    await log_in(page)
    await page.get_by_text("Write something, bob…").click()
    await page.get_by_label("Title").fill("Soon gone")
    await page.get_by_label("Text").fill("Tea")
    await page.get_by_role("button", name="Add entry").click()
    await page.get_by_role("link", name="Soon gone").click()
    await expect(page.get_by_role("button", name="Yes, delete it")).to_be_hidden()
    await page.get_by_text("Delete…").click()
    await page.get_by_role("button", name="Yes, delete it").click()
    await flash_says(page, "The entry was deleted")
    await expect(page.get_by_text("Soon gone")).to_have_count(0)
    assert watched.errors == []


async def test_the_theme_is_switched_and_remembered(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server, color_scheme="light")
    page = watched.page
    await page.goto("/")
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.locator("[data-theme-switch]").click()
    await page.goto("/about")
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    assert watched.errors == []


async def test_a_message_is_dismissed_by_its_button(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server)
    page = watched.page
    await log_in(page)
    await expect(page.locator(".flash", has_text="You were logged in")).to_be_visible()
    await page.get_by_role("button", name="Dismiss").click()
    await expect(page.locator(".flash:visible")).to_have_count(0)
    assert watched.errors == []


async def test_a_form_with_errors_leads_to_them(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server)
    page = watched.page
    await page.goto("/register")
    await page.get_by_label("Username").fill("a b")
    await page.get_by_role("button", name="Register").click()
    await page.get_by_role("link", name=re.compile("^Username:")).click()
    await expect(page.get_by_label("Username")).to_be_focused()
    await expect(page.get_by_label("Username")).to_have_value("a b")
    assert [error for error in watched.errors if "status of 422" not in error] == []


async def log_in(page: Page) -> None:
    """Log in as bob."""
    await page.goto("/login")
    await page.get_by_label("Username").fill("bob")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
