"""All scenarios, run once for all tests."""

from __future__ import annotations

import asyncio

import pytest

from .compare import Outcome, run_all
from .scenarios import SCENARIOS


@pytest.fixture(scope="session")
def outcomes() -> dict[str, Outcome]:
    """What came of each scenario, by its name."""
    return {str(outcome.scenario): outcome for outcome in asyncio.run(run_all(SCENARIOS))}
