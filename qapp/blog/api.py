"""The entries, for programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint, Response, request, url_for
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden

from qapp.accounts import Caller, data_version, writer
from qapp.ext.database import Executor
from qapp.extensions import csrf, db, fragments, live, pages
from qapp.web.api import (
    JSON,
    Answer,
    Before,
    Created,
    Digits,
    Limit,
    Model,
    NextPage,
    Tagged,
    Time,
    changed,
    etag_of,
    not_modified,
    once,
    one_line,
    operation,
    require_match,
)
from qapp.web.api.models import EXAMPLE_TIME, NO_BLANK
from qapp.web.paging import LARGEST_ID, PAGE_SIZE, size_that_fits, url_of_page
from qapp.web.templating import now_ms

from . import queries
from .forms import LONGEST_TEXT, LONGEST_TITLE
from .service import rendered_of

blueprint = csrf.exempt(Blueprint("entries", __name__, url_prefix="/api/v1/entries"))

TEXT = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*{NO_BLANK}[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
LONGEST_QUERY = 200


class EntryIn(Model):
    """What can be set of an entry."""

    title: one_line(LONGEST_TITLE, examples=["Tea"])  # type: ignore[valid-type]
    text: str = Field(
        min_length=1,
        max_length=LONGEST_TEXT,
        pattern=TEXT,
        description="Markdown, or HTML.",
        examples=["Green tea wants **80 °C**."],
    )


class Entry(Model):
    """An entry of the blog."""

    id: int = Field(examples=[17])
    title: str = Field(examples=["Tea"])
    text: str = Field(description="As it was written.", examples=["Green tea wants **80 °C**."])
    html: str = Field(
        description="What is shown of it, cleaned.",
        examples=["<p>Green tea wants <strong>80 °C</strong>.</p>"],
    )
    author: str = Field(description="A username.", examples=["alice"])
    created_at: Time
    updated_at: Annotated[Time | None, Field(examples=[EXAMPLE_TIME])]


class EntryList(Model):
    """A page of entries, newest first."""

    items: list[Entry]
    next: NextPage


class ListQuery(Model):
    """Which entries."""

    before: Before = LARGEST_ID
    limit: Limit = PAGE_SIZE
    author: Annotated[str | None, Field(pattern="^[A-Za-z0-9_-]{3,32}$")] = None


class SearchQuery(Model):
    """What is looked for."""

    q: str = Field(
        min_length=1, max_length=LONGEST_QUERY, description="Words.", examples=["green tea"]
    )
    page: Annotated[int, Field(ge=1, le=queries.RANKED, description="Counted from 1."), Digits] = 1
    limit: Limit = PAGE_SIZE


@blueprint.get("")
@operation("A page of entries.", EntryList, query=ListQuery, errors=[404])
async def list_entries(query_args: ListQuery) -> Response:
    """List the entries, newest first.

    Where they are long, a page has fewer than `limit`: there are more as long as there is a `next`.
    """
    key = ("api.entries", query_args, request.root_path)
    page = await fragments.get(key, await data_version(), lambda: _page(query_args))
    return Response(page, mimetype=JSON)


async def _page(asked: ListQuery) -> str:
    """Write a page, which is the same for all who ask."""
    page = await queries.list_full(db, author=asked.author, before=asked.before, limit=asked.limit)
    more: dict[str, Any] = {"before": page.before, "limit": asked.limit, "author": asked.author}
    url = url_of_page("api.entries.list_entries", **more) if page.before else None
    return EntryList.model_validate({"items": page.items, "next": url}).model_dump_json()


@blueprint.get("/search")
@operation("The entries found, best first.", EntryList, query=SearchQuery)
async def search_entries(query_args: SearchQuery) -> EntryList:
    """Look for words in the entries.

    Of the newest thousand that hold all of them. Where they are long, a page has fewer than
    `limit`.
    """
    asked = query_args
    offset = (asked.page - 1) * asked.limit
    found = await queries.search_full(db, query=asked.q, offset=offset, limit=asked.limit + 1)
    size = size_that_fits(found[: asked.limit], asked.limit, offset, queries.bytes_of)
    more: dict[str, Any] = {"q": asked.q, "page": offset // size + 2, "limit": size}
    url = url_of_page("api.entries.search_entries", **more) if len(found) > size else None
    return EntryList.model_validate({"items": found[:size], "next": url})


async def version_of(entry_id: int) -> int | None:
    """Return what tells the answer with an entry from the one before."""
    return await queries.find_version(db, entry_id=min(entry_id, LARGEST_ID))


@blueprint.get("/<int:entry_id>")
@pages.cache(strict=True, version=version_of)
@operation("The entry.", Entry, headers=Tagged)
async def get_entry(entry_id: int) -> Response | Answer[Entry]:
    """Get an entry."""
    entry = await queries.find_full(db, entry_id=min(entry_id, LARGEST_ID))
    etag = etag_of(entry.version)
    return not_modified(etag) or (Entry.model_validate(entry), 200, {"etag": etag})


@blueprint.post("")
@writer
@operation("The new entry.", Entry, status=201, headers=Created, body=EntryIn, is_idempotent=True)
async def add_entry(caller: Caller, data: EntryIn) -> Answer[Entry]:
    """Add an entry."""
    rendered = await rendered_of(data.text)

    async def work(tx: Executor) -> Answer[Entry]:
        entry_id = await queries.add_entry(
            tx,
            author_id=caller.id,
            title=data.title,
            text=data.text,
            rendered=rendered,
            now_ms=now_ms(),
        )
        return await _answer(tx, entry_id, 201)

    answer = await once(db, caller.id, Entry, work)
    live.wake()
    return answer


@blueprint.put("/<int:entry_id>")
@writer
@operation("The entry as it is now.", Entry, headers=Tagged, body=EntryIn, needs_match=True)
async def change_entry(caller: Caller, entry_id: int, data: EntryIn) -> Answer[Entry]:
    """Change an entry of your own."""
    entry = await _own(caller, entry_id)
    rendered = await rendered_of(data.text)
    try:
        async with db.transaction() as tx:  # what can't be answered is not done
            await queries.change_entry(
                tx,
                entry_id=entry.id,
                version=entry.version,
                title=data.title,
                text=data.text,
                rendered=rendered,
                now_ms=now_ms(),
            )
            return await _answer(tx, entry.id, 200)
    except queries.EntryChanged:
        raise changed() from None


@blueprint.delete("/<int:entry_id>")
@writer
@operation("It is gone.", status=204, needs_match=True)
async def remove_entry(caller: Caller, entry_id: int) -> ResponseReturnValue:
    """Remove an entry of your own."""
    entry = await _own(caller, entry_id)
    try:
        await queries.remove_entry(db, entry_id=entry.id, version=entry.version)
    except queries.EntryChanged:
        raise changed() from None
    return Response(b"", 204)


async def _own(caller: Caller, entry_id: int) -> queries.Source:
    """Return an entry of the caller's, of the version that he has seen."""
    entry = await queries.find_source(db, entry_id=min(entry_id, LARGEST_ID))
    if entry.author_id != caller.id:
        raise Forbidden("The entry is another's.")
    require_match(etag_of(entry.version))
    return entry


async def _answer(tx: Executor, entry_id: int, status: int) -> Answer[Entry]:
    entry = await queries.find_full(tx, entry_id=entry_id)
    headers = {"etag": etag_of(entry.version)}
    if status == 201:
        headers["location"] = url_for("api.entries.get_entry", entry_id=entry_id)
    return Entry.model_validate(entry), status, headers
