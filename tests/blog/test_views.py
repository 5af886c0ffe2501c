"""The blog as its visitors use it."""

from __future__ import annotations

from tests.conftest import Visitor


async def test_an_empty_blog_says_so(visitor: Visitor) -> None:
    page = await visitor.text("/")
    assert "Unbelievable. No entries here so far" in page
    assert 'href="/login"' in page


async def test_who_is_logged_in_posts_an_entry_and_sees_it(alice: Visitor) -> None:
    response = await alice.post(
        "/add", {"title": "<Hello>", "text": "<strong>HTML</strong> allowed here"}
    )
    assert (response.status_code, response.location) == (302, "/")
    page = await alice.text("/")
    assert "New entry was successfully posted" in page
    assert "&lt;Hello&gt;" in page
    assert "<strong>HTML</strong> allowed here" in page
    assert "New entry was successfully posted" not in await alice.text("/")
