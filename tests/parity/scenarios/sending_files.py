"""Sending files: whole, in part, as something to save, or not again."""

from __future__ import annotations

from functools import partial

from tests.parity import scenario
from tests.parity.scenario import Step, get

CHAPTER = "sending-files"
Scenario = partial(
    scenario.Scenario,
    CHAPTER,
    flask="qapp.tour.originals.sending_files:create_app",
    here="qapp.tour.apps.sending_files:create_app",
)
FILE = ("Content-Length", "Content-Range")
PATHS = ("/file", "/attachment", "/files/hello.txt", "/etag")
OF_ANSWERS = ("Content-Type", "Content-Length", "Last-Modified", "Vary")


def ranges(path: str, *values: str, **headers: str) -> tuple[Step, ...]:
    others = {name.replace("_", "-"): value for name, value in headers.items()}
    return tuple(get(path, headers={"Range": value, **others}, compares=FILE) for value in values)


def conditional(path: str, *headers: tuple[str, str]) -> tuple[Step, ...]:
    return tuple(get(path, headers={name: value}, compares=("ETag",)) for name, value in headers)


SCENARIOS = (
    Scenario(
        "says how a file may be kept, cut and called",
        (
            get("/file", compares=("Cache-Control",)),
            get("/attachment", compares=("Accept-Ranges",)),
            get("/files/hello.txt", compares=("Content-Disposition",)),
            get("/files/hello.txt?save", compares=("Content-Disposition",)),
            get("/files/word.svg?save", compares=("Content-Disposition",)),
        ),
    ),
    Scenario(
        "sends the head alone",
        tuple(Step("HEAD", path, compares=OF_ANSWERS) for path in PATHS),
    ),
    Scenario("says which methods there are", tuple(Step("OPTIONS", path) for path in PATHS)),
    Scenario(
        "refuses other methods",
        tuple(Step(method, path) for path in PATHS for method in ("POST", "PUT", "BREW")),
    ),
    Scenario("refuses a slash at the end", tuple(get(f"{path}/") for path in PATHS)),
    Scenario(
        "sends files of a folder",
        (
            get("/file", compares=FILE),
            get("/attachment", compares=FILE),
            get("/files/hello.txt", compares=FILE),
            get("/files/hello.txt?save", compares=FILE),
            get("/files/word.svg", compares=FILE),
            get("/files/word.js?save", compares=FILE),
            get("/files/nothing.txt"),
            get("/files/"),
            get("/files/."),
            get("/files/.."),
            get("/files/../base.html"),
            get("/files/..%2f..%2fbase.html"),
            get("/files/..%5c..%5cbase.html"),
            get("/files/%2e%2e/%2e%2e/base.html"),
            get("/files//etc/passwd"),
            get("/files/hello.txt%00"),
            get("/files/hello.txt/"),
            get("/files/%C3%A6.txt"),
            get("/files/%3Cb%3E"),
            get(f"/files/{'x' * 200}"),
            get("/files/HELLO.TXT"),
        ),
    ),
    Scenario(
        "sends a part of a file",
        (
            *ranges("/attachment", "bytes=0-3", "bytes=2-", "bytes=9-9", "bytes=0-"),
            *ranges("/attachment", "bytes=0-99", "bytes=5-5", "bytes=0-0"),
            *ranges("/file", "bytes=0-4", "bytes=6-"),
            *ranges("/files/hello.txt", "bytes=0-4", "bytes=6-9"),
            Step("HEAD", "/attachment", headers={"Range": "bytes=0-3"}, compares=FILE),
            Step("OPTIONS", "/attachment", headers={"Range": "bytes=0-3"}),
        ),
        shown=0,
    ),
    Scenario(
        "sends the end of a file",
        (
            *ranges("/attachment", "bytes=-3", "bytes=-10", "bytes=-1"),
            *ranges("/file", "bytes=-5"),
        ),
    ),
    Scenario(
        "does not send parts that are not there",
        (
            *ranges("/attachment", "bytes=10-", "bytes=99-100", "bytes=5-2", "bytes=-0"),
            *ranges("/attachment", "bytes=a-b", "bytes=", "lines=1-2", "bytes", "nothing", ""),
            *ranges("/attachment", "bytes=0-1,3-4", "bytes=0-1, 3-", "bytes=--1", "bytes=-99"),
            *ranges("/attachment", "bytes=0-%00", "bytes=0-" + "9" * 2000),
        ),
    ),
    Scenario(
        "sends a file only if it has changed",
        (
            *conditional(
                "/attachment",
                ("If-Modified-Since", "Thu, 01 Jan 2026 00:00:00 GMT"),
                ("If-Modified-Since", "Wed, 31 Dec 2025 23:59:59 GMT"),
                ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
                ("If-Modified-Since", "yesterday"),
                ("If-Modified-Since", ""),
                ("If-Unmodified-Since", "Wed, 31 Dec 2025 23:59:59 GMT"),
            ),
            *ranges("/attachment", "bytes=0-3", If_Range="Thu, 01 Jan 2026 00:00:00 GMT"),
            *ranges("/attachment", "bytes=0-3", If_Range="Wed, 31 Dec 2025 23:59:59 GMT"),
            *ranges("/attachment", "bytes=0-3", If_Range='"tea"'),
        ),
    ),
    Scenario(
        "compares tags",
        (
            *conditional(
                "/etag",
                ("If-None-Match", '"tea"'),
                ("If-None-Match", 'W/"tea"'),
                ("If-None-Match", "tea"),
                ("If-None-Match", '"pot", "tea"'),
                ("If-None-Match", '"pot"'),
                ("If-None-Match", "*"),
                ("If-None-Match", ""),
                ("If-Match", '"tea"'),
                ("If-Match", '"pot"'),
                ("If-Match", "*"),
                ("If-Modified-Since", "Thu, 01 Jan 2026 00:00:00 GMT"),
                ("If-Modified-Since", "Wed, 31 Dec 2025 23:59:59 GMT"),
            ),
            Step("HEAD", "/etag", headers={"If-None-Match": '"tea"'}),
            get("/etag?tag=pot", headers={"If-None-Match": '"tea"'}, compares=("ETag",)),
        ),
    ),
)
