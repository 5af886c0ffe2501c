"""The application that the chapter's own tests are about."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get

CHAPTER = "testing"
FLASK = "qapp.tour.originals.testing:create_app"
HERE = "qapp.tour.apps.testing:create_app"

SCENARIOS = (
    Scenario(
        CHAPTER,
        "counts the visits of one session",
        (
            get("/visits"),
            get("/visits"),
            Step("HEAD", "/visits"),
            get("/visits", jar="other"),
            get("/visits", jar="tampered"),
            get("/visits", jar="none"),
        ),
        FLASK,
        HERE,
        shown=1,
    ),
    Scenario(
        CHAPTER,
        "refuses what it has not",
        (
            Step("OPTIONS", "/visits"),
            Step("POST", "/visits"),
            get("/visits/"),
            get("/visits%2f"),
        ),
        FLASK,
        HERE,
    ),
)
