"""What the comparison with Flask has shown, for the pages and the README.

`python -m tests.parity --write` keeps its result in `proof.json`; a test runs it again and fails
when that is not what comes out. The differences that are meant stand in `differences.toml`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

FOLDER = Path(__file__).parent
PROOF = FOLDER / "proof.json"
DIFFERENCES = FOLDER / "differences.toml"


class Sides(NamedTuple):
    """What the two sides answer where they differ: regular expressions for all of it.

    A group of one name is the same in both.
    """

    flask: str
    here: str


class Difference(NamedTuple):
    """A difference from Flask that is meant.

    :ivar what: what differs, for a reader.
    :ivar why: the reason.
    :ivar parts: where it shows: "status", "location", "content_type", "allow", "cookies",
        "session", "flashes", "body" or "headers".
    """

    name: str
    what: str
    why: str
    parts: Mapping[str, Sides]


class Proof(NamedTuple):
    """What the comparison of a chapter has shown.

    :ivar scenarios: how many agree, all of them.
    :ivar steps: requests compared in them.
    :ivar differences: names of those that are meant and occurred.
    :ivar transcript: lines of one exchange that both sides agree on.
    """

    scenarios: int
    steps: int
    differences: tuple[str, ...]
    transcript: tuple[str, ...]


@cache
def differences() -> Mapping[str, Difference]:
    """Read the differences that are meant, by their names."""
    return MappingProxyType(
        {
            name: Difference(
                name,
                table.pop("what"),
                table.pop("why"),
                {part: Sides(**sides) for part, sides in table.items()},
            )
            for name, table in tomllib.loads(DIFFERENCES.read_text()).items()
        }
    )


@cache
def proofs() -> Mapping[str, Proof]:
    """Read what the last comparison has shown, by the chapters' slugs."""
    content = json.loads(PROOF.read_text())
    return MappingProxyType(
        {
            slug: Proof(
                found["scenarios"],
                found["steps"],
                tuple(found["differences"]),
                tuple(found["transcript"]),
            )
            for slug, found in content.items()
        }
    )
