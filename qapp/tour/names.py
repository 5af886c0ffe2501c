"""The names that a Flask developer knows and what each is here: read, coloured, searched."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonConsoleLexer

NAMES = Path(__file__).parent / "names.toml"
LONGEST_QUERY = 200


class Row(NamedTuple):
    """Some names that belong together, and what they are here.

    :ivar flask: how Flask has them, as Markdown.
    :ivar names: each of them by itself, as Flask calls it.
    :ivar renamed: those that are called otherwise here, with that name.
    :ivar gone: those that Flask itself has given up.
    :ivar kind: what they are: "class", "hook", "request"…
    :ivar here: how they are used here, as Markdown.
    :ivar example: what to type into `python -m asyncio`, and what comes back, as a doctest.
    :ivar html: the example, coloured.
    :ivar searched: all that a search looks at.
    """

    flask: str
    names: tuple[str, ...]
    renamed: dict[str, str]
    gone: tuple[str, ...]
    kind: str
    here: str
    example: str
    html: Markup
    searched: str


class Table(NamedTuple):
    """All rows, those of a kind together; `prelude` goes before each example."""

    prelude: str
    html: Markup
    rows: tuple[Row, ...]


def table() -> Table:
    """Read the names and colour their examples."""
    content = tomllib.loads(NAMES.read_text())
    prelude = content["prelude"]
    return Table(prelude, _coloured(prelude), tuple(map(_row, content["row"])))


def words_of(query: str) -> list[str]:
    """Return the words of a query, at most 200 characters, without what can't be seen."""
    query = query[:LONGEST_QUERY]
    return "".join(letter if letter.isprintable() else " " for letter in query).split()


def found(rows: Iterable[Row], words: Iterable[str]) -> list[Row]:
    """Return the rows in which every word occurs, in whatever case."""
    wanted = [word.casefold().removesuffix("()") for word in words]
    return [row for row in rows if all(word in row.searched for word in wanted)]


def by_kind(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each kind."""
    return {kind: list(group) for kind, group in groupby(rows, lambda row: row.kind)}


def _row(fields: dict[str, Any]) -> Row:
    names = tuple(fields["names"])
    renamed = fields.get("renamed", {})
    kind, flask, here = fields["kind"], fields["flask"], fields["here"]
    example = fields["example"]
    return Row(
        flask,
        names,
        renamed,
        tuple(fields.get("gone", ())),
        kind,
        here,
        example,
        _coloured(example),
        " ".join((*names, *renamed.values(), kind, flask, here)).replace("`", "").casefold(),
    )


def _coloured(example: str) -> Markup:
    # Pygments escapes what it colours.
    return Markup(highlight(example, PythonConsoleLexer(), HtmlFormatter(nowrap=True)))  # noqa: S704
