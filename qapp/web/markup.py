"""Turn a writer's text, Markdown that may hold HTML, into HTML that is safe to show.

Three steps: markdown-it writes HTML, `_balance` keeps its nesting small, nh3 says what may stay.
Safety rests on nh3 alone; everything else here keeps a hostile text from costing minutes.
"""

import re
from collections import UserDict
from html import escape, unescape
from typing import Any, NamedTuple

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.html_blocks import block_names
from markdown_it.rules_block import StateBlock, blockquote, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, html_inline

# Each limit has its attack in tests/web/test_markup.py. Behind them the dearest text found takes
# about a second; without them 25 kB of tables took 17 s and 100 kB of link references 1.6 GB.
MAX_CHARS = 100_000
_MAX_MARKS = 25_000  # characters that may start something inline; `[` may cost three times 20 µs
_MAX_STEPS = 30_000  # looks at a line; a quote that a bare line cuts short reads all behind it
_CELL_STEPS = 3  # markdown-it fills short rows up, to 65 536 cells in each table
_MAX_REFERENCE_CHARS = 100_000  # what cmark gives to all uses of link definitions together
_MAX_LEVELS = 20  # markdown-it drops what stands deeper
_MAX_DEPTH = 40  # html5ever walks up the whole nest at each block

_MARK = re.compile(r"[\[\]<&*_`~\\\n]")
# Lone surrogates cannot be encoded; control characters are nowhere allowed in HTML.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_INLINE = _names("a abbr b cite code del dfn em i ins kbd mark q s samp small strong sub sup u var")
_BLOCKS = _names(
    "blockquote br caption dd details div dl dt h3 h4 h5 h6 hr li ol p pre summary table tbody td "
    "tfoot th thead tr ul"
)
_ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}, "ol": {"start"}}
_SPANS = {str(count) for count in range(2, 21)}
_CELL = {"align": {"left", "center", "right"}, "colspan": _SPANS, "rowspan": _SPANS}
_ALLOWED = _ATTRIBUTES | {"td": set(_CELL), "th": set(_CELL)}
_CLEANER = nh3.Cleaner(
    tags=set(_INLINE | _BLOCKS),
    attributes=_ATTRIBUTES,
    tag_attribute_values={"td": _CELL, "th": _CELL},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow ugc noopener noreferrer",
)
_CELLS = _names("td th")
_SIBLINGS = {"li": _names("li"), "td": _CELLS, "th": _CELLS, "tr": _CELLS | {"tr"}}
_SIBLINGS |= dict.fromkeys(_names("dt dd"), _names("dt dd"))
_GROUPS = _names("caption tbody tfoot thead")
_SIBLINGS |= dict.fromkeys(_GROUPS, _GROUPS | _CELLS | {"tr"})
_ENDED_BY = {
    tag: _INLINE | _names("h3 h4 h5 h6 p") | _SIBLINGS.get(tag, frozenset())
    for tag in _BLOCKS - {"br"}
}

