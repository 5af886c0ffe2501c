"""Versions: nobody is sent what he has, nobody overwrites what he has not seen."""

from __future__ import annotations

import asyncio

import pytest

from .conftest import ENTRIES, ENTRY, FILES, STUDENT, STUDENTS, Program, Reply
from .tools import upload


async def added_to(program: Program, path: str) -> Reply:
    """Add one of what a path has."""
    if path == FILES:
        return await upload(program)
    return await program.added(path, ENTRY if path == ENTRIES else STUDENT)


ALL = pytest.mark.parametrize("path", [ENTRIES, STUDENTS, FILES])
CHANGEABLE = pytest.mark.parametrize(("path", "body"), [(ENTRIES, ENTRY), (STUDENTS, STUDENT)])


@ALL
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{}", 304),
        ("W/{}", 304),
        ('"x", {}', 304),
        ('"x",{},"y"', 304),
        ("*", 304),
        ('"x"', 200),
        ('W/"x"', 200),
        ("", 200),
        (",", 200),
        ('"', 200),
        ("x" * 5000, 200),
        ('"x",' * 2000, 200),
    ],
)
async def test_what_the_client_has_is_not_sent_again(
    alice_program: Program, nobody: Program, path: str, header: str, status: int
) -> None:
    added = await added_to(alice_program, path)
    reply = await nobody.get(added.location, {"If-None-Match": header.format(added.etag)})
    assert (reply.status, reply.etag) == (status, added.etag)
    if status == 304:
        assert reply.body == b""
        assert "Content-Type" not in reply.headers
        assert "Authorization" in reply.headers["Vary"]


@ALL
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 428),
        ("", 428),
        (",", 428),
        ("*", 428),
        ("W/{}", 412),
        ("1", 412),
        ('"x"', 412),
        ('"x", "y"', 412),
        ('"', 428),
        ("{}x", 428),
        ('"x",' * 2000, 412),
        ("\\", 412),
    ],
)
async def test_who_has_not_seen_a_version_does_not_change_it(
    alice_program: Program, path: str, header: str | None, status: int
) -> None:
    added = await added_to(alice_program, path)
    match = {} if header is None else {"If-Match": header.format(added.etag)}
    (await alice_program.delete(added.location, match)).problem(status)
    if path != FILES:
        body = ENTRY if path == ENTRIES else STUDENT
        (await alice_program.put(added.location, body, match)).problem(status)
    found = await alice_program.get(added.location)
    assert (found.status, found.etag) == (200, added.etag)


@ALL
@pytest.mark.parametrize("header", ["{}", '"x", {}', '{},W/"x"'])
async def test_who_has_seen_it_removes_it(alice_program: Program, path: str, header: str) -> None:
    added = await added_to(alice_program, path)
    match = {"If-Match": header.format(added.etag)}
    assert (await alice_program.delete(added.location, match)).status == 204


@CHANGEABLE
async def test_a_version_that_was_changed_is_neither_changed_nor_removed(
    alice_program: Program, path: str, body: dict[str, str]
) -> None:
    added = await alice_program.added(path, body)
    first = {"If-Match": added.etag}
    changed = await alice_program.put(added.location, body, first)
    assert changed.status == 200
    (await alice_program.put(added.location, body, first)).problem(412)
    (await alice_program.delete(added.location, first)).problem(412)
    assert (await alice_program.get(added.location)).etag == changed.etag
    stale = await alice_program.get(added.location, {"If-None-Match": added.etag})
    assert stale.status == 200


@CHANGEABLE
async def test_of_changes_at_the_same_time_one_is_made(
    alice_program: Program, path: str, body: dict[str, str]
) -> None:
    added = await alice_program.added(path, body)
    name = next(iter(body))
    replies = await asyncio.gather(
        *(
            alice_program.put(
                added.location, {**body, name: f"Number {number}"}, {"If-Match": added.etag}
            )
            for number in range(8)
        )
    )
    assert sorted(reply.status for reply in replies) == [200] + [412] * 7
    (made,) = [reply for reply in replies if reply.status == 200]
    assert (await alice_program.get(added.location)).json == made.json


async def test_who_may_is_asked_before_which_version(
    alice_program: Program, mallory_program: Program
) -> None:
    added = await alice_program.added()
    (await mallory_program.delete(added.location)).problem(403)
    (await mallory_program.delete(f"{ENTRIES}/999")).problem(404)


async def test_the_content_of_a_file_has_a_version_too(
    alice_program: Program, nobody: Program
) -> None:
    content = (await upload(alice_program)).json["content"]
    etag = (await nobody.get(content)).etag
    for header in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        reply = await nobody.get(content, {"If-None-Match": header})
        assert (reply.status, reply.body) == (304, b"")
    assert (await nobody.get(content, {"If-Match": etag})).status == 200
    (await nobody.get(content, {"If-Match": '"x"'})).problem(412)
