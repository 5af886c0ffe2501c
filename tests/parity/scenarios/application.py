"""The smallest application."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get

CHAPTER = "application"

SCENARIOS = (
    Scenario(
        CHAPTER,
        "says hello",
        (
            get("/hello"),
            get("/hello?name=x"),
            Step("HEAD", "/hello"),
            Step("OPTIONS", "/hello"),
            get("/hello/x/y"),
        ),
        shown=0,
    ),
    Scenario(
        CHAPTER,
        "refuses what it has not",
        (
            Step("POST", "/hello"),
            Step("PUT", "/hello"),
            Step("DELETE", "/hello"),
            Step("BREW", "/hello"),
            get("/nowhere"),
            get("/hell%6F"),
            get("/hello%00"),
            get("/HELLO"),
        ),
    ),
)
