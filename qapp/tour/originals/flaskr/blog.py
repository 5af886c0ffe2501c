"""The blog's pages."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Row
from typing import Any

from werkzeug.exceptions import BadRequest, Forbidden, NotFound
from flask import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from qapp.web.markup import render
from qapp.web.paging import LARGEST_ID, PAGE_SIZE
from qapp.web.templating import now_ms

from .auth import User, current_user, login_required
from .db import get_db
from .forms import EditForm, EntryForm, read_form

blueprint = Blueprint(
    "blog", __name__, template_folder="../../../templates"
)

ENTRIES = """
SELECT entries.id, title, html, author_id, username AS author,
       entries.created_at, updated_at
FROM entries JOIN users ON users.id = author_id
"""


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show the newest entries, and the form to who is logged in."""
    form = EntryForm(None) if current_user() else None
    return _index_page(form)


@blueprint.post("/add")
@login_required
def add(user: User) -> ResponseReturnValue:
    """Add an entry."""
    form = read_form(EntryForm)
    if not form.validate_on_submit():
        return _index_page(form), 422
    db = get_db()
    db.execute(
        "INSERT INTO entries (author_id, title, text, html, created_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            user["id"],
            form.title.data,
            form.text.data,
            render(form.text.data).html,
            now_ms(),
        ),
    )
    db.commit()
    flash("New entry was successfully posted", "success")
    return redirect(url_for("blog.index"))


@blueprint.get("/post/<int:post_id>")
def show(post_id: int) -> ResponseReturnValue:
    """Show an entry."""
    entry = (
        get_db()
        .execute(f"{ENTRIES} WHERE entries.id = ?", (_id(post_id),))
        .fetchone()
    )
    if entry is None:
        raise NotFound
    user = current_user()
    may_edit = user is not None and user["id"] == entry["author_id"]
    return render_template(
        "blog/show.html", entry=entry, may_edit=may_edit
    )


@blueprint.route("/post/<int:post_id>/edit", methods=["GET", "POST"])
@login_required
def edit(user: User, post_id: int) -> ResponseReturnValue:
    """Change an entry of one's own."""
    entry = _own(user, post_id)
    form = read_form(EditForm, data=dict(entry))
    if not form.is_submitted():
        return render_template("blog/edit.html", entry=entry, form=form)
    if not form.validate_on_submit():
        return render_template(
            "blog/edit.html", entry=entry, form=form
        ), 422
    db = get_db()
    changed = db.execute(
        """
        UPDATE entries
        SET title = :title, text = :text, html = :html,
            updated_at = max(:now_ms, :version + 1)
        WHERE id = :entry_id
            AND coalesce(updated_at, created_at) = :version
        """,
        {
            "entry_id": entry["id"],
            "version": int(form.version.data),
            "title": form.title.data,
            "text": form.text.data,
            "html": render(form.text.data).html,
            "now_ms": now_ms(),
        },
    )
    db.commit()
    if not changed.rowcount:
        form.version.data = str(entry["version"])
        form.form_errors.append(
            "You changed this entry somewhere else meanwhile. "
            "Save again to replace that with what stands here."
        )
        return render_template(
            "blog/edit.html", entry=entry, form=form
        ), 409
    flash("The entry was changed", "success")
    return redirect(url_for("blog.show", post_id=entry["id"]))


@blueprint.post("/post/<int:post_id>/delete")
@login_required
def delete(user: User, post_id: int) -> ResponseReturnValue:
    """Delete an entry of one's own."""
    entry = _own(user, post_id)
    db = get_db()
    db.execute("DELETE FROM entries WHERE id = ?", (entry["id"],))
    db.commit()
    flash("The entry was deleted", "success")
    return redirect(url_for("blog.index"))


@blueprint.get("/users/<username>")
def author(username: str) -> ResponseReturnValue:
    """Show a user's entries."""
    before = before_asked()
    found = (
        get_db()
        .execute(
            "SELECT id, username, created_at FROM users"
            " WHERE username = ?",
            (username,),
        )
        .fetchone()
    )
    if found is None:
        raise NotFound
    entries, older = _page(
        "author_id = ? AND entries.id < ?", found["id"], before
    )
    return render_template(
        "blog/author.html",
        author=found,
        entries=entries,
        older_url=_older(
            older, "blog.author", username=found["username"]
        ),
        newest_url=_newest(
            before, "blog.author", username=found["username"]
        ),
    )


def _index_page(form: EntryForm | None) -> str:
    before = before_asked()
    entries, older = _page("entries.id < ?", before)
    return render_template(
        "blog/index.html",
        entries=entries,
        form=form,
        older_url=_older(older, "blog.index"),
        newest_url=_newest(before, "blog.index"),
    )


def _own(user: User, post_id: int) -> Row:
    entry: Row | None = (
        get_db()
        .execute(
            "SELECT id, title, text, author_id,"
            " coalesce(updated_at, created_at) AS version"
            " FROM entries WHERE id = ?",
            (_id(post_id),),
        )
        .fetchone()
    )
    if entry is None:
        raise NotFound
    if entry["author_id"] != user["id"]:
        raise Forbidden
    return entry


def _id(number: int) -> int:
    """Return a number of a path as one that the database can hold."""
    return min(number, LARGEST_ID)


def _page(where: str, *values: int) -> tuple[Sequence[Row], int | None]:
    """Return a page of entries, and the id to begin the next before."""
    rows = (
        get_db()
        .execute(
            f"{ENTRIES} WHERE {where} ORDER BY entries.id DESC LIMIT ?",
            (*values, PAGE_SIZE + 1),
        )
        .fetchall()
    )
    entries = rows[:PAGE_SIZE]
    return entries, entries[-1]["id"] if len(rows) > PAGE_SIZE else None


def before_asked() -> int:
    """Return `?before=`, or the largest id there can be.

    :raises BadRequest: if it is not the number of an entry.
    """
    text = request.args.get("before")
    if text is None:
        return LARGEST_ID
    if not (
        text.isascii()
        and text.isdigit()
        and len(text) <= 19
        and 0 < int(text) <= LARGEST_ID
    ):
        raise BadRequest(
            "“before” has to be the number of an entry. "
            "Leave it out for the newest."
        )
    return int(text)


def _older(
    before: int | None, endpoint: str, **values: Any
) -> str | None:
    return (
        url_for(endpoint, before=before, **values) if before else None
    )


def _newest(before: int, endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if before < LARGEST_ID else None
