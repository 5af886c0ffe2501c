"""The kinds of work that are compared, and what the issue requires of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from tests.bench.wrk import CONNECTIONS, TIMEOUT_S, Request

ENTRIES = 1000
WAIT_PATH = "/wait"
WAIT_S = 0.2
WAITING_CLIENTS = 500
# 16 threads that wait 200 ms answer 80 of them a second, the last of 500 after 6.3 s: in a shorter
# run only the lucky ones would be counted.
WAITING_LEAST_S = 8.0
# wrk only counts what is later: a queue this long is Flask's answer here, not a failure.
WAITING_TIMEOUT_S = 30.0

QAPP = "qapp, Hypercorn"
FLASK = "Flask, gunicorn"
GRANIAN = "qapp, granian"
EMPTY = "empty Quart view"
BARE = "bare ASGI function"


class Visit(NamedTuple):
    """Who is logged in at a side: the session's cookie, and a token for the forms."""

    cookie: str
    token: str

    @property
    def headers(self) -> Mapping[str, str]:
        """What a logged-in browser sends."""
        return {"Cookie": f"session={self.cookie}"}


class Work(NamedTuple):
    """What is asked for, of whom, and how many times faster than another the site has to be.

    :ivar asked: the requests in turn, for who is logged in.
    :ivar sides: who is driven, in this order, again and again.
    :ivar least: the ratio that is required, by who is compared with; None sets no limit.
    """

    key: str
    title: str
    note: str
    asked: Callable[[Visit], Sequence[Request]]
    sides: Sequence[str]
    least: Mapping[str, float | None]
    connections: int = CONNECTIONS
    least_s: float = 0
    timeout_s: float = TIMEOUT_S


def posted(visit: Visit) -> Request:
    """Make the form of a short entry, the same each time, as a browser sends it."""
    fields = {"csrf_token": visit.token, "title": "Tea", "text": "Green tea wants **80 °C**."}
    return Request("/add", visit.headers, urlencode(fields))


def entry_paths() -> list[str]:
    """Return the paths of all entries that were there at the start."""
    return [f"/post/{number}" for number in range(1, ENTRIES + 1)]


def mixed(visit: Visit) -> list[Request]:
    """Make 5 inserts among 100: the front page and entries in turn for nobody in particular."""
    requests = []
    for number, path in enumerate(entry_paths()):
        if number % 20 == 19:
            requests.append(posted(visit))
        else:
            requests.append(Request("/" if number % 2 else path))
    return requests


WORKS = (
    Work(
        "front",
        "Front page, no session",
        "kept as bytes by qapp's page cache; the bare function sends as many bytes and headers",
        lambda _: [Request("/")],
        (QAPP, FLASK, BARE, GRANIAN),
        {BARE: 0.90, FLASK: 3.5, GRANIAN: None},
    ),
    Work(
        "session",
        "Front page, logged in",
        "session read, user looked up; qapp also checks that the login was not revoked",
        lambda visit: [Request("/", visit.headers)],
        (QAPP, FLASK, EMPTY, GRANIAN),
        {EMPTY: 0.75, FLASK: 1.8, GRANIAN: None},
    ),
    Work(
        "entry",
        "One entry by id, all different",
        f"the {ENTRIES:,} entries in turn, logged in, so that the page cache is not asked",
        lambda visit: [Request(path, visit.headers) for path in entry_paths()],
        (QAPP, FLASK, GRANIAN),
        {FLASK: 1.5, GRANIAN: None},
    ),
    Work(
        "insert",
        "Durable insert through the form",
        "CSRF token, session, cleaning of a short text, WAL, synchronous=FULL, answered by 302; "
        "qapp also indexes it for the search and tells live readers",
        lambda visit: [posted(visit)],
        (QAPP, FLASK),
        {FLASK: 3},
    ),
    Work(
        "mix",
        "95 % reads, 5 % inserts",
        "reads: front page and entries by id, without a session; inserts: logged in, as above",
        mixed,
        (QAPP, FLASK),
        {FLASK: 2.5},
    ),
    Work(
        "wait",
        f"{WAITING_CLIENTS} clients on a view that waits 200 ms",
        "in place of a slow server: asyncio.sleep(0.2) against time.sleep(0.2); as a yardstick, a "
        "Quart app that does nothing else",
        lambda _: [Request(WAIT_PATH)],
        (QAPP, FLASK, EMPTY),
        {FLASK: 25, EMPTY: None},
        WAITING_CLIENTS,
        WAITING_LEAST_S,
        WAITING_TIMEOUT_S,
    ),
)
