"""The tour in a browser: every link followed, every "try it" pressed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Locator, Page

from tests.browser.conftest import watched_page
from tests.browser.tour import PAGES, open_page
from tests.serving import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One site for all chapters: nothing here depends on what another left."""
    with Server(tmp_path_factory.mktemp("tour"), workers=1) as server:
        yield server


async def test_every_link_leads_somewhere(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server)
    found: dict[str, tuple[str, int]] = {}
    for path in PAGES:
        await open_page(watched, path)
        for link in await watched.page.locator("main a").all():
            address = str(await link.evaluate("a => a.href"))
            assert address.startswith(server.url), f"{path} leads to {address}"
            found[address.partition("#")[0]] = (path, await expected_status(link))
    assert watched.errors == []
    wrong = [
        f"{address} on {path}: {response.status}"
        for address, (path, status) in found.items()
        if (response := await watched.page.request.get(address)).status != status
    ]
    assert wrong == []


async def expected_status(part: Locator) -> int:
    """Return the status that a link or form is there to show."""
    return int(await part.get_attribute("data-status") or 200)


async def test_each_try_answers_in_the_page(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server)
    page = watched.page
    wrong = []
    for path in PAGES:
        await open_page(watched, path)
        for part in await page.locator("[data-try]").all():
            await pressed(part).click()
            text = await answer_in(page)
            if f"\n{await expected_status(part)}" not in text:
                wrong.append(f"{path}: {text}")
        assert page.url == server.url + path
    assert wrong == []
    # Chromium reports every answer of 400 and above, also one that is the chapter's subject.
    assert [e for e in watched.errors if "the server responded with a status of 4" not in e] == []


def pressed(part: Locator) -> Locator:
    """Return what a visitor presses: a link, or a form's first button."""
    return part.locator("button").or_(part.locator("code")).first


async def answer_in(page: Page) -> str:
    """Wait for the answer to what was pressed; return it and take it away."""
    await page.wait_for_selector("#answer:not([aria-busy]) .transcript[data-live]")
    text = await page.locator("#answer .transcript").inner_text()
    await page.evaluate("document.querySelector('#answer .transcript').remove()")
    return text


async def test_each_try_leads_to_a_page_without_scripts(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server, java_script_enabled=False)
    page = watched.page
    wrong = []
    for path in PAGES:
        await open_page(watched, path)
        for place in range(await page.locator("[data-try]").count()):
            await open_page(watched, path)
            part = page.locator("[data-try]").nth(place)
            status = await expected_status(part)
            async with page.expect_navigation() as navigation:
                await pressed(part).click()
            response = await navigation.value
            assert response is not None
            if response.status != status:
                wrong.append(f"{path}: {response.url} {response.status}")
    assert wrong == []


async def test_the_button_of_the_static_file_says_hello(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server)
    await open_page(watched, "/static-demo")
    await watched.page.locator("main button").first.click()
    await watched.page.get_by_text("Hello").first.wait_for()
    assert watched.errors == []


async def test_the_keyboard_scrolls_the_sources(browser: Browser, server: Server) -> None:
    watched = await watched_page(browser, server, viewport={"width": 360, "height": 800})
    await open_page(watched, "/tour/cookies")
    pane = watched.page.locator("pre.code").first
    await pane.focus()
    await pane.evaluate("pane => { pane.onscroll = () => { pane.dataset.scrolled = ''; }; }")
    await watched.page.keyboard.press("ArrowRight")
    await watched.page.wait_for_selector("pre.code[data-scrolled]")
