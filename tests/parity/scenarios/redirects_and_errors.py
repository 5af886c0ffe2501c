"""Redirects and errors: each code, and codes that there are no pages for."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get

CHAPTER = "redirects-and-errors"
REDIRECTS = (301, 302, 303, 307, 308)
ERRORS = (400, 401, 403, 404, 406, 415, 429)
ODD = ("x", "-1", "4.4", "404x", "+404", " 404", "%00", "..%2f..%2f", "%3Cb%3E", "４０４", "")

SCENARIOS = (
    Scenario(CHAPTER, "leads to the page", (get("/redirect/302", follow=True),), shown=0),
    Scenario(
        CHAPTER,
        "redirects with each code",
        tuple(get(f"/redirect/{code}") for code in REDIRECTS),
    ),
    Scenario(
        CHAPTER,
        "gives up with each code",
        tuple(get(f"/abort/{code}") for code in ERRORS),
    ),
    Scenario(
        CHAPTER,
        "has an answer of its own for other codes",
        tuple(
            get(f"/{page}/{code}")
            for page in ("redirect", "abort")
            for code in (
                0,
                1,
                100,
                200,
                300,
                304,
                305,
                418,
                500,
                503,
                600,
                999,
                "0" * 20,
                "9" * 2000,
            )
        ),
    ),
    Scenario(
        CHAPTER,
        "takes nothing but numbers",
        tuple(get(f"/{page}/{code}") for page in ("redirect", "abort") for code in ODD),
    ),
    Scenario(
        CHAPTER,
        "reads a number as people write it",
        (get("/redirect/0302"), get("/abort/0404"), get("/abort/%34%30%34"), get("/abort/404?a=b")),
    ),
    Scenario(
        CHAPTER,
        "answers methods beside GET",
        tuple(
            Step(method, path)
            for path in ("/success", "/redirect/302", "/abort/404", "/abort/418")
            for method in ("HEAD", "OPTIONS", "POST", "PUT", "DELETE", "BREW")
        ),
    ),
    Scenario(
        CHAPTER,
        "answers addresses beside it",
        (
            get("/success"),
            get("/success/"),
            get("/success?next=//example.org"),
            get("/redirect"),
            get("/redirect/302/"),
            get("/redirect/302?next=//example.org"),
            get("/abort"),
            get("/abort/404/"),
            get("/ABORT/404"),
            get("/abort/404%00"),
            get("//abort/404"),
        ),
    ),
    Scenario(
        CHAPTER,
        "answers a program that wants JSON",
        (
            get("/abort/406", headers={"Accept": "application/json"}),
            get("/abort/418", headers={"Accept": "application/json"}),
            get("/redirect/302", headers={"Accept": "application/json"}),
        ),
    ),
)
