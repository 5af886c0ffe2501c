"""A shop of teas whose pages are kept, and a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from qapp.ext.pages import layer

from .tools import World


class Clock:
    """The clock of the cache."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(layer, "monotonic", clock)
    return clock


@pytest.fixture
async def world(tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    world = World(tmp_path)
    async with world.app.test_app():
        await world.create()
        yield world
