"""All scenarios, run once for all tests."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from werkzeug.security import generate_password_hash

from qapp.tour.originals.flaskr import auth
from qapp.web import static
from tests.conftest import asset_of

from .compare import Outcome, run_all
from .scenarios import SCENARIOS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the test that happens to run all scenarios the time for that."""
    for item in items:
        if "outcomes" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def outcomes(cheap_hashes: None) -> dict[str, Outcome]:
    """What came of each scenario, by its name.

    Flask's side hashes as cheaply as the site does, whose static files are compressed once.
    """
    with pytest.MonkeyPatch.context() as patch:
        cheaply = partial(generate_password_hash, method="pbkdf2:sha256:1")
        patch.setattr(auth, "generate_password_hash", cheaply)
        patch.setattr(static, "asset_of", asset_of)
        outcomes = asyncio.run(run_all(SCENARIOS))
    return {str(outcome.scenario): outcome for outcome in outcomes}
