"""Routing: an address bound by `add_url_rule`."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get

CHAPTER = "routing"

SCENARIOS = (
    Scenario(
        CHAPTER,
        "answers where add_url_rule says",
        (
            get("/hi"),
            get("/hi?name=x&name=y"),
            get("/h%69"),
            Step("HEAD", "/hi"),
            Step("OPTIONS", "/hi"),
        ),
        shown=0,
    ),
    Scenario(
        CHAPTER,
        "is the same view under both addresses",
        (get("/hello"), get("/hi"), Step("HEAD", "/hello"), Step("OPTIONS", "/hello")),
    ),
    Scenario(
        CHAPTER,
        "has no other address",
        (
            get("/hi/"),
            get("//hi"),
            get("/hi//"),
            get("/./hi"),
            get("/x/../hi"),
            get("/HI"),
            get("/hi/x"),
            get("/hi%00"),
            get("/hi%20"),
            get("/%2fhi"),
            get("/hi%2f"),
            get("/hi..%2f..%2f"),
            get("/hi;x=1"),
            get("/híí"),
            get("/<script>alert(1)</script>"),
            get("/hi/%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
            get("/hi" + "i" * 2000),
        ),
    ),
    Scenario(
        CHAPTER,
        "is for reading only",
        (
            Step("POST", "/hi"),
            Step("POST", "/hi", form={"name": "x"}),
            Step("PUT", "/hi"),
            Step("PATCH", "/hi"),
            Step("DELETE", "/hi"),
            Step("BREW", "/hi"),
            Step("get", "/hi"),
            Step("OPTIONS", "/hi/x"),
        ),
    ),
)