# Possessive repeats, and a `<` that ends every attempt, keep these linear in the text.
_TAG = re.compile(
    r"""(?ai)<(?:(?P<closing>/?)(?P<tag>[a-z][\w:.-]*+)"""
    r"""(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*+)>|(?P<comment>!--)|[!?/][^<>]*>)"""
)
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)(?:\s*+=\s*+("[^"]*"|'[^']*'|[^\s"'<>`]+))?""")
_HIDDEN = {"!--": re.compile("-->")} | {
    tag: re.compile(rf"</{tag}(?=[\s/>])[^<>]*>", re.IGNORECASE)
    for tag in _names("iframe math noscript object script select style svg template textarea title")
}
_IN_QUOTES = str.maketrans({'"': "&quot;", "<": "&lt;", ">": "&gt;"})
# nh3 quotes every value and escapes `<` in it, so its output needs no more than this.
_CLEAN_TAG = re.compile(r'</?([a-z0-9]+)(?: [a-z]+="[^"]*")*>')


class Rendered(NamedTuple):
    """Hold a text in its two shapes."""

    html: str
    plain: str


class _TooMuchError(Exception):
    """Say that a text would cost more than its length earns it."""


class _References(UserDict[str, Any]):
    """Answer for link definitions, up to a sum: each use copies the whole address."""

    chars_left = _MAX_REFERENCE_CHARS

    def __getitem__(self, label: str) -> Any:
        found = super().__getitem__(label)
        self.chars_left -= len(found["href"]) + len(found["title"])
        if self.chars_left < 0:
            raise _TooMuchError
        return found


def render(text: str) -> Rendered:
    """Return a text as HTML that is safe to show, and as words for search and excerpts.

    A text that would cost too much is shown as it was typed. Pure CPU, up to a second for the
    worst one: call it in a thread.
    """
    source = _UNREADABLE.sub("", text)
    try:
        marks = len(_MARK.findall(source)) + 2 * source.count("[")
        if len(source) > MAX_CHARS or marks > _MAX_MARKS:
            raise _TooMuchError
        html = _balance(_MARKDOWN.render(source, _budget()))
    except _TooMuchError:
        html = f"<pre>{escape(source, quote=False)}</pre>"
    # Entities can spell control characters; left out, they could join a `java` to its `script:`.
    html = _UNREADABLE.sub("\ufffd", _CLEANER.clean(html))
    return Rendered(html, _plain(html))


def _budget() -> dict[str, Any]:
    return {"references": _References(), "steps": _MAX_STEPS}


def _spend(state: StateBlock, steps: int) -> None:
    state.env["steps"] -= steps
    if state.env["steps"] < 0:
        raise _TooMuchError


def _lines(state: StateBlock, start: int, end: int) -> int:
    """Count the lines up to the next empty one, which ends a quote and a table at the latest."""
    return next((line for line in range(start, end) if state.isEmpty(line)), end) - start


def _step(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
    """Match nothing, but stand first in every chain and count how often a line is looked at."""
    _spend(state, 1)
    return False


def _blockquote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if not silent and blockquote(state, start, end, True):
        _spend(state, _lines(state, start, end))
    return blockquote(state, start, end, silent)


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if not silent and table(state, start, end, True):
        columns = state.src.count("|", state.bMarks[start], state.eMarks[start])
        _spend(state, _CELL_STEPS * columns * _lines(state, start, end))
    return table(state, start, end, silent)


def _html_inline(state: StateInline, silent: bool) -> bool:
    """Find a comment's end; the library's pattern can miss it, and tries all again at the next."""
    if not state.src.startswith("<!--", state.pos):
        return html_inline(state, silent)
    if state.html_terminator_last("-->") < state.pos + 2:
        return False
    end = state.src.index("-->", state.pos + 2) + 3
    if not silent:
        state.push("html_inline", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def _adapt(state: StateCore) -> None:
    """Leave the first two ranks of heading to the site, and give alignment without a style."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        elif "style" in token.attrs:
            token.attrs = {"align": str(token.attrs["style"]).removeprefix("text-align:")}
        elif token.type in {"blockquote_open", "list_item_open"} and token.level >= _MAX_LEVELS - 1:
            raise _TooMuchError


def _build() -> MarkdownIt:
    """Build the one parser that all threads share.

    It keeps nothing between two texts, but it and mdurl fill tables at first use, in sight of
    other threads; so they are filled here, under the import lock.
    """
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_LEVELS})
    parser.enable(["table", "strikethrough"]).disable("image")
    rules, chains = parser.block.ruler, ["paragraph", "reference", "blockquote", "list"]
    rules.at("table", _table, {"alt": ["paragraph", "reference"]})
    rules.at("blockquote", _blockquote, {"alt": chains})
    rules.before("table", "step", _step, {"alt": chains})
    parser.inline.ruler.at("html_inline", _html_inline)
    parser.core.ruler.after("block", "adapt", _adapt)
    parser.render("[a](/b) <https://example.org/%20>", _budget())
    return parser


class _Nest:
    """Write tags so that none stands too deep and no inline one outlives its block.

    A `<b>` that outlives its block is opened again in each one that follows: a thousand of them
    before a thousand paragraphs make html5ever build a million elements.
    """

    def __init__(self) -> None:
        self.out: list[str] = []
        self.stack: list[str] = []

    def open(self, tag: str, attributes: str) -> None:
        if tag == "a":
            self.close("a")
        while self.stack and self.stack[-1] in _ENDED_BY.get(tag, ()):
            self.pop()
        if tag in {"br", "hr"}:
            self.out.append(f"<{tag}>")
        elif len(self.stack) < _MAX_DEPTH:
            self.out.append(f"<{tag}{_attributes(tag, attributes)}>")
            self.stack.append(tag)

    def close(self, tag: str) -> None:
        while tag in self.stack and self.pop() != tag:
            pass

    def pop(self) -> str:
        tag = self.stack.pop()
        self.out.append(f"</{tag}>")
        return tag


def _balance(html: str) -> str:
    """Write HTML again with only tags that may stay, closed in order; nh3 reads nothing else."""
    nest = _Nest()
    endless: set[str] = set()  # a run of openers must not become a run of searches
    position = 0
    while (start := html.find("<", position)) >= 0:
        nest.out.append(html[position:start])
        match = _TAG.match(html, start)
        position = match.end() if match else start + 1
        if match is None:
            nest.out.append("&lt;")
            continue
        tag = (match["tag"] or match["comment"] or "").lower()
        if tag in _HIDDEN and not match["closing"] and tag not in endless:
            end = _HIDDEN[tag].search(html, start + 2)
            if end is None:
                endless.add(tag)
            else:
                position = end.end()
        elif tag in _INLINE or tag in _BLOCKS:
            if match["closing"]:
                nest.close(tag)
            else:
                nest.open(tag, match["attributes"])
        elif tag in block_names:
            nest.out.append(" ")
    nest.out.append(html[position:])
    while nest.stack:
        nest.pop()
    return "".join(nest.out)


def _attributes(tag: str, source: str) -> str:
    allowed = _ALLOWED.get(tag, set())
    kept: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(source) if allowed else ():
        if value and name.lower() in allowed:
            bare = value[1:-1] if value[0] in "\"'" else value
            kept.setdefault(name.lower(), bare.translate(_IN_QUOTES))
    return "".join(f' {name}="{value}"' for name, value in kept.items())


def _plain(html: str) -> str:
    """Return the words of clean HTML; blocks part words, inline tags do not."""
    text = _CLEAN_TAG.sub(lambda tag: "" if tag[1] in _INLINE else " ", html)
    return " ".join(unescape(text).split())


_MARKDOWN = _build()
