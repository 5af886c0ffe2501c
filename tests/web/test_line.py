"""A line of words is rendered by itself, and exactly as the parser and the cleaner would."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qapp.web.line import render_line
from qapp.web.markup import Rendered, render

PIECES = [
    *(
        " ",
        "  ",
        "*",
        "**",
        "***",
        " *",
        " **",
        "* ",
        "** ",
        "*.",
        "**)",
        "*(",
        "a",
        "B c",
        "é",
        "茶",
    ),
    *("7", "²", ".", ",", "-", "--", "°C", "%", '"', "'", "(", ")", "!", "?", ":", "1. ", "- "),
]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Green tea wants **80 °C**.", "Green tea wants <strong>80 °C</strong>."),
        ("a *b* **c d** *e*", "a <em>b</em> <strong>c d</strong> <em>e</em>"),
        ('Grüner Tee, 3 Minuten - "nicht länger"  ', 'Grüner Tee, 3 Minuten - "nicht länger"'),
        ("茶", "茶"),
        ("a" * 200, "a" * 200),
    ],
)
def test_a_line_of_words_is_rendered_by_itself(text: str, html: str) -> None:
    assert render_line(text) == render(text)
    assert render(text).html == f"<p>{html}</p>\n"


@pytest.mark.parametrize(
    "text",
    [
        *("", "a" * 201, "two\nlines", "- a list", "1. a list", "a [link](/x)", "a <b>", "a & b"),
        *(
            "a | b",
            "a `b`",
            "_a_",
            "a\\*b",
            "a * b",
            "a*b*",
            "a *b*c",
            "a **b*",
            "a *b **c***",
            "a#",
        ),
        *("\x00a", "a\u2028b", "a\tb", "a\ud800"),
    ],
)
def test_all_else_is_left_to_the_parser(text: str) -> None:
    assert render_line(text) is None


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example(" *a* *b")
@settings(max_examples=1000)
def test_it_is_what_the_parser_and_the_cleaner_make(text: str) -> None:
    own: Rendered | None = render_line(f"a{text}")
    assert own is None or own == render(f"a{text}")
