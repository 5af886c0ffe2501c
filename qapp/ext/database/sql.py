"""Read what a statement's text says of itself: its parameters, and whether it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

# Strings, quoted names and comments come first, so that nothing inside them is taken for anything
# else; a doubled colon is PostgreSQL's cast.
TOKEN = re.compile(
    r"""
      (?P<opaque> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: )
    | : (?P<parameter> [A-Za-z_]\w* )
    | (?P<word> [A-Za-z_]\w* )
    | (?P<mark> [()] )
    """,
    re.VERBOSE | re.DOTALL,
)
READS = frozenset({"SELECT", "VALUES", "EXPLAIN", "PRAGMA"})
WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})


@lru_cache(maxsize=2048)
def parameters(sql: str) -> frozenset[str]:
    """Return the names of a statement's `:name` parameters."""
    return frozenset(m["parameter"] for m in TOKEN.finditer(sql) if m["parameter"])


@lru_cache(maxsize=2048)
def is_write(sql: str) -> bool:
    """Tell whether a statement belongs on the connection that writes.

    The first verb decides; after WITH, the first verb that stands outside all parentheses.
    """
    words = _words_outside_parentheses(sql)
    first = next(words, "")
    if first == "WITH":
        first = next((word for word in words if word in READS or word in WRITES), "")
    return first not in READS


def _words_outside_parentheses(sql: str) -> Iterator[str]:
    depth = 0
    for match in TOKEN.finditer(sql):
        if match["mark"]:
            depth += 1 if match["mark"] == "(" else -1
        elif match["word"] and depth == 0:
            yield match["word"].upper()
