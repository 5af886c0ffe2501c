"""The front page of who is logged in: made once for all, and yet each visitor's own."""

from __future__ import annotations

import re

import pytest

from qapp.accounts.shared import NAME, TOKEN
from qapp.extensions import db
from tests.conftest import Page, Visitor

PATH = "/"
TOKENS = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


def times_rendered(pages: list[Page]) -> int:
    return sum(page.template == "blog/index.html" for page in pages)


async def test_it_is_rendered_once_for_all(alice: Visitor, bob: Visitor, pages: list[Page]) -> None:
    async def version() -> int:
        async with alice.app.app_context():
            return await db.version()

    for title in ("Tea", "Coffee"):
        await alice.add(title)
        while True:  # until nothing that runs beside this has committed meanwhile
            pages.clear()
            before = await version()
            for visitor in (alice, bob, alice, bob):
                assert title in await visitor.text(PATH)
            if await version() == before:
                break
        assert times_rendered(pages) <= 1


async def test_each_has_his_own_name_and_tokens(alice: Visitor, bob: Visitor) -> None:
    texts = {"alice": await alice.text(PATH), "bob": await bob.text(PATH)}
    found = {name: set(TOKENS.findall(text)) for name, text in texts.items()}
    assert found["alice"].isdisjoint(found["bob"])
    for name, other in (("alice", "bob"), ("bob", "alice")):
        assert f"Write something, {name}…" in texts[name]
        assert other not in texts[name]
        assert NAME not in texts[name]
        assert TOKEN not in texts[name]
        assert len(found[name]) == 1


async def test_the_tokens_are_good(alice: Visitor, bob: Visitor) -> None:
    await alice.get(PATH)
    (token,) = set(TOKENS.findall(await bob.text(PATH)))
    form = {"csrf_token": token, "title": "Tea", "text": "green"}
    assert (await alice.open("/add", "POST", form=form)).status_code == 400
    assert (await bob.open("/add", "POST", form=form)).status_code == 302


async def test_a_message_is_told_to_its_visitor_alone_and_once(
    alice: Visitor, bob: Visitor
) -> None:
    await alice.get(PATH)
    await bob.post("/add", {"title": "Tea", "text": "green"})
    told = "New entry was successfully posted"
    assert told not in await alice.text(PATH)
    assert told in await bob.text(PATH)
    assert told not in await bob.text(PATH)
    assert told not in await alice.text(PATH)


async def test_what_a_visitor_prefers_is_heeded(alice: Visitor, bob: Visitor) -> None:
    for number in range(12):
        await alice.add(f"Entry {number}")
    await bob.post("/preferences", {"theme": "dark", "page_size": "10"})
    await bob.get(PATH)  # where the message is told
    for _ in range(2):
        text = await bob.text(PATH)
        assert 'data-bs-theme="dark"' in text
        assert text.count("<article") == 10
        text = await alice.text(PATH)
        assert "data-bs-theme" not in text
        assert text.count("<article") == 12


async def test_who_was_logged_out_elsewhere_gets_nobodys_page(alice: Visitor) -> None:
    thief = alice.thief()
    await alice.get(PATH)
    await alice.post("/logout")
    text = await thief.text(PATH)
    assert "Write something" not in text
    assert "alice" not in text


@pytest.mark.parametrize("name", ["theme", "page_size", "other"])
async def test_odd_cookies_change_nothing(alice: Visitor, bob: Visitor, name: str) -> None:
    plain = re.sub(TOKENS, "", await alice.text(PATH))
    stolen = f'"x; session={bob.cookie}"'
    for value in ("", "x", '"light; session=x"', stolen, "dark ", "%00", "\\073"):
        assert alice.cookie is not None
        cookie = f"session={alice.cookie}; {name}={value}"
        answer = await alice.app.test_client(use_cookies=False).get(
            PATH, headers={"Cookie": cookie}
        )
        text = re.sub(TOKENS, "", await answer.get_data(as_text=True))
        assert text.replace(' data-bs-theme="dark"', "") == plain, value
