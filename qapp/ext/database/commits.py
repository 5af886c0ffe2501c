"""Who in this process is told of each of its commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Commits:
    """The functions to call after each commit."""

    def __init__(self) -> None:
        self._functions: list[Callable[[], None]] = []

    @contextmanager
    def telling(self, function: Callable[[], None]) -> Iterator[None]:
        """Call a function after each commit, until the block ends."""
        self._functions.append(function)
        try:
            yield
        finally:
            self._functions.remove(function)

    def tell(self) -> None:
        """Call them all: the data may be another now."""
        for function in self._functions:
            function()
