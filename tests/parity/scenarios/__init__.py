"""The scenarios, a module for each chapter, in the order of the chapters."""

from __future__ import annotations

from tests.parity.scenario import Scenario

from . import application, cookies

SCENARIOS: tuple[Scenario, ...] = (
    *application.SCENARIOS,
    *cookies.SCENARIOS,
)
