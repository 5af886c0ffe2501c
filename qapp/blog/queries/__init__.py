"""The SQL of the blog. Times are milliseconds since 1970; lists are newest first."""

from __future__ import annotations

from .entries import (
    Entry,
    EntryChanged,
    Full,
    Source,
    add_entry,
    bytes_of,
    change_entry,
    find_entry,
    find_full,
    find_source,
    find_version,
    list_entries,
    list_entries_of,
    list_full,
    remove_entry,
)
from .search import RANKED, Found, match_of, search_entries, search_full, words_of

__all__ = [
    "RANKED",
    "Entry",
    "EntryChanged",
    "Found",
    "Full",
    "Source",
    "add_entry",
    "bytes_of",
    "change_entry",
    "find_entry",
    "find_full",
    "find_source",
    "find_version",
    "list_entries",
    "list_entries_of",
    "list_full",
    "match_of",
    "remove_entry",
    "search_entries",
    "search_full",
    "words_of",
]
