"""Logging out: on the server too, and only when the visitor wants it."""

from __future__ import annotations

import pytest

from tests.conftest import Page, Visitor


@pytest.mark.parametrize("site", [None, "none", "same-origin"])
async def test_the_sites_own_link_logs_out(alice: Visitor, site: str | None) -> None:
    response = await alice.get("/logout", headers={"Sec-Fetch-Site": site} if site else {})
    assert (response.status_code, response.location) == (302, "/")
    assert "You were logged out" in await alice.text("/")
    assert await alice.who() is None


async def test_the_button_logs_out(alice: Visitor) -> None:
    assert (await alice.post("/logout")).status_code == 302
    assert await alice.who() is None


async def test_who_is_not_logged_in_may_log_out_too(visitor: Visitor) -> None:
    assert (await visitor.get("/logout")).location == "/"
    assert (await visitor.post("/logout")).location == "/"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Sec-Fetch-Site": "cross-site"}),
        ("GET", {"Sec-Fetch-Site": "same-site"}),
        ("GET", {"Sec-Purpose": "prefetch"}),
        ("GET", {"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Site": "same-origin"}),
        ("HEAD", {}),
    ],
)
async def test_another_site_or_a_browser_reading_ahead_gets_a_button_instead(
    alice: Visitor, pages: list[Page], method: str, headers: dict[str, str]
) -> None:
    response = await alice.open("/logout", method, headers=headers)
    assert response.status_code == 200
    assert pages[-1].template == "accounts/logout.html"
    html = await response.get_data(as_text=True)
    assert '<form method="post" action="/logout">' in html
    assert await alice.who() == "alice"


async def test_a_post_without_a_token_or_from_elsewhere_logs_nobody_out(alice: Visitor) -> None:
    assert (await alice.open("/logout", "POST")).status_code == 400
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert (await alice.post("/logout", headers=headers)).status_code == 400
    assert await alice.who() == "alice"


async def test_one_browser_logs_out_and_the_others_stay(
    alice: Visitor, new_visitor: object
) -> None:
    elsewhere = Visitor(alice.app)
    await elsewhere.log_in("alice")
    await alice.post("/logout")
    assert await elsewhere.who() == "alice"
