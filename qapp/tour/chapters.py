"""The chapters of the tour, in the order of reading."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """A Flask module, and what does the same on an event loop; paths below `qapp/`."""

    flask: str
    here: str


class Chapter(NamedTuple):
    """A chapter. Its text is `templates/tour/chapters/<slug>.html`.

    :ivar slug: its name in addresses.
    :ivar part: the part of the tour that it belongs to.
    :ivar flask: what a Flask developer knows it by, as Markdown.
    :ivar here: what that is here, as Markdown.
    :ivar pairs: the sources shown side by side; none where there is only something to tell.
    """

    slug: str
    title: str
    part: str
    flask: str
    here: str
    pairs: tuple[Pair, ...] = ()


def pair(name: str) -> tuple[Pair, ...]:
    """Return the sources of a chapter whose modules are called alike."""
    return (Pair(f"tour/originals/{name}.py", f"tour/live/{name}.py"),)


CHAPTERS = (
    Chapter(
        "application",
        "Application",
        "Start",
        "`Flask(__name__)`, a view",
        "`Quart(__name__)`, an `async def` view",
        pair("application"),
    ),
    Chapter(
        "cookies",
        "Cookies",
        "Request and response",
        "`request.cookies`, `set_cookie`",
        "the same; `make_response` is awaited",
        pair("cookies"),
    ),
)
BY_SLUG = {chapter.slug: chapter for chapter in CHAPTERS}


def neighbours(chapter: Chapter) -> tuple[Chapter | None, Chapter | None]:
    """Return the chapters before and after one."""
    place = CHAPTERS.index(chapter)
    before = CHAPTERS[place - 1] if place else None
    after = CHAPTERS[place + 1] if place + 1 < len(CHAPTERS) else None
    return before, after
