"""What is read from a statement's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qapp.ext.database import SQLError
from qapp.ext.database.driver import sqlite
from qapp.ext.database.sql import is_pragma, is_write, parameters


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1", set()),
        ("", set()),
        ("SELECT :a, :b_2, :a", {"a", "b_2"}),
        ("SELECT :a::int, ':b'::text", {"a"}),
        ("SELECT x::int", set()),
        ("SELECT 'it''s :a', :b", {"b"}),
        ('SELECT "a "" :a", :b', {"b"}),
        ("SELECT 1 -- :a\n, :b", {"b"}),
        ("SELECT 1 -- it's :a", set()),
        ("SELECT /* :a ' */ :b /* \n :c */", {"b"}),
        ("SELECT 'a' ':b'", set()),
        ("SELECT '12:30', t.a->>'$.b:c', :d", {"d"}),
        ("SELECT a[1:2]", set()),
        ("SELECT :größe, :_a", {"größe", "_a"}),
        ("SELECT 'a\n:b'\n, :c", {"c"}),
        ("SELECT (:a),:b;", {"a", "b"}),
    ],
)
def test_parameters_are_the_names_outside_strings_and_comments(sql: str, names: set[str]) -> None:
    assert parameters(sql) == names


@pytest.mark.parametrize("sql", ["SELECT '\0'", "SELECT 1\0", "SELECT '\ud800'"], ids=ascii)
def test_text_that_cannot_be_sent_is_an_sql_error(sql: str) -> None:
    with pytest.raises(SQLError):
        parameters(sql)


@pytest.mark.parametrize(
    "sql",
    ["BEGIN", "Begin Immediate", "COMMIT", "END", "-- x\nROLLBACK", "SAVEPOINT a", "RELEASE a"],
)
def test_control_of_the_transaction_is_an_sql_error(sql: str) -> None:
    with pytest.raises(SQLError, match="transaction"):
        parameters(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1)",
        "insert into t select 1",
        "UPDATE t SET a = 1",
        "Delete FROM t",
        "REPLACE INTO t VALUES (1)",
        "CREATE TABLE t (a)",
        "DROP TABLE t",
        "-- SELECT\nINSERT INTO t VALUES (1)",
        "/* SELECT */ DELETE FROM t",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "with recursive a(b) as (select 1) update t set a = 1",
        "WITH a AS (SELECT 1), b AS (SELECT 2) DELETE FROM t",
        "WITH a AS (VALUES (1)) REPLACE INTO t SELECT * FROM a",
        "WITH a AS (SELECT ')') DELETE FROM t",
        'WITH "select" AS (SELECT 1) DELETE FROM t',
        "INSERT INTO t VALUES (1) RETURNING (SELECT 1)",
        "ANALYZE",
        "",
    ],
)
def test_a_write_is_told(sql: str) -> None:
    assert is_write(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  select 'INSERT'",
        '-- DELETE\nSELECT "UPDATE"',
        "/* INSERT */ VALUES (1)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "WITH a AS (SELECT replace(b, 'x', 'y') FROM c) SELECT * FROM a",
        "WITH a AS (SELECT ')'), b AS (SELECT ';') SELECT 1",
        "WITH a AS (SELECT 1 /* ) DELETE */) SELECT replace(1, 2, 3) FROM a",
        "WITH a AS (VALUES (1)) VALUES (2)",
        "EXPLAIN DELETE FROM t",
        "EXPLAIN QUERY PLAN UPDATE t SET a = 1",
        "PRAGMA table_info(t)",
    ],
)
def test_a_read_is_told(sql: str) -> None:
    assert not is_write(sql)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("PRAGMA data_version", True),
        ("-- SELECT\npragma table_info(t)", True),
        ("SELECT 'PRAGMA'", False),
        ("/* PRAGMA */ SELECT 1", False),
        ("", False),
    ],
)
def test_a_pragma_is_told(sql: str, *, expected: bool) -> None:
    assert is_pragma(sql) == expected


PIECES = st.sampled_from(
    ["'", '"', "''", "--", "\n", "/*", "*/", ":a", ":b", "::", " ", "(", ")", "SELECT", "x", "1"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_every_name_that_sqlite_binds_is_found(tail: str) -> None:
    """Whatever SQLite takes for a parameter in a text that it understands is one here too."""
    sql = f"SELECT 1 {tail}"
    connection = sqlite.connect(":memory:")
    try:
        connection.execute(sql, dict.fromkeys(parameters(sql), 1)).fetchall()
    except sqlite.ProgrammingError as error:
        assert "did not supply a value" not in str(error)  # noqa: PT017 - others are fine
    except (sqlite.Error, sqlite.Warning):
        pass  # not SQL
    finally:
        connection.close()
