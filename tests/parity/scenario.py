"""Scenarios as data: who is asked, what is sent, what is kept from one answer for the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Pairs = tuple[tuple[str, str], ...]
File = tuple[str, str, bytes]

ORIGINALS = "qapp.tour.originals:create_app"
SITE = "qapp:create_app"
# For `keep`: the token in the form of a page.
TOKEN = r'name="csrf_token"[^>]* value="([^"]+)"'


@dataclass(frozen=True)
class Step:
    """A request. `{name}` in its path, headers and form stands for what an earlier step kept.

    :ivar form: sent urlencoded, or as multipart where there are files; pairs may repeat a name.
    :ivar files: field, file name and content of each.
    :ivar body: sent as it is, with the content type that `headers` give.
    :ivar keep: names, and where to find each in the body: a regular expression with a group.
    :ivar keep_headers: names, and the header whose value each is.
    :ivar jar: whose cookies are sent: this side's own, those that the other side has set, this
        side's with the signature of the session changed, this side's as they were before the last
        answer that set any (a thief's copy, say), or none.
    :ivar follow: follow redirects, as browsers do, and compare each answer on the way.
    :ivar compares: names of further headers to compare, for steps that are about them.
    """

    method: str
    path: str
    form: Mapping[str, str] | Pairs | None = None
    files: tuple[File, ...] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    keep_headers: Mapping[str, str] = field(default_factory=dict)
    jar: Literal["own", "other", "tampered", "former", "none"] = "own"
    follow: bool = False
    compares: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """What a visitor does, step by step, with a browser of his own.

    :ivar chapter: the slug of the chapter that it is about.
    :ivar name: what he does.
    :ivar flask: the Flask application's factory, as "module:name".
    :ivar here: that of the counterpart.
    :ivar is_fresh: that both start anew for it, with an empty database.
    :ivar shown: the place of the step that the chapter's page shows; None shows none of it.
    """

    chapter: str
    name: str
    steps: tuple[Step, ...]
    flask: str = ORIGINALS
    here: str = SITE
    is_fresh: bool = False
    shown: int | None = None

    def __str__(self) -> str:
        return f"{self.chapter}: {self.name}"


def get(path: str, **kwargs: object) -> Step:
    """Open a page."""
    return Step("GET", path, **kwargs)  # type: ignore[arg-type]


def post(path: str, form: Mapping[str, str] | None = None, **kwargs: object) -> Step:
    """Send a form with the token that was kept as `token`."""
    fields = {"csrf_token": "{token}", **(form or {})}
    return Step("POST", path, form=fields, **kwargs)  # type: ignore[arg-type]


def page(path: str, **kwargs: object) -> Step:
    """Open a page with a form, and keep its token."""
    return Step("GET", path, keep={"token": TOKEN}, **kwargs)  # type: ignore[arg-type]
