"""No statement of the site reads a whole table that grows."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import closing, suppress
from types import ModuleType
from typing import Any

import pytest

import qapp
from qapp.accounts.queries import UsernameTaken
from qapp.blog.queries import EntryChanged
from qapp.ext import limits
from qapp.ext.database import Executor
from qapp.ext.database.contract import Fetch, Statement
from qapp.ext.database.driver import sqlite
from qapp.extensions import db
from qapp.students.queries import StudentChanged
from qapp.web.errors import NotFound
from qapp.web.markup import Rendered
from tests.blog.tools import fill
from tests.conftest import Visitor

# What a query is called with, by the name of the argument.
VALUES: dict[str, Any] = {
    "addr": "x",
    "after": 0,
    "author": "alice",
    "author_id": 1,
    "before": 30,
    "channel": "x",
    "city": "x",
    "data": "{}",
    "before_ms": 1,
    "domain": "example.org",
    "count": 1,
    "entry_id": 1,
    "expires_at": 2,
    "idle_since": 0,
    "file_id": 1,
    "file_ids": [1, 2],
    "handle": "x",
    "hash": "x",
    "is_kept": True,
    "key": "k",
    "kind": "x",
    "limit": 20,
    "login_id": "x",
    "media_type": "text/plain",
    "name": "x",
    "now_ms": 1,
    "offset": 0,
    "owner_id": 1,
    "password_hash": "x",
    "pin": "560001",
    "quota_bytes": 10**9,
    "query": "entry text",
    "rate": limits.Rate(5, 60),
    "scope": "read",
    "student_id": 1,
    "token_id": 1,
    "values": {"name": "x", "city": "x", "addr": "x", "pin": "560001"},
    "rendered": Rendered("<p>x</p>", "x"),
    "since_ms": 0,
    "size_bytes": 1,
    "students": [{"name": "x", "city": "x", "addr": "x", "pin": "560001"}],
    "text": "x",
    "thumbnail": None,
    "title": "x",
    "user_id": 1,
    "username": "alice",
    "version": 1,
}
# The command line's lists of all users and of all blocked domains are of all; the outbox is counted
# by its indexes, up to a limit.
WHOLE_ON_PURPOSE = {"list_users", "list_blocked_domains", "count_mail"}
# Hits are ranked, but of all matches only so many.
SORTED_ON_PURPOSE = {"search_entries", "search_full"}

Query = Callable[..., Coroutine[Any, Any, Any]]


class Recorder(Executor):
    """A database that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Statement] = []

    async def _run(self, statement: Statement) -> Any:
        self.asked.append(statement)
        return await db._run(statement)


def modules() -> Iterator[ModuleType]:
    """Yield the modules that hold SQL: each section's queries, and the limits."""
    for found in pkgutil.walk_packages(qapp.__path__, "qapp."):
        if re.search(r"\.queries(\.|$)", found.name):
            yield importlib.import_module(found.name)
    yield limits


def queries() -> Iterator[Query]:
    for module in modules():
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            if function.__module__ != module.__name__ or name.startswith("_"):
                continue
            if "orm" not in inspect.signature(function).parameters:  # whose SQL is not ours
                yield function


def identity(query: Query) -> str:
    return f"{query.__module__}.{query.__name__}"


async def asked_by(query: Query) -> list[Statement]:
    recorder = Recorder()
    names = list(inspect.signature(query).parameters)[1:]
    with suppress(NotFound, EntryChanged, StudentChanged, UsernameTaken):
        await query(recorder, **{name: VALUES[name] for name in names})
    return recorder.asked


def plan_of(connection: Any, statement: Statement) -> list[str]:
    values = statement.values if isinstance(statement.values, Mapping) else statement.values[0]
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", values)]


def scans(sql: str, plan: list[str]) -> list[str]:
    """Return the steps of a plan that read a whole table."""
    # Rows that were found already: what a subquery returned, what a statement brings with it.
    found = {f"SCAN {name}" for name in re.findall(r"\)\s+AS\s+(\w+)", sql, re.IGNORECASE)}
    return [
        step
        for step in plan
        if step.startswith("SCAN")
        and not re.search(r"VIRTUAL TABLE INDEX \d+:.*M", step)  # a full-text search by its MATCH
        and not re.match(r"SCAN (\(subquery-\d+\)|CONSTANT ROW)", step)
        and step not in found
    ]


@pytest.fixture
async def busy_site(alice: Visitor, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """A site with some content, where each try of a limit also purges."""
    await fill(alice.app, 50)
    monkeypatch.setattr(limits, "TRIES_A_PURGE", 1)
    return alice


def test_every_section_with_queries_is_looked_at() -> None:
    names = {module.__name__ for module in modules()}
    assert names >= {"qapp.accounts.queries", "qapp.blog.queries.entries", "qapp.ext.limits"}


@pytest.mark.parametrize("query", list(queries()), ids=identity)
async def test_no_query_reads_or_sorts_a_whole_table(busy_site: Visitor, query: Query) -> None:
    async with busy_site.app.app_context():
        asked = await asked_by(query)
    assert asked
    with closing(sqlite.connect(f"{busy_site.app.instance_path}/qapp.db")) as connection:
        for statement in asked:
            plan = plan_of(connection, statement)
            assert plan or "INSERT" in statement.sql
            if query.__name__ not in WHOLE_ON_PURPOSE:
                assert scans(statement.sql, plan) == [], statement.sql
            if query.__name__ not in SORTED_ON_PURPOSE:
                assert not [step for step in plan if "TEMP B-TREE" in step], statement.sql


def test_a_whole_scan_would_be_noticed() -> None:
    with closing(sqlite.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
        connection.execute("CREATE VIRTUAL TABLE f USING fts5(x)")
        for sql, found in (
            ("SELECT * FROM t WHERE x = 1", True),
            ("SELECT * FROM t AS u WHERE x = 1", True),
            ("SELECT * FROM t WHERE id = 1", False),
            ("DELETE FROM t WHERE x = 1", True),
            ("SELECT * FROM f WHERE x = 'a'", True),
            ("SELECT * FROM f WHERE f MATCH 'a'", False),
            ("SELECT * FROM (SELECT * FROM t WHERE x = 1 LIMIT 1) AS u", True),
            ("SELECT * FROM (SELECT * FROM t WHERE id < 9 LIMIT 1) AS u", False),
        ):
            plan = plan_of(connection, Statement(sql, {}, Fetch.ALL))
            assert bool(scans(sql, plan)) is found, sql
