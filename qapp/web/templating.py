"""What every template has: times as people read them, the navigation, the version."""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Awaitable, KeysView, MutableMapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, cast

from jinja2.runtime import Macro
from markupsafe import Markup
from quart import Quart, request
from quart.templating import Environment as QuartEnvironment

UNITS = (
    (365 * 86_400, "year"),
    (30 * 86_400, "month"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
)


class Globals(ChainMap[str, Any]):
    """A template's own globals above the environment's.

    Jinja compares the names with another template's at each import, and a ChainMap looks for each
    of them by itself: a fifteenth of what a page takes.
    """

    def keys(self) -> KeysView[str]:
        names: dict[str, Any] = {}
        for each in reversed(self.maps):
            names.update(each)
        return names.keys()


class Environment(QuartEnvironment):
    """Quart's environment."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> Globals:
        return Globals({} if d is None else d, self.globals)


def init_app(app: Quart, navigation: Sequence[tuple[str, str]]) -> None:
    """Give templates their filters and globals; `navigation` is labels and endpoints."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.add_template_filter(iso_time)
    app.add_template_filter(relative_time)
    app.jinja_env.globals.update(
        navigation=navigation,
        version=version("qapp"),
        registration_open=app.config["REGISTRATION"],
        kept=KeptParts(app),
    )
    app.context_processor(_now)


class KeptParts:
    """What macros made of nothing but their arguments, kept for good: `{{ kept(macro, …) }}`.

    The frame around every page would be two thirds of its work. In debug mode, where templates and
    files change, nothing is kept.
    """

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._parts: dict[tuple[str | None, ...], Markup] = {}

    def __call__(self, macro: Macro, *args: str | None) -> Markup | Awaitable[Markup]:
        """Return the part of a macro: at once, if it was made before.

        :param args: the macro's; few, such as names of endpoints, and never a visitor's own words.
        """
        key = (macro.name, request.root_path, *args)
        part = self._parts.get(key)
        return part if part is not None and not self._app.debug else self._make(key, macro, args)

    async def _make(
        self, key: tuple[str | None, ...], macro: Macro, args: tuple[str | None, ...]
    ) -> Markup:
        # In an async environment a macro's text is to be awaited, which its type does not say.
        part = self._parts[key] = await cast(Awaitable[Markup], macro(*args))
        return part


async def _now() -> dict[str, Any]:
    return {"now_ms": now_ms()}


def now_ms() -> int:
    """Return the time: milliseconds since 1970. Views call it, nothing below them does."""
    return time.time_ns() // 1_000_000


def iso_time(time_ms: int) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).isoformat()[:19] + "Z"


def relative_time(time_ms: int, now_ms: int) -> str:
    """Return how long ago a time was, in the largest whole unit."""
    seconds = max(0, now_ms - time_ms) // 1000
    for unit_s, name in UNITS:
        if count := seconds // unit_s:
            if name == "day" and count == 1:
                return "yesterday"
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
