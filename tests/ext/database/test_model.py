"""Random sequences of calls give what plain SQLite gives, one statement after another."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qapp.ext.database import ConstraintViolation, Database, Executor, Options
from qapp.ext.database.driver import sqlite

TABLE = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " of INTEGER REFERENCES t (id), CHECK (name <> 'bad'))"
)  # nothing deferred: what one write leaves open at the commit, another of its group may settle
CONTENT = "SELECT id, name, of FROM t ORDER BY id"


@dataclass(frozen=True)
class Call:
    """A write, once or (`many`) for each set of values."""

    sql: str
    sets: tuple[dict[str, Any], ...]
    many: bool = False


@dataclass(frozen=True)
class Block:
    """A transaction; each call's error is caught, and `fails` ends it with another."""

    calls: tuple[Call, ...]
    fails: bool


@dataclass(frozen=True)
class Group:
    """Calls and blocks that are asked for at the same moment."""

    works: tuple[Call | Block, ...]


IDS = st.integers(1, 6)
NAMES = st.sampled_from(["a", "b", "c", "bad", None])
PARENTS = st.none() | IDS
ROWS = st.fixed_dictionaries({"id": IDS, "name": NAMES, "of": PARENTS})
CALLS = st.one_of(
    ROWS.map(lambda row: Call("INSERT INTO t VALUES (:id, :name, :of)", (row,))),
    ROWS.map(lambda row: Call("REPLACE INTO t VALUES (:id, :name, :of) RETURNING id", (row,))),
    ROWS.map(lambda row: Call("UPDATE t SET name = :name, of = :of WHERE id >= :id", (row,))),
    st.builds(dict, id=IDS).map(lambda row: Call("DELETE FROM t WHERE id = :id", (row,))),
    st.lists(ROWS, max_size=3).map(
        lambda rows: Call("INSERT INTO t VALUES (:id, :name, :of)", tuple(rows), many=True)
    ),
)
WORKS = st.one_of(CALLS, st.builds(Block, st.lists(CALLS, max_size=4).map(tuple), st.booleans()))
GROUPS = st.builds(Group, st.lists(WORKS, min_size=1, max_size=6).map(tuple))

Outcome = int | str


class Plain:
    """What should happen: one statement after another, each whole or not at all."""

    def __init__(self) -> None:
        self.connection = sqlite.connect(":memory:", isolation_level=None)
        self.connection.execute("PRAGMA foreign_keys=ON")
        self.connection.execute(TABLE)

    def run(self, work: Call | Block) -> list[Outcome]:
        calls, fails = ((work,), False) if isinstance(work, Call) else (work.calls, work.fails)
        self.connection.execute("BEGIN")
        outcomes = [self._call(call) for call in calls]
        self.connection.execute("ROLLBACK" if fails else "COMMIT")
        return outcomes

    def _call(self, call: Call) -> Outcome:
        self.connection.execute("SAVEPOINT one")
        try:
            changed = 0
            for values in call.sets:
                self.connection.execute(call.sql, values).fetchall()
                changed += self.connection.execute("SELECT changes()").fetchone()[0]
        except sqlite.IntegrityError:
            self.connection.execute("ROLLBACK TO one")
            return "violated"
        finally:
            self.connection.execute("RELEASE one")
        return changed


async def call(executor: Executor, one: Call) -> Outcome:
    try:
        if one.many:
            return await executor.execute_many(one.sql, one.sets)
        return await executor.execute(one.sql, one.sets[0])
    except ConstraintViolation:
        return "violated"


async def run(db: Database, work: Call | Block) -> list[Outcome]:
    if isinstance(work, Call):
        return [await call(db, work)]
    outcomes: list[Outcome] = []
    try:
        async with db.transaction() as tx:
            outcomes += [await call(tx, one) for one in work.calls]
            if work.fails:
                raise LookupError
    except LookupError:
        pass
    return outcomes


async def is_read(db: Database, expected: list[Any], number: int) -> None:
    """Check that every reader sees what was answered."""
    reads = (db.fetch_all(f"{CONTENT} LIMIT {100 + i}") for i in range(number))
    for rows in await asyncio.gather(*reads):
        assert [tuple(row) for row in rows] == expected


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(groups=st.lists(GROUPS, min_size=1, max_size=6))
async def test_it_does_what_plain_sqlite_does(groups: list[Group]) -> None:
    plain = Plain()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'a.db'}"
        async with Database(url=url, options=Options(readers=2)) as db:
            await db.execute(TABLE)
            for group in groups:
                found = await asyncio.gather(*(run(db, work) for work in group.works))
                assert found == [plain.run(work) for work in group.works]
                expected = plain.connection.execute(CONTENT).fetchall()
                await is_read(db, expected, 3)
    plain.connection.close()
