"""Templates: a condition and a loop."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get

CHAPTER = "templates"


def each(*paths: str) -> tuple[Step, ...]:
    return tuple(get(path) for path in paths)


SCENARIOS = (
    Scenario(
        CHAPTER,
        "tells whether marks are enough",
        each("/hello/60", "/hello/51", "/hello/50", "/hello/49", "/hello/0", "/hello/100"),
        shown=0,
    ),
    Scenario(
        CHAPTER,
        "takes a whole number for marks and anything else for a name",
        each(
            "/hello/60",
            "/hello/mvl",
            "/hello/60.5",
            "/hello/-60",
            "/hello/+60",
            "/hello/%2B60",
            "/hello/6_0",
            "/hello/060",
            "/hello/६०",
            "/hello/²",
            "/hello/60%20",
            "/hello/60%00",
            "/hello/60%0A",
            "/hello/60?marks=10",
            "/hello/..%2f..%2f",
            "/hello/%3Cb%3E60%3C%2Fb%3E",
            "/hello/60/",
            "/hello/60/1",
            "/hello/{{marks}}",
        ),
    ),
    Scenario(
        CHAPTER,
        "takes marks of any length that Python reads, else a name",
        each(*(f"/hello/{'9' * digits}" for digits in (20, 2000, 4300, 4301))),
    ),
    Scenario(
        CHAPTER,
        "lists marks by subject",
        each(
            "/result",
            "/result?phy=1",
            "/result?phy=%3Cscript%3E",
            "/result/",
            "/result/x",
            "/RESULT",
            "/result%00",
        ),
    ),
    Scenario(
        CHAPTER,
        "answers HEAD and OPTIONS",
        (
            Step("HEAD", "/hello/60"),
            Step("OPTIONS", "/hello/60"),
            Step("HEAD", "/result"),
            Step("OPTIONS", "/result"),
        ),
    ),
    Scenario(
        CHAPTER,
        "is for reading only",
        (
            *(
                Step(method, path)
                for method in ("PUT", "PATCH", "DELETE", "BREW")
                for path in ("/hello/60", "/result")
            ),
            Step("POST", "/hello/60"),
            Step("POST", "/hello/60", form={"marks": "10"}),
        ),
    ),
)
