"""The pages that are kept: so many bytes of them, the least recently used go first."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from .page import Form, Page
from .render import Key

# An answer that can't be kept is not made for that again so soon: it is made twice then, once for
# keeping and once for who asked.
REFUSED_S = 10.0
MOST_REFUSED = 100


class Limits(NamedTuple):
    """How much is kept, and how long.

    :ivar most_bytes: of all pages together, with their compressed forms.
    :ivar most_page_bytes: of one page.
    :ivar max_age_s: how old a page may become though nothing changed: texts as "a minute ago" age.
    """

    most_bytes: int = 32 * 1024 * 1024
    most_page_bytes: int = 1024 * 1024
    max_age_s: float = 30.0


class Counts(NamedTuple):
    """What a worker's cache has done since it began, and what it holds.

    :ivar hits: requests answered with a page that was there.
    :ivar misses: pages that were made.
    :ivar waits: requests that waited for a page which another had asked for.
    :ivar drops: pages dropped because the data changed: all, or what they are made of.
    :ivar evictions: pages dropped to make room.
    """

    hits: int = 0
    misses: int = 0
    waits: int = 0
    drops: int = 0
    evictions: int = 0
    pages: int = 0
    bytes: int = 0


class Store:
    """Pages by their keys, of one state of the data; those that can be checked, of any.

    :ivar generation: another after each drop. What was begun in one and is done in another may be
        of the old data, whatever happened in between.
    """

    def __init__(self, most_bytes: int) -> None:
        self.generation = 0
        self.hits = self.misses = self.waits = 0
        self._most_bytes = most_bytes
        self._bytes = 0
        self._drops = self._evictions = 0
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._unchecked: dict[Key, Page] = {}
        self._refused: OrderedDict[Key, float] = OrderedDict()  # until when

    def get(self, key: Key, now: float) -> Page | None:
        """Return the page with this key, if it is there and has not become too old."""
        page = self._pages.get(key)
        if page is None:
            return None
        if page.expires_at <= now:
            self._remove(page)
            return None
        self._pages.move_to_end(key)
        return page

    def put(self, page: Page, now: float) -> None:
        """Keep a page, if the generation in which it was begun still lasts or it can be checked.

        Those that nobody has asked for since they became too old are dropped.
        """
        if page.check is None and page.generation != self.generation:
            return
        if (before := self._pages.get(page.key)) is not None:
            self._remove(before)
        self._pages[page.key] = page
        if page.check is None:
            self._unchecked[page.key] = page
        self._bytes += page.size
        while self._pages and (oldest := next(iter(self._pages.values()))).expires_at <= now:
            self._remove(oldest)
        self._make_room()

    def refuse(self, key: Key, now: float) -> None:
        """Note that what the app answers can't be kept: the like holds for a while."""
        self._refused[key] = now + REFUSED_S
        if len(self._refused) > MOST_REFUSED:
            self._refused.popitem(last=False)

    def is_refused(self, key: Key, now: float) -> bool:
        """Tell whether it is not to be tried to keep a page with this key."""
        return self._refused.get(key, now) > now

    def add_form(self, page: Page, coding: str, body: bytes) -> Form:
        """Keep a page in one more coding, as long as the page is kept."""
        form = page.add_form(coding, body)
        if self._pages.get(page.key) is page:
            self._bytes += len(body)
            self._make_room()
        return form

    def drop(self) -> None:
        """Drop all pages that can't be checked: the data may be another."""
        self.generation += 1
        self._refused.clear()
        self._drops += len(self._unchecked)
        for page in tuple(self._unchecked.values()):
            self._remove(page)

    def discard(self, page: Page) -> None:
        """Drop a page that was checked and holds no more."""
        if self._pages.get(page.key) is page:
            self._drops += 1
            self._remove(page)

    def clear(self) -> None:
        """Drop all pages."""
        self.drop()
        for page in tuple(self._pages.values()):
            self.discard(page)

    @property
    def counts(self) -> Counts:
        """What was done so far, and what is held."""
        return Counts(
            self.hits,
            self.misses,
            self.waits,
            self._drops,
            self._evictions,
            len(self._pages),
            self._bytes,
        )

    def _make_room(self) -> None:
        while self._bytes > self._most_bytes:
            self._remove(next(iter(self._pages.values())))
            self._evictions += 1

    def _remove(self, page: Page) -> None:
        del self._pages[page.key]
        self._unchecked.pop(page.key, None)
        self._bytes -= page.size
