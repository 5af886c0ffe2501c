"""A real browser: Debian's Chromium, driven by Playwright, on a real server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.conftest import need
from tests.serving import Server, server_with_user

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Set before any script of the page: what the page's policy keeps out is told to the console.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh site with the user bob."""
    with server_with_user(tmp_path, "bob") as server:
        yield server


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    need(CHROMIUM, "Chromium", "apt install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


class Watched:
    """A page, and the errors that its console has shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location.get('url')})")


async def watched_page(browser: Browser, server: Server, **context: object) -> Watched:
    """Open a page whose console is watched; `context` goes to Playwright's new_context."""
    made = await browser.new_context(base_url=server.url, **context)  # type: ignore[arg-type]
    await made.add_init_script(REPORT_VIOLATIONS)
    return Watched(await made.new_page())
