"""Flashed messages: each shown once, in its colour, said aloud, to be dismissed."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Visitor

FLASH = re.compile(
    r'<div class="flash flash-(\w+)" role="(\w+)">\s*<span class="flash-text">(.*?)</span>\s*'
    r'<button type="button" data-dismiss aria-label="Dismiss">'
)


async def flash(visitor: Visitor, *messages: tuple[str, str]) -> None:
    async with visitor.client.session_transaction() as session:
        session["_flashes"] = list(messages)


@pytest.mark.parametrize(
    ("category", "kind", "role"),
    [
        ("success", "success", "status"),
        ("info", "info", "status"),
        ("message", "info", "status"),
        ("<script>", "info", "status"),
        ("warning", "warning", "alert"),
        ("error", "error", "alert"),
    ],
)
async def test_a_category_has_its_colour_and_its_urgency(
    visitor: Visitor, category: str, kind: str, role: str
) -> None:
    await flash(visitor, (category, "Something happened"))
    page = await visitor.text("/about")
    assert FLASH.findall(page) == [(kind, role, "Something happened")]


async def test_messages_are_shown_once_in_their_order(visitor: Visitor) -> None:
    await flash(visitor, ("success", "one"), ("error", "two"), ("success", "one"))
    shown = [text for _, _, text in FLASH.findall(await visitor.text("/"))]
    assert shown == ["one", "two", "one"]
    assert FLASH.findall(await visitor.text("/")) == []


async def test_an_error_page_shows_them_too(visitor: Visitor) -> None:
    await flash(visitor, ("success", "one"))
    assert len(FLASH.findall(await visitor.text("/nothing"))) == 1
    assert FLASH.findall(await visitor.text("/")) == []


async def test_a_message_is_text(visitor: Visitor) -> None:
    await flash(visitor, ("success", "<script>alert(1)</script> {{7919*7907}}"))
    shown = FLASH.findall(await visitor.text("/"))[0][2]
    assert shown == "&lt;script&gt;alert(1)&lt;/script&gt; {{7919*7907}}"


async def test_a_redirect_keeps_them_for_the_page_behind_it(visitor: Visitor) -> None:
    await flash(visitor, ("success", "one"))
    assert (await visitor.get("/account")).status_code == 302
    assert len(FLASH.findall(await visitor.text("/login"))) == 1
