"""Students from before a migration: shown, changed and deleted after it."""

from __future__ import annotations

from tests.parity import migrating
from tests.parity.scenario import Scenario, Step, get, page, post

from .sqlalchemy import adds, changes, joins, opens

CHAPTER = "migrations"


def scenario(name: str, *steps: Step, shown: int | None = None) -> Scenario:
    return Scenario(
        CHAPTER,
        name,
        steps,
        flask=migrating.FLASK,
        here=migrating.HERE,
        is_fresh=True,
        shown=shown,
    )


SCENARIOS = (
    scenario(
        "shows who was there before",
        get("/students"),
        get("/students?q=asha"),
        get("/students?sort=-city"),
        get("/students?q=nobody"),
        shown=1,
    ),
    scenario(
        "adds one to those who were there",
        page("/new"),
        adds(name="Bela"),
        get("/students"),
        get("/students"),
    ),
    scenario(
        "counts the changes of those who were there from one on",
        *joins(),
        opens(1),
        changes(1, city="Mumbai"),
        changes(1, city="Delhi"),
        changes(1, version="1", city="Delhi"),
        changes(1, version="2", city="Delhi"),
        changes(2, version="2", city="Delhi"),
        get("/students"),
    ),
    scenario(
        "deletes one who was there",
        *joins(),
        opens(2),
        post("/students/2/delete"),
        get("/students"),
        opens(1),
        get("/students/2/edit"),
    ),
)
