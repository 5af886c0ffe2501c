"""The files, for programs: each operation, and who may do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from quart.datastructures import FileStorage

from qapp.config import Settings
from tests.conftest import Dump, Serve, Visitor
from tests.files.tools import picture, uploaded

from .conftest import FILES, Program, token_of
from .tools import TEXT, part, stored, upload


async def test_a_file_is_kept_as_it_was_sent(
    alice_program: Program, nobody: Program, settings: Settings
) -> None:
    added = await upload(alice_program)
    assert added.status == 201
    assert added.location == f"{FILES}/{added.json['id']}"
    found = await nobody.get(added.location)
    assert (found.status, found.json, found.etag) == (200, added.json, added.etag)
    assert found.json == {
        "id": added.json["id"],
        "name": "greetings.txt",
        "media_type": "text/plain",
        "size_bytes": len(TEXT),
        "owner": "alice",
        "created_at": found.json["created_at"],
        "content": f"{added.location}/content",
    }
    content = await nobody.get(found.json["content"])
    assert (content.status, content.body) == (200, TEXT)
    assert content.headers["Content-Disposition"].startswith("attachment")
    assert content.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in content.headers["Content-Security-Policy"]
    assert [path.read_bytes() for path in stored(settings)] == [TEXT]


async def test_a_part_of_a_file_is_sent(alice_program: Program, nobody: Program) -> None:
    content = (await upload(alice_program)).json["content"]
    middle = await nobody.get(content, {"Range": "bytes=2-5"})
    assert (middle.status, middle.body) == (206, TEXT[2:6])
    beyond = await nobody.get(content, {"Range": "bytes=1000-"})
    beyond.problem(416)
    assert beyond.headers["Content-Range"] == f"bytes */{len(TEXT)}"
    whole = await nobody.get(content)
    (await nobody.get(content, {"If-Match": '"another"'})).problem(412)
    unchanged = await nobody.get(content, {"If-None-Match": whole.etag})
    assert (unchanged.status, unchanged.body) == (304, b"")


async def test_the_list_has_visitors_files_too(
    alice_program: Program, visitor: Visitor, nobody: Program
) -> None:
    await uploaded(visitor, TEXT, "visitors.txt")
    await upload(alice_program, picture(), "tea.png")
    first = await nobody.get(f"{FILES}?limit=1")
    second = await nobody.get(first.json["next"])
    (mine,), (visitors,) = first.json["items"], second.json["items"]
    assert (mine["name"], mine["media_type"], mine["owner"]) == ("tea.png", "image/png", "alice")
    assert (visitors["name"], visitors["owner"]) == ("visitors.txt", None)
    assert second.json["next"] is None


async def test_the_owner_removes_a_file(alice_program: Program, settings: Settings) -> None:
    added = await upload(alice_program)
    removed = await alice_program.delete(added.location, {"If-Match": added.etag})
    assert (removed.status, removed.body) == (204, b"")
    assert stored(settings) == []
    for path in (added.location, added.json["content"]):
        (await alice_program.get(path)).problem(404)
    (await alice_program.delete(added.location, {"If-Match": added.etag})).problem(404)


async def test_a_file_is_its_owners(
    alice_program: Program, bob_program: Program, reader: Program, nobody: Program, visitor: Visitor
) -> None:
    mine = await upload(alice_program)
    visitors = await nobody.get(f"{FILES}/{await uploaded(visitor, TEXT, 'visitors.txt')}")
    for program, status in ((bob_program, 403), (reader, 403), (nobody, 401)):
        for file in (mine, visitors):
            path = f"{FILES}/{file.json['id']}"
            (await program.delete(path, {"If-Match": file.etag})).problem(status)
    for program, status in ((reader, 403), (nobody, 401)):
        (await upload(program)).problem(status)
    assert (await nobody.get(f"{FILES}/{visitors.json['id']}")).status == 200


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (TEXT, "x.svg", "We take files of these types"),
        (TEXT, "x", "We take files of these types"),
        (TEXT, "x.png", "no PNG picture"),
        (b"\0", "x.txt", "no text"),
        (b"\xff", "x.md", "UTF-8"),
    ],
)
async def test_what_is_not_taken_is_said_and_nothing_is_kept(
    alice_program: Program, settings: Settings, data: bytes, name: str, said: str
) -> None:
    refused = await upload(alice_program, data, name)
    assert refused.fields == ["/file"]
    assert said in refused.json["detail"]
    assert stored(settings) == []
    assert (await alice_program.get(FILES)).json["items"] == []


@pytest.mark.parametrize(
    ("form", "files", "fields"),
    [
        ({}, {}, ["/file"]),
        ({"file": "text"}, {}, ["/file"]),
        ({"name": "x"}, part(), ["/name"]),
        ({}, {**part(), "file2": part()["file"]}, ["/file2"]),
        ({"file": "text"}, {"file2": part()["file"]}, ["/file", "/file2"]),
    ],
)
async def test_a_form_has_one_file_and_nothing_else(
    alice_program: Program,
    settings: Settings,
    form: dict[str, str],
    files: dict[str, FileStorage],
    fields: list[str],
) -> None:
    refused = await alice_program.post(FILES, form=form, files=files)
    assert refused.fields == fields
    assert "FileStorage" not in refused.body.decode()
    assert stored(settings) == []


async def test_two_files_in_one_field_are_refused(
    alice_program: Program, settings: Settings
) -> None:
    one = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ntea\r\n'
    refused = await alice_program.send(
        "POST", FILES, one + one + b"--x--\r\n", "multipart/form-data; boundary=x"
    )
    assert refused.fields == ["/file"]
    assert "FileStorage" not in refused.body.decode()
    assert stored(settings) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"file=x", "application/x-www-form-urlencoded", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=x", 400),
        (b"--x\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x", 400),
        (b"--x\r\nContent-Disposition: form-data; name=", "multipart/form-data; boundary=x", 400),
        (b"", None, 415),
    ],
)
async def test_what_is_no_form_is_refused(
    alice_program: Program, settings: Settings, body: bytes, kind: str | None, status: int
) -> None:
    (await alice_program.send("POST", FILES, body, kind)).problem(status)
    assert stored(settings) == []


async def test_bytes_that_are_no_utf_8_in_the_names_of_a_form_are_no_error(
    alice_program: Program, settings: Settings
) -> None:
    for name in (b"\xff", b"\xed\xa0\x80", b"a\0b", b"\r", b"%ED%A0%80"):
        for head in (b'name="' + name + b'"', b'name="file"; filename="' + name + b'.txt"'):
            refused = await alice_program.send(
                "POST",
                FILES,
                b"--x\r\nContent-Disposition: form-data; " + head + b"\r\n\r\ntea\r\n--x--\r\n",
                "multipart/form-data; boundary=x",
            )
            assert refused.status in (201, 400, 422), name


async def test_a_file_that_is_too_large_is_refused(serve: Serve, settings: Settings) -> None:
    app = await serve(UPLOAD_MAX_LENGTH=4096, UPLOAD_QUOTA=6000)
    assert (await Visitor(app).register("alice")).status_code == 302
    program = Program(app, (await token_of(app, "alice")).text)
    (await upload(program, b"x" * 5000)).problem(413)
    assert (await upload(program, b"x" * 3500)).status == 201
    full = await upload(program, b"x" * 3500)
    assert full.fields == ["/file"]
    assert "room" in full.json["detail"]
    assert len(stored(settings)) == 1


async def test_a_file_that_is_gone_from_the_disk_is_not_found(
    alice_program: Program, settings: Settings, dump: Callable[[], Dump]
) -> None:
    added = await upload(alice_program)
    for path in stored(settings):
        path.unlink()
    (await alice_program.get(added.json["content"])).problem(404)
    assert len(dump()["files"]) == 1
