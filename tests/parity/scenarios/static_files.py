"""Static files: a page with a script, and the script."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get

CHAPTER = "static-files"

SCENARIOS = (
    Scenario(
        CHAPTER,
        "serves a page and its script",
        (
            get("/static-demo"),
            get("/static/hello.js"),
            Step("HEAD", "/static-demo"),
            Step("HEAD", "/static/hello.js"),
            Step("OPTIONS", "/static-demo"),
            Step("OPTIONS", "/static/hello.js"),
        ),
        shown=1,
    ),
    Scenario(
        CHAPTER,
        "names the type of each file",
        (
            get("/static/site.css"),
            get("/static/favicon.svg"),
            get("/static/vendor/bootstrap/LICENSE"),
            get("/static/vendor/bootstrap/bootstrap.min.css"),
        ),
    ),
    Scenario(
        CHAPTER,
        "takes an address as it stands",
        (
            get("/static/./hello.js"),
            get("/static/hello.js/"),
            get("/static/vendor/../hello.js"),
        ),
    ),
    Scenario(
        CHAPTER,
        "serves nothing that is not in the folder",
        (
            get("/static/"),
            get("/static"),
            get("/static/nothing.js"),
            get("/static/vendor"),
            get("/static/vendor/"),
            get("/static/HELLO.JS"),
            get("/static/hello.js%00"),
            get("/static/hello.js%00.css"),
            get("/static/%00"),
            get("/static/../config.py"),
            get("/static/%2e%2e/config.py"),
            get("/static/..%2f..%2f"),
            get("/static/..%2fconfig.py"),
            get("/static/..%5cconfig.py"),
            get("/static//hello.js"),
            get("/static/%2Fetc%2Fpasswd"),
            get("/static/%252e%252e/config.py"),
            get("/static/%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
            get("/static/日本.js"),
            get("/static/%ff"),
            get("/static/" + "n" * 2000),
        ),
    ),
    Scenario(
        CHAPTER,
        "takes any query",
        (
            get("/static/hello.js?v=old"),
            get("/static/hello.js?v=%3Cb%3E&v=2"),
            get("/static/hel%6Co.js"),
            get("/static-demo?name=x"),
        ),
    ),
    Scenario(
        CHAPTER,
        "serves a file again only when it is another",
        (
            get("/static/hello.js", headers={"If-None-Match": "*"}),
            get("/static/hello.js", headers={"If-None-Match": '"another"'}),
            get("/static/hello.js", headers={"If-None-Match": "nonsense"}),
            get("/static/hello.js", headers={"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}),
            get("/static/hello.js", headers={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
            get("/static/hello.js", headers={"If-Modified-Since": "nonsense"}),
        ),
    ),
    Scenario(
        CHAPTER,
        "serves a part of a file",
        (
            get("/static/hello.js", headers={"Range": "bytes=3-7"}),
            get("/static/hello.js", headers={"Range": "bytes=-10"}),
            get("/static/hello.js", headers={"Range": "bytes=999999-"}),
            get("/static/hello.js", headers={"Range": "lines=1-2"}),
        ),
    ),
    Scenario(
        CHAPTER,
        "is for reading only, at one address",
        (
            *(
                Step(method, path)
                for method in ("POST", "PUT", "PATCH", "DELETE", "BREW")
                for path in ("/static-demo", "/static/hello.js")
            ),
            get("/static-demo/"),
            get("/STATIC-DEMO"),
            get("/static-demo%00"),
            get("/static-demo/..%2f..%2f"),
            get("/static-demo/%3Cb%3E"),
            get("/static-demo" + "o" * 2000),
        ),
    ),
)
