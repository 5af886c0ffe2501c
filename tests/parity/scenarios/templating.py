"""Templates beyond the live routes: what an application adds to them, and what they escape."""

from __future__ import annotations

from functools import partial

from tests.parity import scenario
from tests.parity.scenario import Step, get

CHAPTER = "templates"
Scenario = partial(
    scenario.Scenario,
    CHAPTER,
    flask="qapp.tour.originals.templating:create_app",
    here="qapp.tour.apps.templating:create_app",
)
WORDS = (
    "word=tea",
    "word=otto",
    "word=red+tea",
    "word=",
    "word=%3Cscript%3Ealert(1)%3C/script%3E",
    "word=%22%27%26amp;%3C",
    "word=%C3%86r%C3%B8+%E6%97%A5%E6%9C%AC+%F0%9F%98%80",
    "word=..%2f..%2f",
    "word=%00",
    "word=%FF",
    "word=a%0d%0ab",
    "word=%7B%7B+7*7+%7D%7D",
    "word=%E2%80%A8%E2%80%A9",
    "word=a&word=b",
    "word=" + "w" * 2000,
    "",
    "other=tea",
)
VIEWS = ("/words", "/markup", "/string", "/macro", "/first")


def words(path: str) -> tuple[Step, ...]:
    return tuple(get(f"{path}?{query}") for query in WORDS)


def methods(path: str) -> tuple[Step, ...]:
    return tuple(Step(method, path) for method in ("HEAD", "OPTIONS", "POST", "DELETE", "BREW"))


SCENARIOS = (
    Scenario("uses the app's filter, test, global and context", words("/words")),
    *(
        Scenario(f"escapes or not in a file of type {kind}", words(f"/as/{kind}"))
        for kind in ("html", "xml", "svg", "txt", "js")
    ),
    Scenario(
        "has templates of some types only",
        (
            get("/as/md?word=x"),
            get("/as/HTML?word=x"),
            get("/as/html/?word=x"),
            get("/as/"),
            get("/as/%3Cb%3E"),
            get("/as/..%2f..%2fword.html?word=x"),
            get("/as/html%00?word=x"),
            get("/as/%C3%A6"),
        ),
    ),
    Scenario("trusts what is marked as safe", (get("/trusted"), *methods("/trusted"))),
    Scenario("builds markup that escapes its parts", words("/markup")),
    Scenario("renders a string", words("/string")),
    Scenario("calls a macro from Python", words("/macro")),
    Scenario("takes the first template that is there", words("/first")),
    Scenario(
        "streams a template that reads the request",
        (
            get("/count/1?name=Ada"),
            get("/count/1"),
            get("/count/99999999999999999999?name=%3Cb%3E"),
            get("/count/0?name=%C3%A6%F0%9F%98%80"),
            get("/count/1?name=a&name=b"),
            get("/count/-1"),
            get("/count/x"),
            get("/count/1/"),
            get("/count/"),
            *methods("/count/1"),
        ),
    ),
    Scenario(
        "answers 500 where a template fails",
        (
            get("/fail/missing"),
            get("/fail/undefined"),
            get("/fail/syntax"),
            Step("HEAD", "/fail/missing"),
            Step("OPTIONS", "/fail/missing"),
            get("/trusted"),
        ),
    ),
    *(
        Scenario(f"refuses other methods at {path}", (*methods(f"{path}?word=x"), get(f"{path}/")))
        for path in VIEWS
    ),
)
