"""Responses: everything a view may return, cookies and streams."""

from __future__ import annotations

from functools import partial

from tests.parity import scenario
from tests.parity.scenario import Step, get, page, post

CHAPTER = "responses"
Scenario = partial(
    scenario.Scenario,
    CHAPTER,
    flask="qapp.tour.originals.responses:create_app",
    here="qapp.tour.apps.responses:create_app",
)
LONG = "x" * 2000
ODD = (
    "tea",
    "red+tea",
    "",
    "%C3%86r%C3%B8+%E6%97%A5%E6%9C%AC+%F0%9F%98%80",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "%22quoted%22",
    "a%22b%5Cc;d,e%3Df",
    "..%2f..%2f",
    "%00",
    "%0d%0aX-Evil:%201",
    "%FF",
    LONG,
)
PATHS = (
    "/text",
    "/bytes",
    "/status",
    "/headers",
    "/both",
    "/dict",
    "/list",
    "/jsonify",
    "/values",
    "/made",
    "/plain",
    "/empty",
    "/stream/3",
    "/cookies",
    "/later",
    "/remember/no",
    "/forget",
)
SIMPLE = PATHS[:12]
OF_ANSWERS = ("X-Tea", "X-Pot", "Content-Length", "Last-Modified", "Vary")


def redirected(code: int) -> scenario.Scenario:
    return Scenario(
        f"is redirected by {code}",
        (
            page("/"),
            get(f"/redirect/{code}", follow=True),
            post(f"/redirect/{code}", follow=True),
            post(f"/redirect/{code}", {"word": "æ & b"}, follow=True),
            Step("HEAD", f"/redirect/{code}", follow=True),
            Step("OPTIONS", f"/redirect/{code}"),
            Step("POST", f"/redirect/{code}", form={"csrf_token": "x"}),
            Step("DELETE", f"/redirect/{code}"),
        ),
    )


SCENARIOS = (
    Scenario(
        "makes a response of what views return",
        tuple(get(path, compares=OF_ANSWERS) for path in SIMPLE),
        shown=5,
    ),
    Scenario("says how long it may be kept", (get("/made", compares=("Cache-Control",)),)),
    Scenario(
        "sends the head alone",
        tuple(Step("HEAD", path, compares=("Content-Type", *OF_ANSWERS)) for path in PATHS),
    ),
    Scenario("says which methods there are", tuple(Step("OPTIONS", path) for path in PATHS)),
    Scenario(
        "refuses other methods",
        tuple(Step(method, path) for path in PATHS for method in ("POST", "PUT", "BREW")),
    ),
    Scenario("refuses a slash at the end", tuple(get(f"{path}/") for path in PATHS)),
    Scenario("makes JSON of any word", tuple(get(f"/dict?word={word}") for word in ODD)),
    Scenario(
        "makes JSON of several words",
        (
            get("/jsonify?word=a&word=b"),
            get("/jsonify?word=a&other=b"),
            *(get(f"/jsonify?word={word}") for word in ODD),
        ),
    ),
    Scenario("makes text of any word", tuple(get(f"/plain?word={word}") for word in ODD)),
    Scenario(
        "has nothing to say",
        (
            get("/nothing", compares=("Content-Length",)),
            Step("HEAD", "/nothing"),
            Step("OPTIONS", "/nothing"),
            page("/"),
            Step("DELETE", "/nothing"),
            Step("DELETE", "/nothing", headers={"X-CSRFToken": "{token}"}),
            Step("DELETE", "/nothing", headers={"X-CSRFToken": "x"}),
            Step("DELETE", "/nothing", headers={"X-CSRFToken": "{token}"}, jar="tampered"),
            Step("PATCH", "/nothing"),
            get("/nothing/"),
        ),
    ),
    Scenario(
        "streams lines",
        (
            get("/stream/3"),
            get("/stream/0"),
            get("/stream/100000"),
            get("/stream/-1"),
            get("/stream/x"),
            get("/stream/"),
            get("/stream/%00"),
            *(get(f"/stream/2?word={word}") for word in ODD),
            Step("HEAD", "/stream/100"),
        ),
    ),
    Scenario("sets cookies with every attribute", (get("/cookies"), get("/cookies"))),
    Scenario(
        "keeps odd values in a cookie, and eats it",
        (
            *(get(f"/cookie?value={value}") for value in ODD),
            get("/cookie?value=a&value=b"),
            get("/cookie?value=last"),
            get("/cookie/delete"),
            get("/cookie?value=new"),
            get("/cookie"),
            get("/cookie?other=x"),
        ),
    ),
    Scenario("fills a cookie", (get("/cookie?value=" + "x" * 4000),)),
    Scenario(
        "keeps a session, or keeps it for long",
        (
            get("/remember/no"),
            get("/remember/yes"),
            get("/forget"),
            get("/forget"),
            get("/remember/yes", jar="none"),
            get("/remember/no", jar="other"),
            get("/remember/yes", jar="tampered"),
            get("/remember/perhaps"),
            get("/remember/%3Cb%3E"),
        ),
    ),
    *(redirected(code) for code in (301, 302, 303, 307, 308)),
    Scenario(
        "knows no other redirects",
        (
            get("/redirect/200"),
            get("/redirect/304"),
            get("/redirect/0"),
            get("/redirect/" + "9" * 2000),
            get("/redirect/x"),
            get("/redirect/302/"),
            get("/redirect/%C3%A6"),
            Step("POST", "/target/302"),
            Step("POST", "/target/302", form={"csrf_token": "x"}),
        ),
    ),
    Scenario(
        "adds to the response afterwards",
        (
            get("/later", compares=("X-Order",)),
            Step("HEAD", "/later", compares=("X-Order",)),
            Step("OPTIONS", "/later", compares=("X-Order",)),
            get("/text", compares=("X-Order",)),
        ),
    ),
    Scenario(
        "cannot make a response of anything",
        (
            get("/fail/none"),
            get("/fail/number"),
            get("/fail/five"),
            get("/fail/status"),
            get("/fail/other"),
            Step("HEAD", "/fail/none"),
            Step("OPTIONS", "/fail/none"),
            Step("POST", "/fail/none"),
        ),
    ),
)
