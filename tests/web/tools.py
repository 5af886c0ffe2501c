"""Every route of a site, and whether a page is harmless."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

from quart import Quart

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
VARIABLE = re.compile(r"<(?:(?P<kind>\w+)(?:\(.*?\))?:)?(?P<name>\w+)>")


class Route(NamedTuple):
    """An address that a rule matches, and the methods it takes."""

    endpoint: str
    path: str
    methods: frozenset[str]


def routes_of(app: Quart, *, entry: int = 1) -> Iterator[Route]:
    """Yield each rule with an address: of an entry, of the user alice, of a file, a chapter."""
    samples = {"int": str(entry), "float": "1.5", "path": "site.css", "slug": "cookies"}
    for rule in app.url_map.iter_rules():
        path = VARIABLE.sub(
            lambda found: samples.get(found["kind"] or found["name"], "alice"), rule.rule
        )
        yield Route(rule.endpoint, path, frozenset(rule.methods or ()))


class _Reader(HTMLParser):
    """Collect what a browser would run."""

    DANGEROUS = re.compile(
        "applet|audio|base|embed|frame|iframe|img|math|object|style|template|video"
    )

    LEADING = re.compile("action|background|cite|formaction|href|poster|src|srcdoc|xlink:href")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if self.DANGEROUS.fullmatch(tag):
            self.found.append(tag)
        if tag == "script" and not values.get("src", "").startswith("/static/"):
            self.found.append("script")
        if tag == "svg" and not values.get("class", "").startswith("icon "):
            self.found.append("svg")
        for name, value in values.items():
            address = re.sub(r"[\x00-\x20]", "", value).lower()
            leads = self.LEADING.fullmatch(name) and re.match(
                "javascript:|data:|vbscript:", address
            )
            if leads or name.startswith("on") or name == "style":
                self.found.append(f"{tag} {name}={value}")


def dangers_in(html: str) -> list[str]:
    """Return what in a page of the site would run somebody else's script."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found
