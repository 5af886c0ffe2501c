"""The OpenAPI document as it is published: the copy that `qapp openapi` writes of it.

A copy, so that a change of the API shows in its diff, and nothing is made while requests wait.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from qapp.web.markup import render
from qapp.web.static import Asset, asset_of

PATH = Path(__file__).with_name("openapi.json")


class Operation(NamedTuple):
    """An operation, as the plain list of them shows it."""

    method: str
    path: str
    summary: str


class Group(NamedTuple):
    """The operations on one kind of thing."""

    name: str
    description: str
    operations: tuple[Operation, ...]


class Published(NamedTuple):
    """The document as it is sent, and what a page shows of it."""

    asset: Asset
    description: Markup
    groups: tuple[Group, ...]


def text_of(document: dict[str, Any]) -> str:
    """Return the document as the copy has it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read() -> Published:
    """Read the copy."""
    asset = asset_of(PATH)
    document = json.loads(asset.content)
    # The text is ours, and was cleaned all the same.
    description = Markup(render(document["info"]["description"]).html)  # noqa: S704
    return Published(asset, description, tuple(_groups(document)))


def _groups(document: dict[str, Any]) -> list[Group]:
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            described = Operation(method.upper(), path, operation["summary"])
            found[operation["tags"][0]].append(described)
    return [
        Group(tag["name"], tag["description"], tuple(found[tag["name"]]))
        for tag in document["tags"]
    ]
