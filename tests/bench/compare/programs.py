"""What is required beside the comparison, and has programs of its own; they run one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.bench import front_page, live, soak
from tests.bench.table import Line


class Program(NamedTuple):
    """A benchmark by itself, and about how many seconds it takes."""

    key: str
    title: str
    takes_s: float
    measure: Callable[[], list[Line]]

    def lines(self) -> list[Line]:
        """Run it; each line says of what it is."""
        return [line._replace(what=f"{self.title}: {line.what}") for line in self.measure()]


PROGRAMS = (
    Program("live", live.title(), 100, live.serve),
    Program("million", front_page.title(), 240, front_page.measure),
    Program("soak", soak.title(), 60 * soak.MINUTES + 20, soak.measure),
)
