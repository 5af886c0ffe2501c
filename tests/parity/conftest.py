"""All scenarios, run once for all tests."""

from __future__ import annotations

import asyncio

import pytest

from .compare import Outcome, run_all
from .scenarios import SCENARIOS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the test that happens to run all scenarios the time for that."""
    for item in items:
        if "outcomes" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def outcomes() -> dict[str, Outcome]:
    """What came of each scenario, by its name."""
    return {str(outcome.scenario): outcome for outcome in asyncio.run(run_all(SCENARIOS))}
