"""Larger applications: blueprints in blueprints, one of them twice, and views as classes."""

from __future__ import annotations

from functools import partial

from tests.parity import scenario
from tests.parity.scenario import Step, get, page, post

CHAPTER = "larger-applications"
Scenario = partial(
    scenario.Scenario,
    CHAPTER,
    flask="qapp.tour.originals.larger_applications:create_app",
    here="qapp.tour.apps.larger_applications:create_app",
)
LONG = "x" * 2000
LEFT = ("X-Left",)
WRAPPED = ("X-Wrapped",)
ODD = (
    "tea",
    "red%20tea",
    "%C3%86r%C3%B8%20%E6%97%A5%E6%9C%AC",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "..%2f..%2f",
    "%00",
    LONG,
)
PATHS = (
    "/",
    "/addresses",
    "/shop/",
    "/shop/item/tea",
    "/shop/static/favicon.svg",
    "/second/",
    "/office/",
    "/office/desk/",
    "/office/desk/addresses",
    "/office/desk/locked",
    "/greet/Ada",
    "/turn/Ada",
    "/api/notes/",
    "/api/notes/0",
)


def changes(method: str, path: str, text: str) -> Step:
    return Step(method, path, form={"text": text}, headers={"X-CSRFToken": "{token}"})


SCENARIOS = (
    Scenario(
        "goes through nested blueprints",
        (
            get("/office/", compares=LEFT),
            get("/office/desk/", compares=LEFT),
            get("/office/desk/addresses", compares=LEFT),
            get("/addresses"),
        ),
        shown=1,
    ),
    Scenario(
        "meets the error handler of the nearest level",
        (
            get("/office/missing", compares=LEFT),
            get("/office/desk/missing", compares=LEFT),
            get("/office/desk/fail/closed", compares=LEFT),
            get("/office/desk/locked", compares=LEFT),
            get("/office/nowhere", compares=LEFT),
            get("/office/desk/nowhere", compares=LEFT),
            get("/nowhere", compares=LEFT),
            get("/shop/nowhere"),
        ),
    ),
    Scenario(
        "visits a blueprint under its two names",
        (
            get("/shop/"),
            get("/second/"),
            get("/shop/item/tea"),
            get("/second/item/tea"),
            get("/shop/static/favicon.svg"),
            get("/second/static/favicon.svg"),
            get("/static/favicon.svg"),
            get("/shop/static/nothing.css"),
            get("/shop/static/"),
            get("/shop/static/..%2f__init__.py"),
            get("/shop/static/%2e%2e/%2e%2e/pyproject.toml"),
            get("/shop/static/favicon.svg%00"),
        ),
    ),
    Scenario(
        "takes the app's template before the blueprint's",
        tuple(get(f"/shop/item/{name}") for name in ODD),
    ),
    Scenario("reads the head alone", tuple(Step("HEAD", path) for path in PATHS)),
    Scenario("asks for the methods", tuple(Step("OPTIONS", path) for path in PATHS)),
    Scenario(
        "uses methods that are not allowed",
        tuple(
            Step(method, path)
            for path in PATHS
            for method in ("PUT", "PATCH", "BREW")
            if (method, path) != ("PUT", "/api/notes/0")
        ),
    ),
    Scenario(
        "writes the slash at the end otherwise",
        tuple(get(path[:-1] if path.endswith("/") else f"{path}/") for path in PATHS[1:]),
    ),
    Scenario(
        "is greeted by a class made for each request",
        (
            *(get(f"/greet/{name}", compares=WRAPPED) for name in ODD),
            get("/greet/Ada", compares=WRAPPED),
            get("/greet/Ada?name=Bob&name=Eve"),
            get("/greet/"),
            get("/greet"),
        ),
    ),
    Scenario(
        "passes a class that is made once",
        (
            get("/turn/Ada", compares=WRAPPED),
            get("/turn/Ada", compares=WRAPPED),
            get("/turn/%3Cb%3E"),
            get("/turn/Ada"),
        ),
    ),
    Scenario(
        "reads and changes notes by the methods of a class",
        (
            page("/"),
            get("/api/notes/"),
            post("/api/notes/", {"text": "water"}),
            get("/api/notes/0"),
            get("/api/notes/1"),
            changes("PUT", "/api/notes/1", "Grüße 😀"),
            get("/api/notes/1"),
            changes("DELETE", "/api/notes/1", ""),
            get("/api/notes/1"),
            get("/api/notes/99"),
            changes("PUT", "/api/notes/99", "x"),
            changes("DELETE", "/api/notes/99", "x"),
            get("/api/notes/x"),
            get("/api/notes/-1"),
            get("/api/notes/1.5"),
            get("/api/notes/%00"),
            get("/api/notes/..%2f..%2f"),
        ),
    ),
    Scenario(
        "keeps notes of all kinds",
        (
            page("/"),
            *(
                post("/api/notes/", {"text": text})
                for text in ("", "<b>", "a\0b", "a\r\nb", '"\\', "日本 😀", LONG)
            ),
            get("/api/notes/"),
        ),
        is_fresh=True,
    ),
    Scenario(
        "refuses notes without a token, or without a text",
        (
            page("/"),
            post("/api/notes/"),
            Step(
                "POST",
                "/api/notes/",
                form=(("csrf_token", "{token}"), ("text", "one"), ("text", "two")),
            ),
            Step("POST", "/api/notes/", form={"text": "x"}),
            Step("POST", "/api/notes/", form={"text": "x", "csrf_token": "x"}),
            Step("POST", "/api/notes/"),
            post("/api/notes/", {"text": "x"}, jar="tampered"),
            post("/api/notes/", {"text": "x"}, jar="none"),
            Step("DELETE", "/api/notes/0"),
            Step("PUT", "/api/notes/0", form={"text": "x"}),
            changes("PUT", "/api/notes/x", "x"),
            changes("POST", "/api/notes/0", "x"),
            changes("DELETE", "/api/notes/", "x"),
            changes("PUT", "/api/notes/0", "last"),
            Step("PUT", "/api/notes/0", headers={"X-CSRFToken": "{token}"}),
            get("/api/notes/"),
        ),
        is_fresh=True,
    ),
)
