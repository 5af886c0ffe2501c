"""Preferences: chosen on a page, kept in cookies, obeyed by the very next page."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie

import pytest
from quart import Quart, Response

from qapp.web.headers import ONE_YEAR_S
from tests.blog.tools import fill
from tests.conftest import Page, Serve, Visitor
from tests.students.test_views import fill as fill_students

CHOSEN = {"theme": "dark", "page_size": "50"}
# What each page with pages shows, under this name of its context.
PAGED = {
    "/": "entries",
    "/users/alice": "entries",
    "/search?q=entry": "hits",
    "/list": "students",
    "/students": "found",
}


def cookies_of(response: Response) -> SimpleCookie:
    """Return the cookies that an answer sets, the session's aside."""
    cookies: SimpleCookie = SimpleCookie()
    for line in response.headers.getlist("Set-Cookie"):
        cookies.load(line)
    for name in [name for name in cookies if name.endswith("session")]:
        del cookies[name]
    return cookies


@pytest.fixture
async def full(app: Quart, alice: Visitor) -> None:
    """A site with more of everything than the longest page shows."""
    assert await alice.who() == "alice"
    await fill(app, 105)
    await fill_students(app, 105)


def ids(text: str) -> list[int]:
    """Return the ids of the entries that a page shows."""
    return [
        int(found) for found in re.findall(r'<article [^>]*aria-labelledby="entry-(\d+)"', text)
    ]


async def lengths(visitor: Visitor, pages: list[Page], cookie: str = "") -> dict[str, int]:
    """Return how many items each page with pages shows."""
    found = {}
    for path, name in PAGED.items():
        headers = {"Cookie": cookie} if cookie else {}
        response = await visitor.get(path, headers=headers)
        assert response.status_code == 200, (path, cookie)
        text = await response.get_data(as_text=True)
        found[path] = len(ids(text)) if path == "/" else len(list(pages[-1].context[name]))
    return found


async def test_the_footer_leads_to_the_preferences(visitor: Visitor) -> None:
    assert '<a href="/preferences">preferences</a>' in await visitor.text("/")


async def test_at_first_nothing_is_chosen(visitor: Visitor, pages: list[Page]) -> None:
    text = await visitor.text("/preferences")
    assert pages[-1].context["form"].data["theme"] == "system"
    assert pages[-1].context["form"].data["page_size"] == "20"
    assert "data-bs-theme" not in text


async def test_what_was_chosen_is_told_and_shown_again(visitor: Visitor, pages: list[Page]) -> None:
    response = await visitor.post("/preferences", CHOSEN)
    assert (response.status_code, response.headers["Location"]) == (302, "/preferences")
    text = await visitor.text("/preferences")
    assert "Your preferences were saved" in text
    assert pages[-1].context["form"].data.items() >= CHOSEN.items()


@pytest.mark.parametrize("https", [False, True])
async def test_the_cookies_are_for_all_pages_and_a_year(visitor: Visitor, https: bool) -> None:
    if https:
        visitor.always = {"scheme": "https", "headers": {"Referer": "https://localhost/"}}
    cookies = cookies_of(await visitor.post("/preferences", CHOSEN))
    assert {name: cookie.value for name, cookie in cookies.items()} == CHOSEN
    for cookie in cookies.values():
        assert cookie["path"] == "/"
        assert cookie["samesite"] == "Lax"
        assert cookie["max-age"] == str(ONE_YEAR_S)
        assert bool(cookie["secure"]) is https
        assert not cookie["domain"]
        assert not cookie["httponly"]  # static/theme.js reads it


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("size", [10, 20, 50, 100])
async def test_every_page_has_as_many_items_as_were_chosen(
    visitor: Visitor, pages: list[Page], size: int
) -> None:
    await visitor.post("/preferences", {**CHOSEN, "page_size": str(size)})
    assert await lengths(visitor, pages) == dict.fromkeys(PAGED, size)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("path", ["/", "/users/alice", "/search?q=entry", "/list"])
async def test_pages_of_another_size_follow_each_other(
    visitor: Visitor, pages: list[Page], path: str
) -> None:
    await visitor.post("/preferences", CHOSEN)
    sizes, older = [], path
    seen: list[int] = []
    while older:
        text = await visitor.text(older)
        found = ids(text) or [item.id for item in pages[-1].context[PAGED[path]]]
        seen += found
        sizes.append(len(found))
        link = re.search(r'href="([^"]+)" rel="next"', text)
        older = link[1].replace("&amp;", "&") if link else ""
    assert sizes == [50, 50, 5]
    assert len(set(seen)) == 105


