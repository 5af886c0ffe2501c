"""The tour's own pages: its contents, and its chapters."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Hashable
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from markupsafe import Markup, escape
from quart import Blueprint, render_template, request

from qapp.web.errors import NotFound

from . import live, names
from .chapters import BY_SLUG, CHAPTERS, Chapter, neighbours
from .proof import Proof, differences, proofs
from .sources import Panes, panes_of

blueprint = Blueprint("tour", __name__, template_folder="templates")
for live_chapter in live.CHAPTERS:
    blueprint.register_blueprint(live_chapter)


CODE = re.compile("`([^`]+)`")

T = TypeVar("T")
_kept: dict[Hashable, Any] = {}


async def kept(read: Callable[..., T], *arguments: Hashable) -> T:
    """Return what a function has read at the first call, which happens in a thread."""
    key = (read, *arguments)
    if key not in _kept:
        _kept[key] = await asyncio.to_thread(read, *arguments)
    result: T = _kept[key]
    return result


class Card(NamedTuple):
    """A chapter as the tour's contents show it."""

    chapter: Chapter
    flask: Markup
    steps: int | None


def cards() -> dict[str, list[Card]]:
    """Read what the contents show, by part."""
    made = [
        Card(chapter, inline_code(chapter.flask), proof.steps if proof else None)
        for chapter in CHAPTERS
        for proof in [proofs().get(chapter.slug)]
    ]
    return {part: list(group) for part, group in groupby(made, lambda card: card.chapter.part)}


class Shown(NamedTuple):
    """What a chapter's page shows beside its text; of the differences what and why."""

    panes: tuple[Panes, ...]
    proof: Proof | None
    differences: tuple[tuple[Markup, Markup], ...]


def shown(chapter: Chapter) -> Shown:
    """Read what a chapter's page shows."""
    proof = proofs().get(chapter.slug)
    met = [differences()[name] for name in proof.differences] if proof else []
    return Shown(
        tuple(map(panes_of, chapter.pairs)),
        proof,
        tuple((inline_code(each.what), inline_code(each.why)) for each in met),
    )


@blueprint.app_template_filter()
def inline_code(text: str) -> Markup:
    """Escape a text and set what stands in backticks as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704


@blueprint.get("/tour/")
async def index() -> str:
    """List the chapters."""
    return await render_template("tour/index.html", parts=await kept(cards))


@blueprint.get("/tour/api")
async def api() -> str:
    """List the names of Flask with what each is here; all, or those looked for."""
    table = await kept(names.table)
    words = names.words_of(request.args.get("q", ""))
    kind = " ".join(names.words_of(request.args.get("kind", "")))
    hits = names.found(table.rows, words)
    return await render_template(
        "tour/api.html",
        table=table,
        query=" ".join(words),
        kind=kind,
        hits=hits,
        kinds=names.by_kind(hits),
        shown=[row for row in hits if kind in ("", row.kind)],
    )


@blueprint.get("/tour/<slug>")
async def chapter(slug: str) -> str:
    """Show a chapter."""
    if slug not in BY_SLUG:
        raise NotFound
    found = BY_SLUG[slug]
    before, after = neighbours(found)
    return await render_template(
        f"tour/chapters/{slug}.html",
        chapter=found,
        shown=await kept(shown, found),
        before=before,
        after=after,
    )
