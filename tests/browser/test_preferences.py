"""Preferences in a browser: the next page obeys them, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import watched_page
from tests.serving import Server


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
async def test_what_was_preferred_is_there_on_the_next_page(
    browser: Browser, server: Server, javascript: bool
) -> None:
    watched = await watched_page(
        browser, server, java_script_enabled=javascript, color_scheme="light"
    )
    page = watched.page
    await page.goto("/")
    await page.get_by_role("link", name="preferences").click()
    await page.get_by_role("radio", name="Dark").check()
    await page.get_by_label("Items on a page").select_option("10")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".flash:visible")).to_contain_text("Your preferences were saved")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await page.goto("/students")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await page.goto("/preferences")
    await expect(page.get_by_label("Items on a page")).to_have_value("10")
    await page.get_by_role("radio", name="As the system has it").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("html")).not_to_have_attribute("data-bs-theme", re.compile(""))
    assert watched.errors == []


async def test_the_switch_and_the_page_of_preferences_agree(
    browser: Browser, server: Server
) -> None:
    watched = await watched_page(browser, server, color_scheme="light")
    page = watched.page
    await page.goto("/preferences")
    await page.locator("[data-theme-switch]").click()
    await expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert watched.errors == []