@pytest.mark.usefixtures("full")
async def test_the_last_page_of_matches_follows_from_the_size(visitor: Visitor) -> None:
    for size, last in ((10, 100), (100, 10)):
        headers = {"Cookie": f"page_size={size}"}
        response = await visitor.get(f"/search?q=x&page={last}", headers=headers)
        assert response.status_code == 200
        response = await visitor.get(f"/search?q=x&page={last + 1}", headers=headers)
        assert response.status_code == 400
        assert f"a number from 1 to {last}." in await response.get_data(as_text=True)


@pytest.mark.usefixtures("full")
async def test_an_address_that_names_a_size_is_obeyed(visitor: Visitor, pages: list[Page]) -> None:
    await visitor.post("/preferences", CHOSEN)
    await visitor.get("/students?per_page=7")
    assert len(pages[-1].context["found"].items) == 7


async def test_the_feed_has_its_own_length(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await fill(alice.app, 30)
    await visitor.post("/preferences", {**CHOSEN, "page_size": "10"})
    await visitor.get("/feed.xml")
    assert len(pages[-1].context["entries"]) == 20


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    "value",
    [
        "", "x", "7", "-1", "0", "020", " 20", "20.0", "1e2", "True", "None", "٢٠", "\xff",
        str(10**30), "9" * 4000, '"', "<script>", "20,50", "%32%30",
    ],
    ids=lambda value: value[:10],
)  # fmt: skip
async def test_a_size_that_nobody_could_choose_is_the_usual_one(
    visitor: Visitor, pages: list[Page], value: str
) -> None:
    assert await lengths(visitor, pages, f"page_size={value}") == dict.fromkeys(PAGED, 20)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/students", "/login", "/preferences", "/nowhere"])
async def test_every_page_comes_in_the_theme(visitor: Visitor, theme: str, path: str) -> None:
    await visitor.post("/preferences", {**CHOSEN, "theme": theme})
    assert f'<html lang="en" data-bs-theme="{theme}">' in await visitor.text(path)


async def test_the_systems_theme_takes_the_cookie_away(visitor: Visitor) -> None:
    await visitor.post("/preferences", CHOSEN)
    response = await visitor.post("/preferences", {**CHOSEN, "theme": "system"})
    cookie = cookies_of(response)["theme"]
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/")
    assert '<html lang="en">' in await visitor.text("/")


@pytest.mark.parametrize("value", ["system", "DARK", "x", '"><script>', "dark light", "", "\xff"])
async def test_a_theme_that_there_is_not_is_the_systems(visitor: Visitor, value: str) -> None:
    response = await visitor.get("/preferences", headers={"Cookie": f"theme={value}"})
    assert response.status_code == 200
    text = await response.get_data(as_text=True)
    assert '<html lang="en">' in text
    assert re.search(r'<input checked[^>]* value="system"', text)


@pytest.mark.parametrize("path", [*PAGED, "/preferences", "/nowhere"])
async def test_a_cache_tells_the_pages_of_visitors_apart(
    alice: Visitor, visitor: Visitor, path: str
) -> None:
    for who in (alice, visitor):
        response = await who.get(path)
        assert "Cookie" in response.vary
        is_kept = who is visitor and path in ("/", "/users/alice", "/list", "/students")
        assert response.headers["Cache-Control"] == ("" if is_kept else "private, ") + "no-cache"


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"theme": "pink"}, 422, 'id="theme-error"'),
        ({"theme": ""}, 422, 'id="theme-error"'),
        ({"page_size": "7"}, 422, 'id="page_size-error"'),
        ({"page_size": ""}, 422, 'id="page_size-error"'),
        ({"page_size": str(10**30)}, 422, 'id="page_size-error"'),
        ({"page_size": "20\0"}, 422, 'id="page_size-error"'),
        ({"page_size": "20\r\nSet-Cookie: x=y"}, 422, 'id="page_size-error"'),
        ({"page_size": None}, 400, "“page_size”"),
        ({"theme": None}, 422, "Choose one of these."),
        ({"csrf_token": "x"}, 400, "The form has expired"),
    ],
)
async def test_what_can_not_be_chosen_is_refused_and_changes_nothing(
    visitor: Visitor, change: dict[str, str | None], status: int, text: str
) -> None:
    form = {name: value for name, value in {**CHOSEN, **change}.items() if value is not None}
    response = await visitor.post("/preferences", form)
    assert response.status_code == status
    assert text in await response.get_data(as_text=True)
    assert not cookies_of(response)


async def test_each_browser_has_its_own(
    new_visitor: Callable[[], Visitor], pages: list[Page]
) -> None:
    one, other = new_visitor(), new_visitor()
    await one.post("/preferences", CHOSEN)
    await other.get("/preferences")
    assert pages[-1].context["form"].data["page_size"] == "20"


async def test_it_needs_neither_the_tour_nor_registration(serve: Serve) -> None:
    visitor = Visitor(await serve(TOUR=False, REGISTRATION=False))
    assert (await visitor.get("/preferences")).status_code == 200
