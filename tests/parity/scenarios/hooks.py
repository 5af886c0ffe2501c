"""Hooks: what runs around a view, in which order, and which handler takes an error."""

from __future__ import annotations

from functools import partial

from tests.parity import scenario
from tests.parity.scenario import Step, get

CHAPTER = "hooks"
Scenario = partial(
    scenario.Scenario,
    CHAPTER,
    flask="qapp.tour.originals.hooks:create_app",
    here="qapp.tour.apps.hooks:create_app",
)
COUNT = ("X-Steps",)
TRAIL = get("/trail", compares=COUNT)


def followed(*paths: str, method: str = "GET") -> tuple[Step, ...]:
    """Ask for each path, and after it for what ran."""
    return tuple(step for path in paths for step in (Step(method, path, compares=COUNT), TRAIL))


SCENARIOS = (
    Scenario("runs the hooks in their order", (*followed("/"), *followed("/trail")), shown=1),
    Scenario("runs those of another blueprint", followed("/inner/", "/", "/inner/")),
    Scenario("streams", (*followed("/stream", "/"), *followed("/stream", method="HEAD"))),
    Scenario("tears the context down by two functions", followed("/two", "/")),
    Scenario(
        "is answered before the view",
        followed("/?answer", "/?answer=1&answer=2", "/?answer=%00", "/?other", "/inner/?answer"),
    ),
    Scenario(
        "answers other methods",
        (
            *followed("/", "/inner/", "/trail", "/abort/404", "/trouble/own", method="HEAD"),
            *followed("/", "/inner/", "/trail", "/abort/404", "/trouble/own", method="OPTIONS"),
            *followed("/", "/inner/", "/trail", "/abort/404", "/trouble/own", method="POST"),
            *followed("/", "/inner/", method="BREW"),
            *followed("/nowhere", method="DELETE"),
            *followed("/?answer", method="HEAD"),
            *followed("/?answer", method="OPTIONS"),
            *followed("/?answer", method="POST"),
        ),
    ),
    Scenario(
        "finds nothing",
        followed(
            "/nowhere",
            "/inner/nowhere",
            "/trail/",
            "/inner",
            "/%3Cb%3E",
            "/..%2f..%2f",
            "/%00",
            "/%C3%A6%E6%97%A5",
            "/abort/x",
            "/abort/",
            "/inner/abort/x",
            "/inner/trouble/other",
            "/" + "x" * 2000,
        ),
    ),
    Scenario(
        "aborts: a handler by its code, or the one for all",
        followed(
            "/abort/400",
            "/abort/403",
            "/abort/404",
            "/abort/409",
            "/abort/410",
            "/abort/200",
            "/abort/" + "9" * 2000,
        ),
    ),
    Scenario(
        "aborts in a blueprint: its own handlers come first",
        followed("/inner/abort/404", "/inner/abort/403", "/inner/abort/418"),
    ),
    Scenario(
        "raises exceptions: the handler of the nearest class",
        followed(
            "/trouble/plain",
            "/trouble/deep",
            "/trouble/own",
            "/inner/trouble/plain",
            "/inner/trouble/deep",
            "/inner/trouble/own",
            "/trouble/plain?answer",
        ),
    ),
    Scenario("fails in a view", followed("/fail/view", "/")),
    Scenario("fails in a blueprint's view", followed("/inner/fail", "/inner/")),
    Scenario("fails after the view", followed("/fail/after")),
    Scenario("fails in the handler of an error", followed("/fail/handler")),
    Scenario("says itself that it failed", followed("/fail/abort")),
    Scenario(
        "fails by other methods",
        (
            *followed("/fail/view", "/fail/after", method="HEAD"),
            *followed("/fail/view", "/inner/fail", method="OPTIONS"),
            *followed("/fail/view", "/inner/fail", method="POST"),
            *followed("/fail/nowhere", "/fail/view/"),
        ),
    ),
)
