"""What a search marks and cuts out of a text: the same words that SQLite's index found."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qapp.blog.excerpts import EXCERPT_CHARS, cut, fold, hits_of, marked
from qapp.blog.queries import Found, match_of
from qapp.ext.database.driver import sqlite
from tests.conftest import Page, Visitor

FTS = "CREATE VIRTUAL TABLE texts USING fts5(text, tokenize='unicode61 remove_diacritics 2')"
HIGHLIGHT = "SELECT highlight(texts, 0, '<mark>', '</mark>') FROM texts WHERE texts MATCH ?"
# With accents, of two forms in one case, of alphabets without cases, numbers that are no digits.
LETTERS = "aenEOßıàÉôñǽøſσςΣάΆёЁЕейд한학が가日本²½Ⅷⅷ7١"
SEPARATORS = " -_.…\u200b"
WORDS = st.text(LETTERS, min_size=1, max_size=3)


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite.Connection]:
    with closing(sqlite.connect(":memory:")) as connection:
        connection.execute(FTS)
        yield connection


def marked_by_sqlite(index: sqlite.Connection, text: str, query: str) -> str:
    index.execute("DELETE FROM texts")
    index.execute("INSERT INTO texts VALUES (?)", (text,))
    row = index.execute(HIGHLIGHT, (match_of(query),)).fetchone()
    return str(row[0]) if row is not None else text


@given(word=WORDS, others=st.lists(WORDS), data=st.data())
@example(word="cafe", others=["Café", "CAFÉ", "cafés"], data=None)
@example(word="ΣΟΦΟΣ", others=["σοφος", "ςοφος"], data=None)
def test_the_words_marked_are_those_that_sqlite_marks(
    index: sqlite.Connection, word: str, others: list[str], data: st.DataObject | None
) -> None:
    text = word
    for other in (*others, word.lower(), word.upper()):
        text += (data.draw(st.sampled_from(SEPARATORS)) if data else " ") + other
    assert marked(text, {fold(word)}) == marked_by_sqlite(index, text, word)


def test_everything_else_is_escaped() -> None:
    assert marked("<b>Tea</b> & tea", {"tea"}) == (
        "&lt;b&gt;<mark>Tea</mark>&lt;/b&gt; &amp; <mark>tea</mark>"
    )


@pytest.mark.parametrize("text", ["teas tea", "steam", "a_tea_b", "stea tea2 (tea)", ""])
def test_only_whole_words_are_shown(text: str) -> None:
    far = "no " * 100
    assert "(tea)" in cut(f"{far}{text} (tea) {far}", {"tea"})
    assert cut(f"{far}teas steam{far}", {"tea"}).startswith("no ")


@given(st.text(LETTERS + " ", max_size=400), st.sets(WORDS, max_size=4))
def test_a_piece_is_of_the_text_and_not_long(text: str, words: set[str]) -> None:
    piece = cut(text, {fold(word) for word in words})
    assert piece.removeprefix("… ").removesuffix(" …") in text
    assert len(piece) <= EXCERPT_CHARS + 4


def test_the_piece_with_the_most_words_is_taken() -> None:
    text = f"{'green ' * 100} nothing {'else ' * 100} green tea wants {'more ' * 100}"
    piece = cut(text, {"green", "tea"})
    assert "green tea wants" in piece
    assert piece.startswith("… else")
    assert piece.endswith("more …")


async def test_one_word_as_often_as_a_text_can_have_it_is_no_burden(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    """To SQLite's `snippet`, which can't be broken off, each of these is a matter of 20 s."""
    for number in range(20):
        await alice.add(f"Full {number}", "a " * 50_000)
    await visitor.get("/search?q=a")
    hits = pages[-1].context["hits"]
    assert len(hits) == 20
    assert all(str(hit.excerpt).startswith("<mark>a</mark> <mark>a</mark>") for hit in hits)
    assert all(str(hit.excerpt).endswith("</mark> …") for hit in hits)


async def test_accents_that_are_characters_of_their_own_do_not_matter() -> None:
    title, text = (unicodedata.normalize("NFD", word) for word in ("Olé", "Café olé"))
    [hit] = await hits_of([Found(1, title, text, "alice", 1)], "cafe ole")
    assert (hit.title, hit.excerpt) == ("<mark>Olé</mark>", "<mark>Café</mark> <mark>olé</mark>")
