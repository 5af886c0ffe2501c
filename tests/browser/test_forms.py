"""A form in a browser: what is wrong stands beside each field, and what was typed is kept."""

from __future__ import annotations

import json
import re
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Watched, each_look, watched_page
from tests.serving import Server

ROLES: dict[str, Literal["radiogroup", "textbox", "spinbutton"]] = {
    "Gender": "radiogroup",
    "Email": "textbox",
    "Age": "spinbutton",
}
SCRIPTED = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
NAME = '<b title="x">Asha</b> & O\'Rao'
ADDRESS = "\n14 MG Road\n</textarea><script>document.title = 'broken'</script>\n\nBengaluru\n"
EMAIL = "asha@example..org"
WRONG = {
    "Gender": "Choose one of these.",
    "Email": "This is no address that we could answer to.",
    "Age": "An age is from 1 to 150.",
}


async def fill_in(page: Page) -> None:
    """Fill in the contact form, with three things wrong."""
    await page.goto("/contact")
    await page.get_by_label("Name").fill(NAME)
    await page.get_by_label("Address").fill(ADDRESS)
    await page.get_by_label("Email").fill(EMAIL)
    await page.get_by_label("Age", exact=True).fill("200")
    await page.get_by_label("Language").select_option(label="C++")


async def send(page: Page, status: int) -> None:
    """Send the form, and expect a status."""
    async with page.expect_navigation() as navigation:
        await page.get_by_role("button", name="Send").click()
    response = await navigation.value
    assert response is not None
    assert response.status == status


async def mend(page: Page) -> None:
    """Put right what was wrong."""
    await page.get_by_label("Female").check()
    await page.get_by_label("Email").fill("asha@example.org")
    await page.get_by_label("Age", exact=True).fill("30")


def unexpected(watched: Watched, status: int) -> list[str]:
    """Return what the console was told, but for the answer that was asked for."""
    return [error for error in watched.errors if f"status of {status}" not in error]


@SCRIPTED
async def test_errors_stand_beside_the_fields_and_in_the_summary(
    browser: Browser, server: Server, javascript: bool
) -> None:
    watched = await watched_page(browser, server, java_script_enabled=javascript)
    page = watched.page
    await fill_in(page)
    await send(page, 422)
    summary = page.get_by_role("alert")
    await expect(summary).to_contain_text("3 things need another look.")
    await expect(summary.get_by_role("link")).to_have_text(
        [f"{label}: {message}" for label, message in WRONG.items()]
    )
    for label, message in WRONG.items():
        field = page.get_by_role(ROLES[label], name=label, exact=True)
        await expect(field).to_have_accessible_description(re.compile(re.escape(message)))
        await expect(field).to_have_attribute("aria-invalid", "true")
        await summary.get_by_role("link", name=re.compile(f"^{label}:")).click()
        await expect(field).to_be_focused()
    for label in ("Name", "Address", "Language"):
        field = page.get_by_label(label)
        await expect(field).not_to_have_attribute("aria-invalid", "true")
        await expect(field).to_have_accessible_description("")
    assert unexpected(watched, 422) == []


@SCRIPTED
async def test_what_was_typed_is_kept_until_it_is_right(
    browser: Browser, server: Server, javascript: bool
) -> None:
    watched = await watched_page(browser, server, java_script_enabled=javascript)
    page = watched.page
    await fill_in(page)
    for _ in range(2):  # what the page shows again is what it sends again
        await send(page, 422)
        await expect(page.get_by_label("Name")).to_have_value(NAME)
        await expect(page.get_by_label("Address")).to_have_value(ADDRESS)
        await expect(page.get_by_label("Email")).to_have_value(EMAIL)
        await expect(page.get_by_label("Age", exact=True)).to_have_value("200")
        await expect(page.get_by_label("Language")).to_have_value("cpp")
        assert await page.title() == "Contact · qapp"
    await page.get_by_label("Other, or not said").check()
    await send(page, 422)
    await expect(page.get_by_label("Other, or not said")).to_be_checked()
    await mend(page)
    await send(page, 200)
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Thank you, {NAME}")
    assert unexpected(watched, 422) == []


@SCRIPTED
async def test_a_form_that_expired_is_sent_again_as_typed(
    browser: Browser, server: Server, javascript: bool
) -> None:
    watched = await watched_page(browser, server, java_script_enabled=javascript)
    page = watched.page
    await fill_in(page)
    await mend(page)
    await page.context.clear_cookies()
    await send(page, 400)
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "The form has expired, send it again"
    )
    await send(page, 200)
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Thank you, {NAME}")
    assert unexpected(watched, 400) == []


async def test_the_summary_has_the_focus_when_the_page_opens(
    browser: Browser, server: Server
) -> None:
    page = (await watched_page(browser, server)).page
    await fill_in(page)
    await send(page, 422)
    await expect(page.get_by_role("alert")).to_be_focused()


@SCRIPTED
async def test_a_form_is_filled_in_with_the_keyboard_alone(
    browser: Browser, server: Server, javascript: bool
) -> None:
    page = (await watched_page(browser, server, java_script_enabled=javascript)).page
    await page.goto("/contact")
    await page.get_by_label("Name").focus()
    for keys in ("Asha", "Tab", "Space", "Tab", "14 MG Road", "Tab", "asha@example.org", "Tab"):
        await (page.keyboard.press if keys in ("Tab", "Space") else page.keyboard.type)(keys)
    await page.keyboard.type("30")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, Asha")


async def violations(page: Page) -> list[str]:
    """Return what axe says of the page as it is."""
    results = await Axe().run(page)
    return [
        f"{page.url}: {fault['id']}: {json.dumps([node['html'] for node in fault['nodes']])}"
        for fault in results.response["violations"]
    ]


@each_look
async def test_axe_finds_nothing_on_a_page_with_errors(
    browser: Browser, server: Server, theme: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    page = (await watched_page(browser, server, color_scheme=theme, viewport=size)).page
    found = []
    await page.goto("/contact")
    await send(page, 422)
    found += await violations(page)
    await page.get_by_label("Name").fill("n" * 101)
    await send(page, 422)
    found += await violations(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.goto("/mail")
    await send(page, 422)
    found += await violations(page)
    assert found == []
