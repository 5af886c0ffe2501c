"""`qapp token`: tokens made, listed and revoked by who runs the site."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from qapp.accounts import tokens
from tests.conftest import PASSWORD, Serve, Visitor
from tests.test_cli import instance, is_one_line, rows_of, run

__all__ = ["instance"]  # a fixture

TOKEN = re.compile(r"qapp_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def alice(instance: Path) -> None:
    """A user."""
    assert run("user", "add", "alice", stdin=PASSWORD).exit_code == 0


def add(user: str = "alice", *, name: str = "phone", scope: str = "read", days: str = "") -> str:
    """Make a token and return what is printed."""
    options = ["--days", days] if days else []
    result = run("token", "add", user, "--name", name, "--scope", scope, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


async def test_the_token_alone_is_printed_and_opens_the_api(serve: Serve, instance: Path) -> None:
    site = await serve()
    await Visitor(site).register("alice")
    printed = await asyncio.to_thread(add, "ALICE", scope="write", days="3")
    assert TOKEN.fullmatch(printed)
    headers = {"Authorization": f"Bearer {printed.strip()}"}
    answer = await (await Visitor(site).get("/api/v1/me", headers=headers)).get_json()
    assert (answer["username"], answer["scope"]) == ("alice", "write")


@pytest.mark.usefixtures("alice")
def test_only_a_hash_of_it_is_stored(instance: Path) -> None:
    secret = add().strip().split("_", 2)[2]
    (row,) = rows_of(instance, "SELECT * FROM api_tokens")
    assert secret not in str(row)


@pytest.mark.usefixtures("alice")
def test_they_are_listed_by_name_with_all_but_the_secret(instance: Path) -> None:
    begins = [add(name="tablet", scope="write")[:17], add(name=" a phone ", days="3")[:17]]
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    lines = run("token", "list", "alice").stdout.splitlines()
    assert re.fullmatch(rf"a phone\t{begins[1]}\tread\t{time}\tnever used\t{time}", lines[0])
    assert re.fullmatch(rf"tablet\t{begins[0]}\twrite\t{time}\tnever used\tuntil revoked", lines[1])
    assert len(lines) == 2


@pytest.mark.usefixtures("alice")
def test_a_revoked_one_is_gone_and_its_name_is_free(instance: Path) -> None:
    add(name="phone")
    add(name="tablet")
    result = run("token", "revoke", "alice", "phone")
    assert (result.exit_code, result.output) == (0, "")
    assert rows_of(instance, "SELECT name FROM api_tokens") == [("tablet",)]
    add(name="phone")


@pytest.mark.usefixtures("alice")
def test_each_user_has_his_own(instance: Path) -> None:
    run("user", "add", "bob", stdin=PASSWORD)
    add("alice")
    add("bob")
    assert len(run("token", "list", "bob").stdout.splitlines()) == 1
    run("token", "revoke", "bob", "phone")
    assert len(run("token", "list", "alice").stdout.splitlines()) == 1


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb", "a\tb", "\udcff"])
def test_a_bad_name_is_refused(instance: Path, name: str) -> None:
    result = run("token", "add", "alice", "--name", name, "--scope", "read")
    assert is_one_line(result)
    assert "1 to 60 characters" in result.stderr


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("options", [["--scope", "all"], ["--days", "0"], ["--days", "3651"], []])
def test_a_wrong_use_shows_the_right_one(instance: Path, options: list[str]) -> None:
    result = run("token", "add", "alice", "--name", "phone", *options)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


@pytest.mark.usefixtures("alice")
def test_a_taken_name_and_one_too_many_are_refused(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    result = run("token", "add", "alice", "--name", "phone", "--scope", "write")
    assert is_one_line(result)
    assert "alice has a token “phone” already." in result.stderr
    monkeypatch.setattr(tokens.service, "MOST_TOKENS", 1)
    result = run("token", "add", "alice", "--name", "tablet", "--scope", "write")
    assert is_one_line(result)
    assert "as many as one may have" in result.stderr


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    "command",
    [["add", "--name", "phone", "--scope", "read"], ["list"], ["revoke", "phone"]],
    ids=lambda command: command[0],
)
def test_an_unknown_user_is_refused(instance: Path, command: list[str]) -> None:
    result = run("token", command[0], "nobody", *command[1:])
    assert is_one_line(result)
    assert "There is no user nobody." in result.stderr


@pytest.mark.usefixtures("alice")
def test_what_is_not_there_can_not_be_revoked(instance: Path) -> None:
    result = run("token", "revoke", "alice", "phone")
    assert is_one_line(result)
    assert "alice has no token “phone”." in result.stderr
