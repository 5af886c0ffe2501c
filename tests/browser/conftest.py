"""A real browser: Debian's Chromium, driven by Playwright, on a real server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from qapp.ext.database.driver import sqlite
from tests.client import Client
from tests.conftest import need
from tests.serving import Server, database_with, server_with_user

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

# But those that SQLite keeps for the search, and what is told to live readers.
TABLES = """
SELECT name FROM fresh.sqlite_master
WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'entries_search*'
AND name != 'live_events'
"""

# Keeps what is announced to screen readers.
SAID = """() => { window.said = []; new MutationObserver(() => {
    const text = document.getElementById("announcer").textContent;
    if (text) window.said.push(text);
}).observe(document.getElementById("announcer"), { childList: true }); }"""
# Each theme and each width once: colours do not depend on widths, and axe takes its time.
each_look = pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A site for one test after the other: it takes three seconds to start."""
    with server_with_user(tmp_path_factory.mktemp("running"), "bob", workers=1) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def server(running: Server) -> Server:
    """A site that is as if fresh, with the user bob."""
    if running.process is None:  # a test has stopped it
        running.start()
    make_fresh(running.folder / "qapp.db", database_with("bob"))
    # The site drops its kept pages at once for what it writes itself, for others within 250 ms.
    bob = await Client(running.port).log_in("bob")
    await bob.request("POST", "/logout", {})
    bob.close()
    return running


def make_fresh(database: Path, fresh: bytes) -> None:
    """Give all tables of a site that runs the rows of a fresh one.

    What it tells live readers goes on: they are told nothing whose number they have had already.
    """
    path = database.with_name("fresh.db")
    path.write_bytes(fresh)
    with closing(sqlite.connect(str(database), isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("ATTACH ? AS fresh", (str(path),))
        connection.execute("BEGIN IMMEDIATE")
        told = connection.execute("SELECT max(id) FROM live_events").fetchone()[0] or 0
        for (table,) in connection.execute(TABLES).fetchall():
            connection.execute(f'DELETE FROM main."{table}"')  # noqa: S608  # a name of the schema
            connection.execute(f'INSERT INTO main."{table}" SELECT * FROM fresh."{table}"')  # noqa: S608
        connection.execute("DELETE FROM sqlite_sequence WHERE name != 'live_events'")
        connection.execute("DELETE FROM live_events WHERE id > ?", (told,))
        connection.execute("COMMIT")


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
