"""What a writer may type and what a reader gets: safe, useful, and never dear."""

import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import mdurl
import nh3
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qapp.web import markup
from qapp.web.markup import MAX_CHARS, Rendered, render

from .xss_payloads import PAYLOADS

_NAMES = """a abbr b blockquote br caption cite code dd del details dfn div dl dt em h3 h4 h5 h6 hr
    i ins kbd li mark ol p pre q s samp small strong sub summary sup table tbody td tfoot th thead
    tr u ul var"""
_TAGS = set(_NAMES.split())
_CELL = {"align", "colspan", "rowspan"}
_ATTRIBUTES = {"abbr": {"title"}, "ol": {"start"}, "td": _CELL, "th": _CELL}
_REL = "nofollow ugc noopener noreferrer"
_SCHEME = re.compile("[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class _Audit(HTMLParser):
    """Collect what a page must not hold, with none of the sanitiser's own lists."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if tag == "a" and name in {"href", "rel", "title"}:
                self.check_link(name, value or "")
            elif name not in _ATTRIBUTES.get(tag, set()):
                self.faults.append(f"<{tag} {name}>")
        if tag == "a" and "rel" not in dict(attrs):
            self.faults.append("a link without rel")

    def check_link(self, name: str, value: str) -> None:
        # As browsers do it: control characters and blanks around, tabs and newlines within.
        address = re.sub("[\t\n\r]", "", value.strip("".join(map(chr, range(33)))))
        scheme = _SCHEME.match(address)
        if name == "href" and scheme and scheme[0].lower() not in {"http:", "https:", "mailto:"}:
            self.faults.append(address)
        if name == "rel" and value != _REL:
            self.faults.append(value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_pi(self, data: str) -> None:
        self.faults.append(data)

    handle_comment = unknown_decl = handle_pi

    def handle_decl(self, decl: str) -> None:
        self.faults.append(decl)


def _check(text: str) -> Rendered:
    rendered = render(text)
    audit = _Audit(rendered.html)
    assert audit.faults == []
    # The whole visible text, save for the blanks, stands in `plain`.
    assert "".join("".join(audit.text).split()) == "".join(rendered.plain.split())
    assert rendered.plain == " ".join(rendered.plain.split())
    assert re.search("[\x00-\x1f\x7f]", rendered.plain) is None
    assert re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", rendered.html) is None
    return rendered


def test_the_corpus_is_large() -> None:
    assert len(set(PAYLOADS)) >= 400


_AROUND = ("{}", "a {} b", "> {}", "- {}", "**{}**", "|a|\n|-|\n|{}|", "<div>{}</div>", "[{}](/)")


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_payload_comes_through(payload: str) -> None:
    for around in _AROUND:
        _check(around.format(payload))


_MARKS = r"""<b> </b> <a <p> </p> <li> <td> <table> <ul> <pre> <h3> <br> <hr> <x <!-- --> " ' = />
    &lt; &#2; & \ ]]> </ > - 1. | |-| ``` ** * [ ]( [a]: ~~ # === --- \* http://"""
_PIECES = st.one_of(
    st.sampled_from(PAYLOADS),
    st.sampled_from(_MARKS.split()),
    st.sampled_from([" ", "\n", "\n\n", "    ", "\t"]),
    st.text(st.characters(exclude_categories=()), max_size=8),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES, max_size=12).map("".join))
@example("<pre>\n\nx")
@example("<table>x<b><tr>y<td>z")
def test_any_text_is_safe_and_stays_as_it_is(text: str) -> None:
    html = _check(text).html
    # The parser eats one newline behind each `<pre>`.
    once = re.sub("<pre>\n+", "<pre>", html)
    attributes = {tag: {*_CELL, "href", "start", "title"} for tag in _TAGS}
    assert nh3.clean(once, tags=_TAGS, attributes=attributes, link_rel=_REL) == once


