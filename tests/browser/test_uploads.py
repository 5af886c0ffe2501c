"""Uploading in a browser: a file is chosen, its progress seen, its faults shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, CDPSession, Page, expect

from qapp.ext.database.driver import sqlite
from tests.browser.conftest import Watched, watched_page
from tests.browser.test_journey import log_in
from tests.files.tools import picture
from tests.processes import wait_for
from tests.serving import Server, server_with_user

LARGEST = 3_000_000
PNG = picture(size=(600, 400))
SCRIPT = b"GIF89a<script>alert(1)</script>"
REFUSED = "This is no GIF picture that can be read."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh site with the user bob, which takes files of up to 3 MB."""
    settings = {"UPLOAD_MAX_LENGTH": str(LARGEST)}
    with server_with_user(tmp_path / "site", "bob", workers=1, **settings) as server:
        yield server


async def open_form(browser: Browser, server: Server, **context: object) -> Watched:
    watched = await watched_page(browser, server, **context)
    await watched.page.goto("/files")
    await watched.page.get_by_role("link", name="Upload a file").click()
    return watched


async def choose(page: Page, path: Path, data: bytes) -> None:
    """Choose a file in the browser's own dialog, and send it."""
    await asyncio.to_thread(path.write_bytes, data)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_label("File").click()
    await (await chooser.value).set_files(path)
    await page.get_by_role("button", name="Upload").click()


async def slow_down(page: Page, bytes_s: int) -> CDPSession:
    """Make the browser send so slowly."""
    session = await page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_s}
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", limits)
    return session


def rows(server: Server) -> int:
    with closing(sqlite.connect(str(server.folder / "qapp.db"))) as connection:
        count: int = connection.execute("SELECT COUNT(*) FROM files").fetchone()[0]
        return count


def files_of(server: Server) -> list[Path]:
    """Return what lies in the folders of files, arriving or kept, but for their locks."""
    folder = server.folder / "files"
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


async def violations(page: Page) -> list[str]:
    results = await Axe().run(page)
    return [violation["id"] for violation in results.response["violations"]]


