"""Full-text search: what is found, how it is shown, what can't break it."""

from __future__ import annotations

import pytest

from qapp.blog import queries
from qapp.extensions import db
from tests.blog.tools import fill
from tests.conftest import Page, Visitor

ODD = [
    "", " ", "*", "**", '"', '""', '"""', "'", "''", "^", "^word", ":", "title:word", "-", "-word",
    "+", "+word", "(", ")", "()", "((word)", "word)", "NEAR", "NEAR(", "NEAR(word text)",
    "NEAR(word text, 5)", "NEAR/2", "word NEAR text", "AND", "OR", "NOT", "word AND", "AND word",
    "word OR", "NOT word", "word AND text", "word OR text", "word NOT text", "AND OR NOT",
    '"word', 'word"', '"word text', 'wo"rd', "wo'rd", "word*", "*word", "wo*rd", "{title}: word",
    "{title plain}: word", "title : word", "-title: word", "title:", "{", "}", "[", "]", "\\", "/",
    "%", "_", "__", "$", "@", "#", "&", "|", "!", "?", "=", "<", ">", "<b>", "~", "`", ",", ";",
    ".", "...", "…", "word\0text", "\0", "\x02", "\x03", "\x1a", "\n", "\t", "🙂", "🙂🙂",
    "word 🙂",
    "日本語", "हिन्दी", "ﬁ", "²", "½", "Ⅷ", "١٢٣", "é", "e\u0301", "\u0301", "\ufeff", "\u200b",
    "\uffff", "\U0010ffff", "İ", "ß", "𝔘𝔫𝔦", "'; DROP TABLE entries; --", "1; DELETE FROM entries",
    "' OR '1'='1", "{{7919*7907}}", "${7*7}", "<script>alert(1)</script>", "javascript:alert(1)",
    "word " * 50, "a" * 10_000, "word " * 2_000, "(" * 10_000, '"' * 10_000, "\0" * 10_000,
    "🙂" * 3_000, "rowid:1", "rank MATCH 'x'", "entries_search", "word -- comment", "/* word */",
]  # fmt: skip


async def found(visitor: Visitor, pages: list[Page], query: str) -> list[str]:
    response = await visitor.get("/search", query_string={"q": query})
    assert response.status_code == 200
    return [str(hit.title) for hit in pages[-1].context["hits"]]