@pytest.mark.parametrize(
    ("text", "html", "plain"),
    [
        ("", "", ""),
        ("<strong>a</strong> *b*~~c~~", "<p><strong>a</strong> <em>b</em><s>c</s></p>\n", "a bc"),
        ("# A\n\nB\n===\n\n##### C", "<h3>A</h3>\n<h3>B</h3>\n<h6>C</h6>\n", "A B C"),
        ("<h1>A</h1><h2>B</h2><h4>C</h4>", " A  B <h4>C</h4>", "A B C"),
        ("- a\n  1. c", "<ul>\n<li>a\n<ol>\n<li>c</li>\n</ol>\n</li>\n</ul>\n", "a c"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>\n', "a"),
        ("> a\n>\n> b", "<blockquote>\n<p>a</p>\n<p>b</p>\n</blockquote>\n", "a b"),
        ("```py\na <\n  <i>\n```", "<pre><code>a &lt;\n  &lt;i&gt;\n</code></pre>\n", "a < <i>"),
        ("`<b>` &amp;lt; &copy;", "<p><code>&lt;b&gt;</code> &amp;lt; ©</p>\n", "<b> &lt; ©"),
        ("'; DROP TABLE users; --", "<p>'; DROP TABLE users; --</p>\n", "'; DROP TABLE users; --"),
        ("{{7919*7907}} {% x %}", "<p>{{7919*7907}} {% x %}</p>\n", "{{7919*7907}} {% x %}"),
        ("1 < 2 > 0 <3", "<p>1 &lt; 2 &gt; 0 &lt;3</p>\n", "1 < 2 > 0 <3"),
        ("<div>1 < 2</div>", "<div>1 &lt; 2</div>", "1 < 2"),
        ("f<u>oo</u><br>bar<span>s</span>", "<p>f<u>oo</u><br>bars</p>\n", "foo bars"),
        ("<p>a<p>b<section>c</section>d", "<p>a</p><p>b c d</p>", "a b c d"),
        ("a <script>b</script> <style>c</style> d", "<p>a   d</p>\n", "a d"),
        ("a <script> b <title> c <!-- d", "<p>a  b  c &lt;!-- d</p>\n", "a b c <!-- d"),
        ("<script>\n<script>\nsay", "\n\nsay", "say"),
        ("<div><!-- a --><!-- b</div>", "<div> b</div>", "b"),
        ("<?x?><!DOCTYPE y></z>a", "a", "a"),
        ("<ul><li>a<li>b<p>c</ul></ul>", "<ul><li>a</li><li>b<p>c</p></li></ul>", "a b c"),
        ("<b>a<p>b</b>c</p>", "<p><b>a</b></p><p>bc</p>\n", "a bc"),
        ("a\x02b\x00\ud800c &#3;", "<p>abc \ufffd</p>\n", "abc \ufffd"),
        ("<div>&#2; &#3;</div>", "<div>\ufffd \ufffd</div>", "\ufffd \ufffd"),
    ],
)  # fmt: skip
def test_what_is_written_is_what_is_read(text: str, html: str, plain: str) -> None:
    assert _check(text) == (html, plain)


def test_a_table_keeps_its_alignment_and_spans() -> None:
    html = _check("|a|b|\n|-:|-|\n|1|2|").html
    assert '<th align="right">a</th>\n<th>b</th>' in html
    assert '<td align="right">1</td>\n<td>2</td>' in html
    cells = _check(
        "<table><tr><td colspan=3 rowspan='99' align=x>a<td COLSPAN=2 colspan=4>b</table>"
    )
    assert '<td colspan="3">a</td><td colspan="2">b</td>' in cells.html


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("[a](/b)", '<a href="/b">a</a>'),
        ('[a](/b "c")', '<a href="/b" title="c">a</a>'),
        ("[a][r]\n\n[r]: https://b.example/?c&d", '<a href="https://b.example/?c&amp;d">a</a>'),
        ("<https://b.example/>", '<a href="https://b.example/">https://b.example/</a>'),
        ("[a](mailto:b@c.example)", '<a href="mailto:b@c.example">a</a>'),
        ("<a href='/b\"<>' target=_blank rel=x>a</a>", '<a href="/b&quot;&lt;&gt;">a</a>'),
        ("<a href=/b hidden>a<a href=/c>d</a>", '<a href="/b">a</a><a href="/c">d</a>'),
        ("![a](https://b.example/c.png)", '!<a href="https://b.example/c.png">a</a>'),
        ("[a](ftp://b.example)", "<a>a</a>"),
    ],
)
def test_links_are_marked_as_a_writers(text: str, opened: str) -> None:
    assert re.sub("(<a[^>]*)>", rf'\1 rel="{_REL}">', opened) in _check(text).html


