"""Read what a statement's text says of itself: its parameters, and whether it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from .errors import SQLError

# Strings, quoted names and comments come first, so that nothing inside them is taken for anything
# else; a doubled colon is PostgreSQL's cast.
TOKEN = re.compile(
    r"""
      (?P<opaque> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: )
    | : (?P<parameter> [^\W\d]\w* )
    | (?P<word> [^\W\d]\w* )
    | (?P<mark> [()] )
    """,
    re.VERBOSE | re.DOTALL,
)
READS = frozenset({"SELECT", "VALUES", "EXPLAIN", "PRAGMA"})
WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})
CONTROLS = frozenset(
    {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"}
)


@lru_cache(maxsize=2048)
def parameters(sql: str) -> frozenset[str]:
    """Return the names of a statement's `:name` parameters.

    :raises SQLError: if the text can't be sent, or begins or ends a transaction: on a connection
        that commits for several callers at once, a COMMIT of one would be everybody's.
    """
    if "\0" in sql or not _is_encodable(sql):
        raise SQLError("the statement contains a character that no database reads")
    if next(_words_outside_parentheses(sql), "") in CONTROLS:
        raise SQLError("transactions are begun and ended by `async with db.transaction()` only")
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


@lru_cache(maxsize=2048)
def is_pragma(sql: str) -> bool:
    """Tell whether a statement is about the connection or the file, and not about the data."""
    return next(_words_outside_parentheses(sql), "") == "PRAGMA"


def _is_encodable(sql: str) -> bool:
    try:
        sql.encode()
    except UnicodeEncodeError:
        return False
    return True


def _words_outside_parentheses(sql: str) -> Iterator[str]:
    depth = 0
    for match in TOKEN.finditer(sql):
        if match["mark"]:
            depth += 1 if match["mark"] == "(" else -1
        elif match["word"] and depth == 0:
            yield match["word"].upper()
