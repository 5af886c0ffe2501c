"""What every template has."""

from __future__ import annotations

import time
from collections import ChainMap
from importlib.metadata import version
from typing import Any

import pytest
from quart import Quart

from qapp.web.templating import Globals, iso_time, now_ms, relative_time
from tests.conftest import Page, Serve, Visitor

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-HOUR, "just now"),
        (0, "just now"),
        (59, "just now"),
        (MINUTE, "1 minute ago"),
        (2 * MINUTE - 1, "1 minute ago"),
        (2 * MINUTE, "2 minutes ago"),
        (HOUR - 1, "59 minutes ago"),
        (HOUR, "1 hour ago"),
        (DAY - 1, "23 hours ago"),
        (DAY, "yesterday"),
        (2 * DAY - 1, "yesterday"),
        (2 * DAY, "2 days ago"),
        (30 * DAY - 1, "29 days ago"),
        (30 * DAY, "1 month ago"),
        (60 * DAY, "2 months ago"),
        (365 * DAY - 1, "12 months ago"),
        (365 * DAY, "1 year ago"),
        (800 * DAY, "2 years ago"),
    ],
)
def test_a_time_is_told_in_its_largest_whole_unit(seconds: int, text: str) -> None:
    now = 1_800_000_000_000
    assert relative_time(now - seconds * 1000, now) == text


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_800_000_000_999, "2027-01-15T08:00:00Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"),
    ],
)
def test_an_exact_time_is_iso_8601_in_utc(time_ms: int, text: str) -> None:
    assert iso_time(time_ms) == text


def test_the_time_is_told_in_milliseconds() -> None:
    before = time.time_ns()
    assert before // 1_000_000 <= now_ms() <= time.time_ns() // 1_000_000


async def test_every_page_has_navigation_version_and_who_is_logged_in(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    html = await alice.text("/about")
    assert f"<span>qapp {version('qapp')}</span>" in html
    assert '<a href="/about" aria-current="page">About</a>' in html
    assert pages[-1].context["current_user"].username == "alice"
    assert 'href="/register"' not in html
    assert 'href="/register"' in await visitor.text("/about")


async def test_a_closed_registration_is_offered_nowhere(serve: Serve) -> None:
    visitor = Visitor(await serve(REGISTRATION=False))
    assert 'href="/register"' not in await visitor.text("/")


def test_the_globals_of_templates_are_jinjas() -> None:
    everywhere: dict[str, Any] = {"tea": "green", "cup": 1}
    ours, jinjas = Globals({"cup": 2}, everywhere), ChainMap({"cup": 2}, everywhere)
    everywhere["pot"] = 3  # what comes later is there too
    assert list(ours.keys()) == list(jinjas.keys())
    assert dict(ours) == dict(jinjas) == {"tea": "green", "cup": 2, "pot": 3}
    assert {"cup", "milk"} - ours.keys() == {"milk"}


async def test_a_template_has_what_was_given_to_it_and_to_all(app: Quart) -> None:
    app.jinja_env.globals["tea"] = "green"
    template = app.jinja_env.from_string("{{ tea }} {{ cup }}", globals={"cup": 2})
    assert await template.render_async() == "green 2"
