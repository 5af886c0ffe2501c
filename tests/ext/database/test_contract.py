"""The public contract of the data layer, the same for every engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from qapp.ext.database import (
    ConstraintViolation,
    Database,
    DatabaseClosed,
    DatabaseError,
    Executor,
    ParameterError,
    Row,
    SQLError,
    TransactionTimeout,
)

from .conftest import Opener

ADD_AUTHOR = "INSERT INTO authors (id, name) VALUES (:id, :name)"
ADD_BOOK = "INSERT INTO books (id, author_id, title) VALUES (:id, :author_id, :title)"
COUNT = "SELECT count(*) FROM authors"
ANN = {"id": 1, "name": "Ann"}
BEA = {"id": 2, "name": "Bea"}


@pytest.fixture(params=["sqlite"])
async def db(open_database: Opener) -> Database:
    """The database under test, by each engine in turn; PostgreSQL is to join."""
    return await open_database()


class Author(NamedTuple):
    id: int
    name: str


@dataclass(frozen=True)
class FrozenAuthor:
    id: int
    name: str


@dataclass
class MutableAuthor:
    id: int
    name: str


class Swapped(NamedTuple):
    name: str
    id: int


@dataclass(frozen=True)
class Picky:
    """Refuses what it is given, with an error of its own."""

    id: int
    name: str

    def __post_init__(self) -> None:
        raise LookupError(self.name)


class Plain:
    """Neither a NamedTuple nor a dataclass."""


async def add_then(db: Database, *then: Callable[[Executor], Awaitable[Any]]) -> None:
    """Add Ann in a transaction, in which the rest is done too."""
    async with db.transaction() as tx:
        await tx.execute(ADD_AUTHOR, ANN)
        for work in then:
            await work(tx)


async def fail(_: Executor) -> None:
    raise LookupError


# Rows


async def test_fetch_all_returns_every_row_in_order(db: Database) -> None:
    await db.execute_many(ADD_AUTHOR, [BEA, ANN])
    rows = await db.fetch_all("SELECT id, name FROM authors ORDER BY id")
    assert rows == [(1, "Ann"), (2, "Bea")]


async def test_fetch_all_of_nothing_is_empty(db: Database) -> None:
    assert await db.fetch_all("SELECT id FROM authors") == []


async def test_fetch_one_returns_the_first_row_or_none(db: Database) -> None:
    sql = "SELECT id, name FROM authors ORDER BY id"
    assert await db.fetch_one(sql) is None
    await db.execute_many(ADD_AUTHOR, [BEA, ANN])
    assert await db.fetch_one(sql) == (1, "Ann")


async def test_fetch_value_returns_the_first_column_or_none(db: Database) -> None:
    sql = "SELECT name, id FROM authors ORDER BY id"
    assert await db.fetch_value(sql) is None
    await db.execute_many(ADD_AUTHOR, [BEA, ANN])
    assert await db.fetch_value(sql) == "Ann"


async def test_a_rows_columns_are_attributes(db: Database) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    row = await db.fetch_one("SELECT id, name, 3 AS count FROM authors")
    assert isinstance(row, Row)
    assert [row.id, row.name] == [1, "Ann"]
    assert getattr(row, "count") == 3  # noqa: B009 - the column goes before the tuple's method
    with pytest.raises(AttributeError, match="no column 'title', only id, name, count"):
        row.title  # noqa: B018 - the access is the test
    with pytest.raises(AttributeError):
        setattr(row, "name", "Bea")  # noqa: B010 - a row takes no assignment


def test_a_row_by_itself_has_no_columns() -> None:
    with pytest.raises(AttributeError, match="no column 'title'"):
        Row((1, 2)).title  # noqa: B018 - the access is the test


async def test_columns_that_are_no_names_are_still_values(db: Database) -> None:
    row = await db.fetch_one("SELECT 1, 2 AS class, 3 AS a, 4 AS a")
    assert row == (1, 2, 3, 4)


async def test_values_come_back_as_they_went_in(db: Database) -> None:
    for value in (None, 0, -(2**63), 2**63 - 1, "", "Grüße 🐍", "it's :not a /* comment", 1.5):
        assert await db.fetch_value("SELECT :value", {"value": value}) == value


async def test_rows_as_namedtuple_and_dataclass(db: Database) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    sql = "SELECT id, name FROM authors"
    assert await db.fetch_all(sql, into=Author) == [Author(1, "Ann")]
    assert await db.fetch_one(sql, into=FrozenAuthor) == FrozenAuthor(1, "Ann")
    one = await db.fetch_one(sql, into=MutableAuthor)
    assert one == MutableAuthor(1, "Ann")


@pytest.mark.parametrize("into", [Swapped, Picky, Plain], ids=lambda into: into.__name__)
async def test_a_type_that_does_not_take_the_columns_is_named(
    db: Database, into: type[Any]
) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    sql = "SELECT id, name FROM authors"
    with pytest.raises(ParameterError, match=into.__name__):
        await db.fetch_all(sql, into=into)
    with pytest.raises(ParameterError, match=into.__name__):
        await db.fetch_one(sql, into=into)
    async with db.transaction() as tx:
        with pytest.raises(ParameterError, match=into.__name__):
            await tx.fetch_one(sql, into=into)
    assert await db.fetch_value(COUNT) == 1


@pytest.mark.parametrize("into", [Swapped, Picky, Plain], ids=lambda into: into.__name__)
async def test_a_write_whose_rows_are_refused_is_not_made(db: Database, into: type[Any]) -> None:
    sql = f"{ADD_AUTHOR} RETURNING id, name"
    with pytest.raises(ParameterError, match=into.__name__):
        await db.fetch_one(sql, ANN, into=into)
    assert await db.fetch_value(COUNT) == 0
    assert await db.fetch_one(sql, ANN, into=Author) == Author(1, "Ann")


async def test_rows_follow_a_changed_table(db: Database) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    sql = "SELECT * FROM authors"
    assert await db.fetch_all(sql) == [(1, "Ann")]
    await db.execute("ALTER TABLE authors ADD COLUMN born INTEGER")
    row = await db.fetch_one(sql)
    assert row is not None
    assert (row.name, row.born) == ("Ann", None)
    await db.execute("ALTER TABLE authors RENAME COLUMN born TO died")
    row = await db.fetch_one(sql)
    assert row is not None
    assert row.died is None
    with pytest.raises(ParameterError):
        await db.fetch_all(sql, into=Author)


async def test_one_callers_changes_to_the_list_are_its_own(db: Database) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    sql = "SELECT id, name FROM authors"
    first, second = await asyncio.gather(db.fetch_all(sql), db.fetch_all(sql))
    first.clear()
    assert second == [(1, "Ann")]


async def test_one_callers_changes_to_a_mutable_row_are_its_own(db: Database) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    sql = "SELECT id, name FROM authors"
    first, second = await asyncio.gather(
        db.fetch_one(sql, into=MutableAuthor), db.fetch_one(sql, into=MutableAuthor)
    )
    assert first is not None
    first.name = "changed"
    assert second == MutableAuthor(1, "Ann")


async def test_values_changed_after_the_call_change_nothing(db: Database) -> None:
    values: dict[str, Any] = dict(ANN)
    many = [dict(BEA)]
    reads = {"id": 1}
    writing = asyncio.gather(db.execute(ADD_AUTHOR, values), db.execute_many(ADD_AUTHOR, many))
    reading = asyncio.ensure_future(db.fetch_value("SELECT :id", reads))
    await asyncio.sleep(0)
    values["name"] = many[0]["name"] = "changed"
    many.append({"id": 3, "name": "added"})
    reads["id"] = 2
    assert list(await writing) == [1, 1]
    assert await reading == 1
    assert await db.fetch_all("SELECT name FROM authors ORDER BY id") == [("Ann",), ("Bea",)]


# Writes


async def test_execute_returns_how_many_rows_changed(db: Database) -> None:
    assert await db.execute(ADD_AUTHOR, ANN) == 1
    assert await db.execute(ADD_AUTHOR, BEA) == 1
    assert await db.execute("UPDATE authors SET name = name || '!'") == 2
    assert await db.execute("DELETE FROM authors WHERE id > 1") == 1
    assert await db.execute("DELETE FROM authors WHERE id > 1") == 0
    assert await db.execute("CREATE TABLE more (id INTEGER)") == 0
    assert await db.execute("SELECT id FROM authors") == 0


@pytest.mark.parametrize("tail", ["", " RETURNING id"], ids=["plain", "returning"])
@pytest.mark.parametrize("head", ["", "/* c */ ", "WITH n AS (SELECT 7) "])
async def test_execute_counts_rows_however_they_are_written(
    db: Database, head: str, tail: str
) -> None:
    def whole(middle: str) -> str:
        return head + middle + tail

    sql = "INSERT INTO authors (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')"
    assert await db.execute(whole(sql)) == 3
    assert await db.execute(whole("UPDATE authors SET name = name || 'x' WHERE id < 3")) == 2
    assert await db.execute(whole("DELETE FROM authors WHERE id > 5")) == 0
    async with db.transaction() as tx:
        assert await tx.execute(whole("DELETE FROM authors WHERE id < 3")) == 2
        assert await tx.execute("SELECT id FROM authors") == 0
        assert await tx.execute("CREATE TABLE more (id INTEGER)") == 0


async def test_rows_that_cascades_change_are_not_counted(db: Database) -> None:
    await db.execute(
        "CREATE TABLE kin (id INTEGER PRIMARY KEY, of INTEGER REFERENCES kin ON DELETE CASCADE)"
    )
    await db.execute("INSERT INTO kin (id, of) VALUES (1, NULL), (2, 1), (3, 1)")
    assert await db.execute("DELETE FROM kin WHERE id = 1 RETURNING id") == 1
    assert await db.fetch_value("SELECT count(*) FROM kin") == 0


async def test_returning_is_one_trip(db: Database) -> None:
    sql = f"{ADD_AUTHOR} RETURNING id, name"
    assert await db.fetch_one(sql, ANN, into=Author) == Author(1, "Ann")
    assert await db.fetch_value("UPDATE authors SET name = 'Bob' RETURNING name") == "Bob"
    assert await db.fetch_all("DELETE FROM authors WHERE id = 5 RETURNING id") == []
    assert await db.fetch_value(COUNT) == 1


async def test_a_write_without_rows_returns_none(db: Database) -> None:
    assert await db.fetch_one(ADD_AUTHOR, ANN) is None
    assert await db.fetch_value(ADD_AUTHOR, BEA) is None
    assert await db.fetch_all("UPDATE authors SET name = name || '!'") == []


async def test_execute_many_is_all_or_nothing(db: Database) -> None:
    assert await db.execute_many(ADD_AUTHOR, [ANN, BEA]) == 2
    third = {"id": 3, "name": "Cleo"}
    with pytest.raises(ConstraintViolation):
        await db.execute_many(ADD_AUTHOR, [third, ANN])
    assert await db.fetch_value(COUNT) == 2
    async with db.transaction() as tx:
        with pytest.raises(ConstraintViolation):
            await tx.execute_many(ADD_AUTHOR, [third, ANN])
        assert await tx.execute_many(ADD_AUTHOR, [third]) == 1
    assert await db.fetch_value(COUNT) == 3


async def test_execute_many_of_nothing_changes_nothing(db: Database) -> None:
    assert await db.execute_many(ADD_AUTHOR, []) == 0


async def test_execute_many_counts_with_a_with(db: Database) -> None:
    sql = f"WITH n AS (SELECT 7) {ADD_AUTHOR}"
    assert await db.execute_many(sql, [ANN, BEA]) == 2


async def test_execute_many_of_a_read_is_refused(db: Database) -> None:
    with pytest.raises(SQLError):
        await db.execute_many("SELECT :id", [{"id": 1}])


# What is wrong with a call


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no value for :id; no value for :name"),
        ({"id": 1}, "no value for :name"),
        ({"id": 1, "nmae": "Ann"}, "no value for :name; no parameter :nmae in the statement"),
        ({"id": 1, "name": "Ann", 3: 3}, "no parameter :3 in the statement"),
    ],
)
async def test_names_must_be_exactly_the_statements(
    db: Database, values: dict[Any, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=f"^{message}$"):
        await db.execute(ADD_AUTHOR, values)
    with pytest.raises(ParameterError, match=f"^{message}$"):
        await db.execute_many(ADD_AUTHOR, [ANN, values])
    async with db.transaction() as tx:
        with pytest.raises(ParameterError, match=f"^{message}$"):
            await tx.execute(ADD_AUTHOR, values)
    assert await db.fetch_value(COUNT) == 0


Call = Callable[[Executor, str, dict[str, Any]], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "fetch_all": lambda db, sql, values: db.fetch_all(sql, values),
    "fetch_one": lambda db, sql, values: db.fetch_one(sql, values),
    "fetch_value": lambda db, sql, values: db.fetch_value(sql, values),
    "execute": lambda db, sql, values: db.execute(sql, values),
    "execute_many": lambda db, sql, values: db.execute_many(sql, [values]),
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


@pytest.mark.parametrize("value", ["\ud800", 10**30, object, [1], 1j], ids=repr)
async def test_a_value_that_sql_has_not_is_refused(db: Database, call: Call, value: Any) -> None:
    values = {"id": 1, "name": value}
    with pytest.raises(ParameterError):
        await call(db, ADD_AUTHOR, values)
    async with db.transaction() as tx:
        with pytest.raises(ParameterError):
            await call(tx, ADD_AUTHOR, values)
        await tx.execute(ADD_AUTHOR, BEA)
    assert await db.fetch_all("SELECT name FROM authors") == [("Bea",)]
    with pytest.raises(ParameterError):
        await db.fetch_all("SELECT :value", {"value": value})


@pytest.mark.parametrize(
    "sql",
    [
        "SELEC 1",
        "INSERT INTO",
        "SELECT nothing FROM authors",
        "SELECT locked FROM authors",
        "SELECT interrupted FROM authors",
        "DELETE FROM nowhere",
        'DELETE FROM "database or disk is full"',
        "CREATE TABLE authors (id INTEGER)",
        "SELECT 1; SELECT 2",
        "DELETE FROM authors; DELETE FROM books",
        "SELECT '\0'",
        "DELETE FROM authors WHERE name = '\ud800'",
        "INSERT INTO authors (id, name) VALUES (?, ?)",
        "INSERT INTO authors (id, name) VALUES (1, 'a', 'b')",
    ],
    ids=ascii,
)
async def test_text_that_is_wrong_is_an_sql_error(db: Database, call: Call, sql: str) -> None:
    with pytest.raises(SQLError):
        await call(db, sql, {})
    async with db.transaction() as tx:
        with pytest.raises(SQLError):
            await call(tx, sql, {})
        await tx.execute(ADD_AUTHOR, ANN)
    assert await db.fetch_value(COUNT) == 1


@pytest.mark.parametrize(
    "sql",
    ["BEGIN", "begin immediate", "COMMIT", "/* ; */ END", "ROLLBACK", "SAVEPOINT a", "RELEASE a"],
)
async def test_statements_that_would_end_anothers_transaction_are_refused(
    db: Database, call: Call, sql: str
) -> None:
    with pytest.raises(SQLError, match="transaction"):
        await call(db, sql, {})

    async def control(tx: Executor) -> None:
        with pytest.raises(SQLError, match="transaction"):
            await call(tx, sql, {})

    with pytest.raises(LookupError):
        await add_then(db, control, fail)
    assert await db.fetch_value(COUNT) == 0


@pytest.mark.parametrize(
    ("sql", "kind", "columns"),
    [
        ("INSERT INTO authors (id, name) VALUES (1, 'b')", "unique", ("authors.id",)),
        ("INSERT INTO authors (id, name) VALUES (2, 'Ann')", "unique", ("authors.name",)),
        ("INSERT INTO authors (id) VALUES (2)", "not null", ("authors.name",)),
        (
            "INSERT INTO books (id, author_id, title) VALUES (2, 1, 'One')",
            "unique",
            ("books.author_id", "books.title"),
        ),
        ("INSERT INTO books (id, author_id, title) VALUES (3, 9, 'x')", "foreign key", ()),
        ("DELETE FROM authors", "foreign key", ()),
        ("UPDATE books SET title = 'a title that is longer than the table allows'", "check", ()),
    ],
)
async def test_a_constraint_is_told_by_kind_and_columns(
    db: Database, call: Call, sql: str, kind: str, columns: tuple[str, ...]
) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    await db.execute(ADD_BOOK, {"id": 1, "author_id": 1, "title": "One"})
    with pytest.raises(ConstraintViolation) as caught:
        await call(db, sql, {})
    assert (caught.value.kind, caught.value.columns) == (kind, columns)
    assert "constraint failed" in str(caught.value)
    async with db.transaction() as tx:
        with pytest.raises(ConstraintViolation) as caught:
            await call(tx, sql, {})
        assert (caught.value.kind, caught.value.columns) == (kind, columns)
        await tx.execute(ADD_AUTHOR, BEA)
    assert await db.fetch_value(COUNT) == 2


async def test_each_caller_gets_an_error_of_its_own(db: Database) -> None:
    calls = [db.fetch_all("SELECT nothing") for _ in range(3)]
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [SQLError] * 3
    assert len(set(map(id, errors))) == 3


# Transactions


async def test_a_transaction_commits_at_its_end(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(ADD_AUTHOR, ANN)
        assert await tx.fetch_value(COUNT) == 1
        assert await db.fetch_value(COUNT) == 0
    assert await db.fetch_value(COUNT) == 1


async def test_an_error_in_the_block_rolls_back(db: Database) -> None:
    with pytest.raises(LookupError):
        await add_then(db, fail)
    assert await db.fetch_value(COUNT) == 0
    assert await db.execute(ADD_AUTHOR, ANN) == 1


async def test_a_failed_statement_rolls_back_when_it_is_not_caught(db: Database) -> None:
    with pytest.raises(ConstraintViolation):
        await add_then(db, lambda tx: tx.execute(ADD_AUTHOR, ANN))
    assert await db.fetch_value(COUNT) == 0


async def test_a_failed_statement_that_is_caught_leaves_the_rest(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(ADD_AUTHOR, ANN)
        with pytest.raises(ConstraintViolation):
            await tx.execute(ADD_AUTHOR, ANN)
        await tx.execute(ADD_AUTHOR, BEA)
    assert await db.fetch_value(COUNT) == 2


async def test_an_empty_transaction_is_fine(db: Database) -> None:
    async with db.transaction():
        pass
    assert await db.execute(ADD_AUTHOR, ANN) == 1


async def test_the_database_is_not_written_inside_its_transaction(db: Database) -> None:
    async with db.transaction() as tx:
        with pytest.raises(RuntimeError, match="use the transaction's"):
            await db.execute(ADD_AUTHOR, ANN)
        with pytest.raises(RuntimeError, match="use the transaction's"):
            async with db.transaction():
                pass
        await tx.execute(ADD_AUTHOR, BEA)
    await db.execute(ADD_AUTHOR, ANN)
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM authors")
    assert await db.fetch_value(COUNT) == 0


async def test_a_task_begun_in_a_block_may_write_after_it(db: Database) -> None:
    over = asyncio.Event()

    async def later() -> int:
        await over.wait()
        return await db.execute(ADD_AUTHOR, ANN)

    async with db.transaction():
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    over.set()
    assert await task == 1


async def test_a_block_may_read_beside_its_transaction(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(ADD_AUTHOR, ANN)
        assert await db.fetch_value(COUNT) == 0


async def test_a_transaction_that_takes_too_long_is_rolled_back(db: Database) -> None:
    async def go_on() -> None:
        async with db.transaction(timeout_s=0.05) as tx:
            await tx.execute(ADD_AUTHOR, ANN)
            while True:
                await tx.fetch_value("SELECT 1")

    with pytest.raises(TransactionTimeout, match=r"longer than 0\.05 s"):
        await go_on()
    assert await db.fetch_value(COUNT) == 0
    assert await db.execute(ADD_AUTHOR, ANN) == 1


async def test_a_block_that_ignores_its_time_limit_is_told_at_its_end(db: Database) -> None:
    async def ignore() -> None:
        async with db.transaction(timeout_s=0.05) as tx:
            await tx.execute(ADD_AUTHOR, ANN)
            with contextlib.suppress(TransactionTimeout):
                while True:
                    await tx.fetch_value("SELECT 1")

    with pytest.raises(TransactionTimeout):
        await ignore()
    assert await db.fetch_value(COUNT) == 0


async def test_one_transactions_statements_may_be_gathered(db: Database) -> None:
    async with db.transaction() as tx:
        counts = await asyncio.gather(
            *(tx.execute(ADD_AUTHOR, {"id": i, "name": str(i)}) for i in range(20)),
            tx.fetch_value(COUNT),
        )
    assert counts == [1] * 20 + [20]
    assert await db.fetch_value(COUNT) == 20


async def test_a_transaction_is_of_no_use_after_its_end(db: Database) -> None:
    async with db.transaction() as tx:
        pass
    with pytest.raises(DatabaseClosed, match="the transaction has ended"):
        await tx.execute(ADD_AUTHOR, ANN)
    with contextlib.suppress(LookupError):
        async with db.transaction() as tx:
            raise LookupError
    with pytest.raises(DatabaseClosed, match="the transaction has ended"):
        await tx.fetch_value(COUNT)
    assert await db.fetch_value(COUNT) == 0


async def test_transactions_and_writes_follow_one_another(db: Database) -> None:
    await db.execute(ADD_AUTHOR, {"id": 1, "name": "0"})

    async def add_one() -> None:
        async with db.transaction() as tx:
            number = int(await tx.fetch_value("SELECT name FROM authors"))
            await tx.execute("UPDATE authors SET name = :name", {"name": str(number + 1)})

    async def append() -> None:
        await db.execute("UPDATE authors SET name = CAST(name AS INTEGER) + 1")

    await asyncio.gather(*(work() for _ in range(10) for work in (add_one, append, append)))
    assert await db.fetch_value("SELECT name FROM authors") == "30"


async def test_a_write_that_was_answered_is_read(db: Database) -> None:
    async def write_and_read(i: int) -> None:
        await db.execute(ADD_AUTHOR, {"id": i, "name": str(i)})
        assert await db.fetch_value("SELECT id FROM authors WHERE id = :id", {"id": i}) == i

    await asyncio.gather(*(write_and_read(i) for i in range(100)))


# The version


async def test_the_version_is_another_after_each_commit_and_only_then(db: Database) -> None:
    seen = {await db.version()}
    for i in range(20):
        await db.execute(ADD_AUTHOR, {"id": i, "name": str(i)})
        number = await db.version()
        assert number not in seen
        seen.add(number)
    for _ in range(20):  # each reader looks at least once, which may still count as a change
        number = await db.version()
    numbers = await asyncio.gather(*(db.version() for _ in range(50)))
    assert set(numbers) == {number}


async def test_a_rolled_back_transaction_makes_no_version(db: Database) -> None:
    for _ in range(10):
        before = await db.version()
    with pytest.raises(LookupError):
        await add_then(db, fail)
    assert await db.version() == before


async def test_each_commit_is_told_of_before_its_writer_goes_on(db: Database) -> None:
    told = []
    with db.on_commit(lambda: told.append(1)):
        await db.execute(ADD_AUTHOR, BEA)
        assert told
        told.clear()
        async with db.transaction() as tx:
            await tx.execute(ADD_AUTHOR, {"id": 3, "name": "Cem"})
            assert not told
        assert told
        told.clear()
        await db.fetch_value(COUNT)
        with pytest.raises(LookupError):
            await add_then(db, fail)
        assert not told
    await db.execute("DELETE FROM authors")
    assert not told


async def test_every_error_is_a_database_error(db: Database) -> None:
    with pytest.raises(DatabaseError):
        await db.execute("SELEC 1")
