"""What a search shows of the entries that it found: the words marked, and the place where they are.

SQLite's `snippet` takes time by the square of the hits in a text: minutes for one that a single
entry can hold, in which it can't be broken off.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from qapp.extensions import rendering

from .queries import Found, words_of

# An excerpt has about so many characters, so many of them before the first word found.
EXCERPT_CHARS = 240
LEAD_CHARS = 60
# What is looked through in a thread: more than this of all texts together takes over a millisecond.
MOST_CHARS = 10_000
# The letters of alphabets that have cases and accents are below.
LAST_FOLDED = 0x2CFF
WORD = re.compile(r"[^\W_]+")


class Hit(NamedTuple):
    """An entry that was found; `title` and `excerpt` are HTML with the words found marked."""

    id: int
    title: Markup
    excerpt: Markup
    author: str
    created_at: int


async def hits_of(rows: Sequence[Found], query: str) -> list[Hit]:
    """Return what is shown of the entries that were found for a query.

    :raises PoolBusy: if too many texts wait for the thread.
    """
    if sum(len(row.plain) for row in rows) > MOST_CHARS:
        return await rendering.run(_hits, rows, query)
    return _hits(rows, query)


def _hits(rows: Sequence[Found], query: str) -> list[Hit]:
    words = {part for word in words_of(_composed(query)) for part in fold(word).split("_") if part}
    return [
        Hit(
            row.id,
            marked(_composed(row.title), words),
            marked(cut(_composed(row.plain), words), words),
            row.author,
            row.created_at,
        )
        for row in rows
    ]


def _composed(text: str) -> str:
    """Return a text whose letters have their accents in them, as far as there are such letters."""
    return unicodedata.normalize("NFC", text)


def marked(text: str, words: set[str]) -> Markup:
    """Escape a text and mark the words, which are folded, in it."""
    pieces: list[str] = []
    end = 0
    for match in WORD.finditer(fold(text)):
        if match[0] in words:
            word = text[match.start() : match.end()]
            pieces += escape(text[end : match.start()]), "<mark>", escape(word), "</mark>"
            end = match.end()
    return Markup("".join((*pieces, escape(text[end:]))))  # noqa: S704


def cut(text: str, words: set[str]) -> str:
    """Return the piece of a text that has the most of the words, cut between words."""
    folded = fold(text)
    starts = _firsts(folded, words)
    best = max(starts, key=lambda start: _count(folded, words, start), default=0)
    begin = max(0, best - LEAD_CHARS)
    if begin:
        begin = text.find(" ", begin, best) + 1 or begin
    end = begin + EXCERPT_CHARS
    if end < len(text):
        last_space = text.rfind(" ", best, end)
        end = last_space if last_space > 0 else end
    return "… " * (begin > 0) + text[begin:end] + " …" * (end < len(text))


def _firsts(folded: str, words: set[str]) -> list[int]:
    """Return where each of the words comes first, in the order of the text; once through it."""
    found: dict[str, int] = {}
    for match in WORD.finditer(folded):
        if match[0] in words and match[0] not in found:
            found[match[0]] = match.start()
            if len(found) == len(words):
                break
    return list(found.values())


def _count(folded: str, words: set[str], start: int) -> int:
    begin = max(0, start - LEAD_CHARS)
    return len(words.intersection(WORD.findall(folded, begin, begin + EXCERPT_CHARS)))


def fold(text: str) -> str:
    """Return a text as words are compared, of the same length: without case and Latin accents.

    So does SQLite's tokenizer unicode61, which finds them. https://sqlite.org/fts5.html
    """
    return text.lower() if text.isascii() else text.translate(FOLDED)


def _fold_letter(char: str) -> str:
    first, *rest = [*unicodedata.normalize("NFD", char)]
    base = first if first.isascii() and all(map(unicodedata.combining, rest)) else char
    folded = base.casefold()
    return folded if len(folded) == 1 else base


FOLDED: Final = str.maketrans(
    {char: _fold_letter(char) for char in map(chr, range(LAST_FOLDED + 1)) if char.isalnum()}
)
