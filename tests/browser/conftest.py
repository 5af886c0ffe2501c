"""A real browser: Debian's Chromium, driven by Playwright, on a real server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.conftest import need
from tests.serving import Server, server_with_user

HERE = Path(__file__).parent
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
# Playwright's 5 s are too short for a machine that is busy with other tests.
expect.set_options(timeout=20_000)
# Set before any script of the page: what the page's policy keeps out is told to the console.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""

# Each theme and each width once: colours do not depend on widths, and axe takes its time.
each_look = pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh site with the user bob."""
    with server_with_user(tmp_path, "bob", workers=1) as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in one loop, which the browser that they share belongs to."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Chromium, without a window; it takes three seconds to start."""
    need(CHROMIUM, "Chromium", "apt install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The browser, which after the test has nothing open."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


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
