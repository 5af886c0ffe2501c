"""Keep parts of pages that are the same for all who see them, for one version of the data.

    from quart import Quart, render_template
    from qapp.ext.database import Database
    from qapp.ext.fragments import Fragments

    app = Quart(__name__)
    app.config["DATABASE_URL"] = "sqlite:///tea.db"
    db = Database(app)
    fragments = Fragments(app)

    @app.get("/")
    async def index():
        version = db.ask_version()  # goes in one trip with what is asked for next
        visitor = await db.fetch_one("SELECT name FROM visitors WHERE id = :id", {"id": 1})
        teas = await fragments.get("teas", await version, lambda: render_template("teas.html"))
        return await render_template("index.html", visitor=visitor, teas=teas)

So a page that is each visitor's own, with his name and his tokens, holds a part that was rendered
once for all. Nobody gets a part that is older than his request: he asks for the version when he has
come, and a part is good for that version alone.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from time import monotonic
from typing import NamedTuple

from markupsafe import Markup
from quart import Quart, current_app

EXTENSION = "fragments"
# There is room for so many: one that is larger is not kept, and drives out no others.
PARTS_AT_LEAST = 4


class Limits(NamedTuple):
    """How much is kept: letters of all parts together, parts, and each for so many seconds.

    The time is for parts that say "a minute ago".
    """

    most_letters: int = 8_000_000
    most: int = 1000
    max_age_s: float = 30.0


class _Kept:
    """A part, and the version of the data and the time until which it holds."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.part = Markup()
        self.version: int | None = None
        self.until = 0.0

    def holds(self, version: int) -> bool:
        return self.version == version and monotonic() < self.until


class Fragments:
    """Parts of pages for any number of apps; what was not asked for longest goes first.

    In debug mode, where templates change, none is kept.
    """

    def __init__(self, app: Quart | None = None, *, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Keep parts of an app's pages."""
        app.extensions[EXTENSION] = _Store(self._limits)

    async def get(self, key: Hashable, version: int, make: Callable[[], Awaitable[str]]) -> Markup:
        """Return the part of a key at a version of the data, made once for all who wait for it.

        :param key: all that the part depends on, beside the data.
        :param version: of the data, asked for before this call.
        :param make: renders it, of the data as they are then; what it raises is raised here.
        """
        if current_app.debug:
            return Markup(await make())  # noqa: S704 - a template's
        store: _Store = current_app.extensions[EXTENSION]
        kept = store.find(key)
        if not kept.holds(version):
            async with kept.lock:  # the others wait; who leaves, leaves it to the next
                if not kept.holds(version):
                    until = monotonic() + self._limits.max_age_s
                    store.put(key, kept, Markup(await make()))  # noqa: S704 - a template's
                    kept.version, kept.until = version, until
        return kept.part

    def kept(self, key: Hashable, version: int) -> Markup | None:
        """Return the part of a key if there is one of this version, else None."""
        store: _Store = current_app.extensions[EXTENSION]
        return store.look(key, version)


class _Store:
    """The parts of an app."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._letters = 0

    def find(self, key: Hashable) -> _Kept:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept()
            self._shrink()
        else:
            self._kept.move_to_end(key)
        return kept

    def look(self, key: Hashable, version: int) -> Markup | None:
        kept = self._kept.get(key)
        if kept is None or not kept.holds(version):
            return None
        self._kept.move_to_end(key)
        return kept.part

    def put(self, key: Hashable, kept: _Kept, part: Markup) -> None:
        if len(part) > self._limits.most_letters // PARTS_AT_LEAST:
            if self._kept.get(key) is kept:
                del self._kept[key]
                self._letters -= len(kept.part)
        elif self._kept.get(key) is kept:  # it may have had to go meanwhile
            self._letters += len(part) - len(kept.part)
        kept.part = part
        self._shrink()

    def _shrink(self) -> None:
        while len(self._kept) > self._limits.most or self._letters > self._limits.most_letters:
            _, kept = self._kept.popitem(last=False)
            self._letters -= len(kept.part)