async def test_all_words_must_be_there_in_title_or_text(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.add("Both", "red apples and green pears")
    await alice.add("One", "red tomatoes")
    await alice.add("apples in the title", "red")
    hits = await found(visitor, pages, "red apples")
    assert sorted(hits) == ["<mark>apples</mark> in the title", "Both"]


async def test_only_whole_words_are_found(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.add("Fruit", "red apples")
    assert await found(visitor, pages, "apples red") == ["Fruit"]
    assert await found(visitor, pages, "red app") == []


@pytest.mark.parametrize("query", ["cafe", "CAFÉ", "Café", "café", "snake_case", "snake", "it's"])
async def test_case_accents_and_punctuation_do_not_matter(
    alice: Visitor, visitor: Visitor, pages: list[Page], query: str
) -> None:
    await alice.add("Hit", "Café, snake_case; it's so")
    assert await found(visitor, pages, query) == ["Hit"]


async def test_a_word_in_the_title_counts_more(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.add("Pears", "fruit")
    await alice.add("Fruit", "pears")
    assert await found(visitor, pages, "pears") == ["<mark>Pears</mark>", "Fruit"]


async def test_what_was_found_is_marked_and_everything_else_is_escaped(
    alice: Visitor, visitor: Visitor
) -> None:
    await alice.add("<b>apples</b>", "x < y & apples & `<script>`")
    page = await visitor.text("/search?q=apples")
    assert "&lt;b&gt;<mark>apples</mark>&lt;/b&gt;" in page
    assert "x &lt; y &amp; <mark>apples</mark> &amp; &lt;script&gt;" in page


async def test_marks_can_not_be_forged(alice: Visitor, visitor: Visitor) -> None:
    await alice.add("word", "&#2;forged&#3; <b title='&#2;'>word</b> <mark>own</mark>")
    page = await visitor.text("/search?q=word")
    assert "<mark>forged" not in page
    assert "\x02" not in page


async def test_an_excerpt_shows_where_in_a_long_text_it_is(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.add("Long", "before " * 500 + "needle " + "after " * 500)
    await found(visitor, pages, "needle")
    excerpt = str(pages[-1].context["hits"][0].excerpt)
    assert "before <mark>needle</mark> after" in excerpt
    assert len(excerpt) < 400


async def test_a_changed_entry_is_found_by_its_new_words_only(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    entry = await alice.add("Old", "ancient")
    async with alice.app.app_context():
        version = (await queries.find_source(db, entry_id=entry)).version
    form = {"title": "New", "text": "modern", "version": str(version)}
    assert (await alice.post(f"/post/{entry}/edit", form)).status_code == 302
    assert await found(visitor, pages, "ancient") == []
    assert await found(visitor, pages, "modern") == ["New"]


async def test_nothing_asked_and_nothing_found_say_so(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.add()
    assert "Type a word or two" in await visitor.text("/search")
    assert "Type a word or two" in await visitor.text("/search?q=%20")
    page = await visitor.text("/search?q=%3Cb%3Enothing")
    assert "Nothing found for “&lt;b&gt;nothing”." in page


async def test_odd_syntax_is_only_words(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.add("word", "text and near or not 日本語 हिन्दी 123")
    for query in ODD:
        hits = await found(visitor, pages, query)
        assert len(hits) <= 1, query
        assert pages[-1].context["query"] == query[:200].strip()
    for query in ('"word', "word -text", "title:^(word*", "word NEAR(text)", "word OR", "日本語"):
        words = queries.match_of(query).lower()
        expected = 1 if not {"title"} & set(words.replace('"', "").split()) else 0
        assert len(await found(visitor, pages, query)) == expected, query


async def test_a_query_in_bytes_that_are_no_text_is_only_words(visitor: Visitor) -> None:
    for raw in (b"q=%FF%FE", b"q=\xff\xfe", b"q=%ED%A0%80", b"q=%00", b"\xff=\xff", b"q", b"&&=&"):
        response = await visitor.get("/search", scope_base={"query_string": raw})
        assert response.status_code == 200, raw


async def test_hits_come_in_pages_none_twice_and_none_missed(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await fill(alice.app, 45)
    titles: list[str] = []
    older: str | None = "/search?q=entry"
    while older:
        await visitor.get(older)
        titles += [str(hit.title) for hit in pages[-1].context["hits"]]
        older = pages[-1].context["older_url"]
    assert len(titles) == len(set(titles)) == 45
    assert pages[-1].context["newer_url"] == "/search?q=entry&page=2"


async def test_only_so_many_hits_are_ranked_and_paged(
    alice: Visitor, visitor: Visitor, pages: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (queries, queries.search):
        monkeypatch.setattr(module, "RANKED", 40)
    await fill(alice.app, 45)
    await visitor.get("/search?q=entry&page=2")
    assert len(pages[-1].context["hits"]) == 20
    assert pages[-1].context["older_url"] is None
    assert (await visitor.get("/search?q=entry&page=3")).status_code == 400


async def test_what_is_no_page_is_refused(visitor: Visitor) -> None:
    for page in ("0", "-1", "abc", "", "51", "99999", str(10**30), "%E0%A5%A7", "1.0", "%00", "+1"):
        response = await visitor.get(f"/search?q=x&page={page}")
        assert response.status_code == 400, page
        assert "“page” has to be a number from 1 to 50." in await response.get_data(as_text=True)
    assert (await visitor.get("/search?q=x&page=50")).status_code == 200
