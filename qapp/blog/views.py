"""The blog's pages."""

from __future__ import annotations

import re
from typing import Any

from quart import Blueprint, Response, flash, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from qapp.accounts import User, current_user, data_version, find_author, login_required, shared_page
from qapp.ext.live import KEPT
from qapp.extensions import db, fragments, live, pages
from qapp.web.errors import Forbidden
from qapp.web.forms import read_form
from qapp.web.paging import LARGEST_ID, Page, before_asked, page_size
from qapp.web.templating import now_ms

from . import queries
from .excerpts import hits_of
from .forms import EditForm, EntryForm
from .queries import Entry, EntryChanged
from .service import rendered_of

blueprint = Blueprint("blog", __name__)

# What HTML and a database bear but XML does not: one in any entry would break the whole feed.
NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@blueprint.get("/")
@pages.cache(query=["before"])
async def index() -> ResponseReturnValue:
    """Show the newest entries, and the form for one more to who is logged in."""
    user = current_user()
    if user is None:
        return await _index_page(None)
    before = before_asked()
    path = url_for("blog.index", before=before if before < LARGEST_ID else None)
    return await shared_page(user, path, _own_index_page)


@blueprint.post("/add")
@login_required
async def add(user: User) -> ResponseReturnValue:
    """Add an entry."""
    form = await read_form(EntryForm)
    if not await form.validate_on_submit():
        return await _index_page(form), 422
    await queries.add_entry(
        db,
        author_id=user.id,
        title=form.title.data,
        text=form.text.data,
        rendered=await rendered_of(form.text.data),
        now_ms=now_ms(),
    )
    live.wake()
    await flash("New entry was successfully posted", "success")
    return redirect(url_for("blog.index"))


async def version_shown(post_id: int) -> tuple[int | None, int]:
    """Return what tells the page of an entry from the one before.

    Its streams begin where it was made; long after that, they would have to begin with a reset.
    """
    return await queries.find_version(db, entry_id=_id(post_id)), live.position // KEPT


@blueprint.get("/post/<int:post_id>")
@pages.cache(version=version_shown)
async def show(post_id: int) -> ResponseReturnValue:
    """Show an entry."""
    live_after = live.position  # before it is read: what comes between is not missed
    entry = await queries.find_entry(db, entry_id=_id(post_id))
    user = current_user()
    may_edit = user is not None and user.id == entry.author_id
    return await render_template(
        "blog/show.html",
        entry=entry,
        may_edit=may_edit,
        live_after=live_after,
        live_spread_ms=live.spread_ms,
    )


@blueprint.route("/post/<int:post_id>/edit", methods=["GET", "POST"])
@login_required
async def edit(user: User, post_id: int) -> ResponseReturnValue:
    """Change an entry of one's own."""
    entry = await _own(user, post_id)
    form = await read_form(EditForm, obj=entry)
    if not form.is_submitted():
        return await render_template("blog/edit.html", entry=entry, form=form)
    if not await form.validate_on_submit():
        return await render_template("blog/edit.html", entry=entry, form=form), 422
    try:
        await queries.change_entry(
            db,
            entry_id=entry.id,
            version=int(form.version.data),
            title=form.title.data,
            text=form.text.data,
            rendered=await rendered_of(form.text.data),
            now_ms=now_ms(),
        )
    except EntryChanged:
        form.version.data = str(entry.version)
        form.form_errors.append(
            "You changed this entry somewhere else meanwhile. "
            "Save again to replace that with what stands here."
        )
        return await render_template("blog/edit.html", entry=entry, form=form), 409
    await flash("The entry was changed", "success")
    return redirect(url_for("blog.show", post_id=entry.id))


@blueprint.post("/post/<int:post_id>/delete")
@login_required
async def delete(user: User, post_id: int) -> ResponseReturnValue:
    """Delete an entry of one's own."""
    entry = await _own(user, post_id)
    await queries.remove_entry(db, entry_id=entry.id)
    await flash("The entry was deleted", "success")
    return redirect(url_for("blog.index"))