def _fill(pattern: str, chars: int = MAX_CHARS) -> str:
    return (pattern * (chars // len(pattern) + 1))[:chars]


_WIDE_TABLE = "|a" * 256 + "|\n" + "|-" * 256 + "|\n" + "a\n" * 256 + "\n"
SHOWN_AS_TYPED = {
    "too long": _fill("a ", MAX_CHARS + 1),
    "1 MB of <div>": "<div>" * 200_000,
    "brackets": _fill("["),
    "links that fail": _fill("[x]["),
    "emphasis": _fill("*a"),
    "backticks": _fill("`a``"),
    "less-than signs": _fill("<"),
    "list items": _fill("- - - x\n"),
    "quotes in quotes": _fill(">"),
    "lists in lists": "\n".join("  " * depth + "- a" for depth in range(300)),
    "bare lines in a deep quote": ">" * 18 + "a\n" * 20_000,
    "quotes cut short": _fill("|a|b|\n|-|-|\n>     |a|b|\n|-|-|\nxxxxxx b - > "),
    "quotes cut short by lines": _fill("> #\nabcdefgh\n"),
    "cells never typed": _fill(_WIDE_TABLE),
    "one definition, many uses": f"[a]: /{'x' * 2_000}\n\n" + _fill("[a] abcdefghijkl ", 90_000),
    "a title, many uses": f'[a]: / "{"x" * 50_000}"\n\n' + _fill("[a] abcde ", 49_000),
}
RENDERED = {
    "nested <div>": "<div>" * 20_000,
    "nested lists": _fill("<ul><li>"),
    "formatting before paragraphs": "<p>"
    + "".join(f"<b x={number}>" for number in range(5_000))
    + _fill("<p>abcde", 40_000),
    "nested formatting": _fill("<b><i><u><s><em><strong>", 90_000),
    "links in blocks": _fill("<a href=/><div>abcdef"),
    "nested tables": _fill("<table><tr><td>"),
    "attributes": "<a " + " ".join(f"a{number}" for number in range(15_000)) + ">",
    "open quotes": _fill("<a b=\"c' "),
    "comments": _fill("a<!--bcd", 99_000) + "-->",
    "scripts": _fill("<script>a "),
    "svg": _fill("<svg><title>"),
    "pipes": "|" * 49_000 + "\n" + "|-" * 25_000,
    "definitions": "".join(f"[a{number}]: /x{number}\n" for number in range(4_500)),
    "autolinks": _fill("<http://a.example/abcdefghi>"),
    "delimiters": "*a " * 6_000 + "_b " * 6_000 + "a* " * 6_000,
    "brackets in pairs": "[" * 6_000 + "]" * 6_000,
    "lines": _fill("abcdefgh\n"),
    "carriage returns": _fill("abcdefgh\r"),
    "nothing readable": _fill("\x00\ud800"),
}


# What they cost is measured by tests.bench.markup; here a text that never ends fails.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", RENDERED.values(), ids=RENDERED)
def test_no_text_is_dear(text: str) -> None:
    html = render(text).html
    assert not html.startswith("<pre>")
    assert len(html) < 20 * len(text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", SHOWN_AS_TYPED.values(), ids=SHOWN_AS_TYPED)
def test_a_text_that_would_be_dear_is_shown_as_it_was_typed(text: str) -> None:
    html, plain = render(text)
    assert html.startswith("<pre>")
    assert plain == " ".join(text.split())


def test_long_honest_texts_are_rendered() -> None:
    texts = ["- ab cdef\n" * 7_000, "Some *words* and a [link](/).\n\n" * 3_000]
    texts += ["|a|b|c|\n|-|-|-|\n" + "|1|2|3|\n" * 2_000, "> " * 18 + "deep", "- " * 9 + "deep"]
    for text in texts:
        assert len(text) <= MAX_CHARS
        assert "<pre>" not in render(text).html


def test_threads_share_one_parser() -> None:
    texts = [
        f"# {number}\n\n- *a* [b](/{number}) <https://{number}.example/%20>"
        for number in range(200)
    ]
    expected = [render(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, texts * 5)) == expected * 5


def test_every_shared_table_is_full_before_a_thread_can_see_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mdurl._encode, "encode_cache", {})
    monkeypatch.setattr(mdurl._decode, "decode_cache", {})
    parser = markup._build()
    before = repr((mdurl._encode.encode_cache, mdurl._decode.decode_cache))
    rulers = parser.core.ruler, parser.block.ruler, parser.inline.ruler, parser.inline.ruler2
    assert all(ruler.__cache__ for ruler in rulers)
    for payload in PAYLOADS:
        parser.render(payload.replace("\ud800", ""), markup._budget())
    assert repr((mdurl._encode.encode_cache, mdurl._decode.decode_cache)) == before
