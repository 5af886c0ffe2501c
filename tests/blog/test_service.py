"""Which texts are rendered at once, without a thread."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qapp.blog.service import is_simple
from qapp.web.markup import render


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("Green tea wants **80 °C**.", True),
        ("Grüner Tee, 3 Minuten - “nicht länger”".replace("“", '"').replace("”", '"'), True),
        ("茶", True),
        ("a" * 200, True),
        ("", False),
        ("a" * 201, False),
        ("two\nlines", False),
        ("- a list", False),
        ("1. a list", False),
        ("a [link](/x)", False),
        ("a <b>", False),
        ("a & b", False),
        ("a | b", False),
        ("a `b`", False),
        ("_a_", False),
        ("a * b * c * d * e", True),
        ("a" + "*" * 9, False),
    ],
)
def test_a_line_of_words_is_simple(text: str, simple: bool) -> None:
    assert is_simple(text) is simple


@given(st.text("ab 1.*-()%\"'", min_size=1, max_size=200).map(lambda text: f"a{text}"))
def test_of_a_simple_text_little_can_be_made(text: str) -> None:
    if is_simple(text):
        assert set(re.findall("<([a-z0-9]+)", render(text).html)) <= {"p", "em", "strong"}