@blueprint.get("/users/<username>")
@pages.cache(query=["before"])
async def author(username: str) -> ResponseReturnValue:
    """Show a user's entries."""
    before = before_asked()
    found = await find_author(db, username=username)
    page = await queries.list_entries_of(db, author_id=found.id, before=before, limit=page_size())
    return await render_template(
        "blog/author.html",
        author=found,
        entries=page.items,
        older_url=_older(page, "blog.author", username=found.username),
        newest_url=_newest(before, "blog.author", username=found.username),
    )


@blueprint.get("/search")
async def search() -> ResponseReturnValue:
    """Show the entries with the words asked for."""
    query = request.args.get("q", "")[:200].strip()
    size = page_size()
    number = _page_number(queries.RANKED // size)
    offset = (number - 1) * size
    rows = await queries.search_entries(db, query=query, offset=offset, limit=size + 1)
    more = len(rows) > size
    return await render_template(
        "blog/search.html",
        query=query,
        hits=await hits_of(rows[:size], query),
        first=offset + 1,
        newer_url=url_for("blog.search", q=query, page=number - 1) if number > 1 else None,
        older_url=url_for("blog.search", q=query, page=number + 1) if more else None,
    )


@blueprint.get("/feed.xml")
@pages.cache
async def feed() -> ResponseReturnValue:
    """Send the newest entries as an Atom feed."""
    page = await queries.list_entries(db, before=LARGEST_ID)
    xml = await render_template(
        "blog/feed.xml",
        entries=page.items,
        site_url=url_for("blog.index", _external=True),
        feed_url=url_for("blog.feed", _external=True),
    )
    return Response(NOT_XML.sub("\ufffd", xml), mimetype="application/atom+xml")


@blueprint.get("/live", endpoint="live")
async def stream() -> ResponseReturnValue:
    """Tell of each new, changed or deleted entry, in an event stream.

    The event's type is `entry`, `changed` or `deleted`, its data a JSON object. A deleted one has
    its `id` alone, the others also `title`, `author`, `url` (the entry's path below the site's
    root) and `created_at` or `updated_at` (ISO 8601, in UTC).
    """
    return await live.stream("entries")


async def _own_index_page() -> str:
    return await _index_page(await EntryForm.create_form(None))


async def _index_page(form: EntryForm | None) -> str:
    live_after = live.position  # before the entries are read: what comes between is not missed
    before, size = before_asked(), page_size()
    part = await fragments.get(
        ("blog.index", before, size, live_after),
        await data_version(),
        lambda: _entries_part(before, size),
    )
    return await render_template(
        "blog/index.html",
        entries_part=part,
        form=form,
        newest_url=_newest(before, "blog.index"),
        live_after=live_after,
        live_spread_ms=live.spread_ms,
    )


async def _entries_part(before: int, size: int) -> str:
    page = await queries.list_entries(db, before=before, limit=size)
    return await render_template(
        "blog/entries.html",
        entries=page.items,
        older_url=_older(page, "blog.index"),
        newest_url=_newest(before, "blog.index"),
    )


async def _own(user: User, post_id: int) -> queries.Source:
    entry = await queries.find_source(db, entry_id=_id(post_id))
    if entry.author_id != user.id:
        raise Forbidden
    return entry


def _id(number: int) -> int:
    """Return a number of a path as an id: no entry has one beyond the database's integers."""
    return min(number, LARGEST_ID)


def _older(page: Page[Entry], endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, before=page.before, **values) if page.before else None


def _newest(before: int, endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if before < LARGEST_ID else None


def _page_number(last: int) -> int:
    """Return the request's `?page=`.

    :raises BadRequest: if it is not a number from 1 to `last`.
    """
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= last):
        raise BadRequest(f"“page” has to be a number from 1 to {last}.")
    return int(text)
