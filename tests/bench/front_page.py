"""Compare a blog with a million entries with one with a thousand: its front page, and its search.

Two servers of one worker each, asked in turn, request by request, by one client.

    python -m tests.bench.front_page
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import PASSWORD, Server

USER = "alice"
FEW = 1000
MANY = 1_000_000
ROUNDS = 200
WARM_UP = 20
# Of two equal blogs one seems up to a tenth slower for as long as a connection stays, or a process:
# which processor the system has put it on, and where its memory lies, is chance. So the servers are
# started anew so often, and each part of what is asked of them has connections of its own.
STARTS = 4
PARTS = 3
LEAST_MADE = 20_000
MOST_RATIO = 1.1
MOST_SEARCH_MS = 50
# Prime: an entry that is far from the last one each time, and none twice soon.
STRIDE = 7919
# A word of nearly every entry, two common ones, and one of few.
QUERIES = ("the", "the+morning", "teapot")


class Times(NamedTuple):
    """The median times of a request to the blog with few entries, and to that with many.

    :ivar ratio: how much longer the blog with many takes.
    """

    few_ms: float
    many_ms: float
    ratio: float


class Blog(NamedTuple):
    """A blog that is served: by which port, and how many entries it has, numbered from one."""

    port: int
    entries: int


class Question(NamedTuple):
    """What both blogs are asked for.

    :ivar path: of the request's number and the blog's count of entries.
    """

    what: str
    path: Callable[[int, int], str]
    logged_in: bool


def ask_in_turn(
    blogs: tuple[Blog, Blog], question: Question, rounds: int, first: int
) -> list[tuple[float, float]]:
    """Ask both blogs, again and again; return the medians of each part, in milliseconds.

    :param rounds: of each part.
    :param first: the number of the first request.
    """
    return [
        asyncio.run(_ask(blogs, question, rounds, first + part * (WARM_UP + rounds)))
        for part in range(PARTS)
    ]


def times_of(parts: list[tuple[float, float]]) -> Times:
    """Return the medians of all parts."""
    few, many = ([part[which] for part in parts] for which in (0, 1))
    return Times(median(few), median(many), median(b / a for a, b in parts))


async def _ask(
    blogs: tuple[Blog, Blog], question: Question, rounds: int, first: int
) -> tuple[float, float]:
    clients = [Client(blog.port) for blog in blogs]
    times_ms: tuple[list[float], list[float]] = ([], [])
    for client in clients if question.logged_in else ():
        await client.log_in(USER)
    for number in range(WARM_UP + rounds):
        for client, blog, times in zip(clients, blogs, times_ms, strict=True):
            begun = time.perf_counter()
            answer = await client.request("GET", question.path(first + number, blog.entries))
            took = time.perf_counter() - begun
            assert answer.status == 200, answer
            if number >= WARM_UP:
                times.append(took * 1000)
    for client in clients:
        client.close()
    return median(times_ms[0]), median(times_ms[1])


def front(_number: int, _entries: int) -> str:
    """Return the front page's path."""
    return "/"


def older(number: int, entries: int) -> str:
    """Return the path of a page of older entries, another each time."""
    return f"/?before={entries - number * STRIDE % (entries - 100)}"


def found(query: str) -> Question:
    """Return the question for the first page of a search."""
    what = f"search for “{query.replace('+', ' ')}”, first page"
    return Question(what, lambda _number, _entries: f"/search?q={query}", logged_in=False)


# The front page as it is kept, as it is made, and one that nobody has asked for.
PAGES = (
    Question("front page, no session", front, logged_in=False),
    Question("front page, logged in", front, logged_in=True),
    Question("older entries, another page each time", older, logged_in=True),
)
SEARCHES = tuple(found(query) for query in QUERIES)


def measure(entries: int = MANY, rounds: int = ROUNDS) -> list[Line]:
    """Fill two blogs, serve both, and measure what their pages cost.

    :param rounds: of each part; times are the medians of the parts, and so are ratios.
    """
    parts: dict[Question, list[tuple[float, float]]] = {each: [] for each in (*PAGES, *SEARCHES)}
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        servers = Server(Path(small), workers=1), Server(Path(large), workers=1)
        for server, count in zip(servers, (FEW, entries), strict=True):
            begun = time.perf_counter()
            server.command("demo", "--entries", str(count), "--users", "100")
            made = count / (time.perf_counter() - begun)
            server.command("user", "add", USER, stdin=f"{PASSWORD}\n")
        blogs = Blog(servers[0].port, FEW), Blog(servers[1].port, entries)
        for start in range(STARTS):
            with servers[0], servers[1]:
                for question, times in parts.items():
                    first = start * PARTS * (WARM_UP + rounds)
                    times += ask_in_turn(blogs, question, rounds, first)
    is_made = made >= LEAST_MADE
    return [
        Line("demo entries made a second", f"{made:,.0f}", f"≥ {LEAST_MADE:,}", is_made),
        *(page_line(question.what, times_of(parts[question])) for question in PAGES),
        *(search_line(question.what, times_of(parts[question])) for question in SEARCHES),
    ]


def page_line(what: str, times: Times) -> Line:
    """Say how much longer a page takes."""
    what = f"{what}: {times.many_ms:.2f} ms, against {times.few_ms:.2f} ms with {FEW:,}"
    return Line(what, f"{times.ratio:.2f} ×", f"≤ {MOST_RATIO} ×", times.ratio <= MOST_RATIO)


def search_line(what: str, times: Times) -> Line:
    """Say how long a search takes."""
    met = times.many_ms <= MOST_SEARCH_MS
    return Line(what, f"{times.many_ms:.1f} ms", f"≤ {MOST_SEARCH_MS} ms", met)


def title(entries: int = MANY) -> str:
    """Say what was measured."""
    return f"{entries:,} entries against {FEW:,}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=MANY)
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"of each of {STARTS * PARTS} parts"
    )
    arguments = parser.parse_args()
    return show(title(arguments.entries), measure(arguments.entries, arguments.rounds))


if __name__ == "__main__":
    sys.exit(main())