async def test_a_file_is_uploaded_and_its_progress_shown(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await watched_page(browser, server)
    page = watched.page
    await log_in(page)
    await page.goto("/upload")
    # Every text that the page shows of the progress, and all that a screen reader hears.
    seen: list[str] = []
    await page.expose_function("noteText", lambda text: seen.append(text))
    await page.evaluate(
        """() => new MutationObserver(() => {
            for (const place of document.querySelectorAll(".meter .hint, #announcer"))
                window.noteText(place.id + " " + place.textContent);
        }).observe(document.body, {childList: true, characterData: true, subtree: true})"""
    )
    await choose(page, tmp_path / "tea & cake.png", PNG)
    await expect(page.get_by_role("heading", level=1)).to_have_text("file uploaded successfully")
    await expect(page.locator("main")).to_be_focused()
    await expect(page).to_have_title(re.compile("File uploaded"))
    assert any(re.fullmatch(r" Sending… \d+ %", text) for text in seen)
    assert any("Sending" in text for text in seen if text.startswith("announcer "))

    async with page.expect_download() as download:
        await page.get_by_role("link", name="tea & cake.png").click()
    assert (await download.value).suggested_filename == "tea & cake.png"
    assert await asyncio.to_thread((await (await download.value).path()).read_bytes) == PNG
    await page.get_by_role("link", name="See all files").click()
    row = page.get_by_role("row", name="tea & cake.png")
    await expect(row).to_contain_text("bob")
    natural = "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    assert await row.locator("img").evaluate(natural) == [256, 171]
    await row.get_by_role("button", name="Delete").click()
    await expect(page.locator(".flash:visible")).to_contain_text("tea & cake.png was deleted")
    assert files_of(server) == []
    assert watched.errors == []


async def test_a_refused_file_is_told_beside_the_field_and_the_next_try_is_good(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server)
    page = watched.page
    for _ in range(2):  # the page that took the place of the first does the same
        await choose(page, tmp_path / "x.gif", SCRIPT)
        await expect(page.locator("#file-error")).to_contain_text(REFUSED)
        await expect(page.locator(".summary")).to_be_focused()
        await expect(page.locator(".summary")).to_contain_text(REFUSED)
    field = page.get_by_label("File")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await page.locator(".summary a").click()
    await expect(field).to_be_focused()
    assert files_of(server) == []
    await choose(page, tmp_path / "x.txt", b"Tea\n")
    await expect(page.get_by_role("heading", level=1)).to_have_text("file uploaded successfully")
    assert [error for error in watched.errors if "status of 422" not in error] == []


async def test_without_javascript_it_works_all_the_same(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server, java_script_enabled=False)
    page = watched.page
    await page.get_by_role("button", name="Upload").click()
    await expect(page.locator("#file-error")).to_have_text("Choose a file.")
    await choose(page, tmp_path / "x.gif", SCRIPT)
    await expect(page.locator("#file-error")).to_contain_text(REFUSED)
    await choose(page, tmp_path / "x.txt", b"x" * (LARGEST + 1_000_000))
    await expect(page.locator("main")).to_contain_text("413")
    await page.goto("/upload")
    await choose(page, tmp_path / "x.txt", b"Tea\n")
    await expect(page.get_by_role("heading", level=1)).to_have_text("file uploaded successfully")
    await page.get_by_role("link", name="See all files").click()
    await expect(page.get_by_role("link", name="x.txt")).to_be_visible()
    assert [error for error in watched.errors if "status of 4" not in error] == []


async def test_nothing_is_left_of_an_upload_that_is_cancelled_in_the_middle(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server)
    page = watched.page
    await slow_down(page, 200_000)
    await choose(page, tmp_path / "x.txt", b"x" * (LARGEST - 10_000))
    await asyncio.to_thread(wait_for, lambda: files_of(server), "the file to begin to arrive")
    await expect(page.get_by_role("button", name="Upload")).to_be_disabled()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".meter")).to_have_text("Cancelled.")
    await expect(page.get_by_role("button", name="Upload")).to_be_focused()
    await asyncio.to_thread(wait_for, lambda: not files_of(server), "the file to be gone")
    assert rows(server) == 0
    assert watched.errors == []


async def test_a_file_that_is_too_large_is_told_before_it_is_sent(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    watched = await open_form(browser, server)
    page = watched.page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    await choose(page, tmp_path / "x.txt", b"x" * (LARGEST + 1))
    await expect(page.get_by_role("alert")).to_have_text(
        "The file is too large. At most 2.9 MiB can be sent."
    )
    await expect(page.get_by_role("button", name="Upload")).to_be_enabled()
    assert await violations(page) == []
    await choose(page, tmp_path / "x.txt", b"Tea\n")
    await expect(page.get_by_role("heading", level=1)).to_have_text("file uploaded successfully")
    assert sent.count("POST") == 1
    assert watched.errors == []


async def test_one_that_the_server_finds_too_large_is_answered(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    page = (await open_form(browser, server)).page
    # As on a page that was opened before the limit was lowered.
    await page.locator("form[data-progress]").evaluate("form => delete form.dataset.mostBytes")
    await choose(page, tmp_path / "x.txt", b"x" * 20_000_000)
    await expect(page.locator("main")).to_contain_text("413")
    await expect(page.locator("main")).to_be_focused()
    assert files_of(server) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing(
    browser: Browser, server: Server, tmp_path: Path, theme: str
) -> None:
    page = (await open_form(browser, server, color_scheme=theme)).page
    assert await violations(page) == []
    await choose(page, tmp_path / "x.gif", SCRIPT)
    await expect(page.locator(".summary")).to_be_focused()
    assert await violations(page) == []
    await choose(page, tmp_path / "x.png", PNG)
    await expect(page.get_by_role("heading", level=1)).to_have_text("file uploaded successfully")
    assert await violations(page) == []
    await page.goto("/files")
    assert await violations(page) == []
