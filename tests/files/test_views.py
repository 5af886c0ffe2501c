"""Uploading, listing, downloading and deleting files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from quart import Quart

from qapp.config import Settings
from qapp.ext.database.contract import Statement
from qapp.ext.storage import part as storage_part
from qapp.files.content import EXTENSIONS, LONGEST_NAME
from qapp.web.errors import WORDS
from tests.conftest import Clock, Dump, Page, Serve, Visitor

from .tools import picture, png_that_says, upload, uploaded

TEXT = "Grüße aus Zürich\n".encode()


@pytest.fixture
def stored(settings: Settings) -> Callable[[], list[Path]]:
    """Read which files are kept, and what lies in the folders where they arrive."""
    folder = Path(str(settings.INSTANCE_PATH)) / "files"

    def read() -> list[Path]:
        return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]

    return read


async def test_the_page_has_the_form_and_says_what_is_taken(visitor: Visitor) -> None:
    text = await visitor.text("/upload")
    assert 'type="file"' in text
    assert 'enctype="multipart/form-data"' in text
    assert "25.0 MiB" in text
    assert all(extension in text for extension in EXTENSIONS)


@pytest.mark.parametrize("path", ["/uploader", "/upload"])
async def test_a_file_is_kept_as_it_was_sent(
    alice: Visitor, visitor: Visitor, stored: Callable[[], list[Path]], path: str
) -> None:
    response = await upload(alice, TEXT, "greetings.txt", path=path)
    assert response.status_code == 200
    assert "file uploaded successfully" in await response.get_data(as_text=True)
    assert [file.read_bytes() for file in stored()] == [TEXT]
    download = await visitor.get("/files/1")
    assert await download.get_data(as_text=False) == TEXT
    assert download.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert download.headers["Content-Disposition"].startswith(
        'attachment; filename="greetings.txt"'
    )
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in download.headers["Content-Security-Policy"]


async def test_two_files_of_one_name_both_survive(alice: Visitor) -> None:
    first = await uploaded(alice, b"one", "a.txt")
    second = await uploaded(alice, b"two", "a.txt")
    for file_id, data in ((first, b"one"), (second, b"two")):
        assert await (await alice.get(f"/files/{file_id}")).get_data(as_text=False) == data


@pytest.mark.parametrize(
    ("name", "kept_as"),
    [
        ("../../x.txt", "x.txt"),
        ("..\\..\\x.txt", "x.txt"),
        ("C:\\Temp\\x.txt", "C Tempx.txt"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("CON.txt", "_CON.txt"),
        ("con.tar.txt", "_con.tar.txt"),
        ("COM¹.txt", "_COM¹.txt"),
        ("lpt³.tar.txt", "_lpt³.tar.txt"),
        ("CONIN$.txt", "_CONIN$.txt"),
        ("conout$.txt", "_conout$.txt"),
        ("COM⁴.txt", "COM⁴.txt"),
        ("a\0b.txt", "ab.txt"),
        ("a\0b.exe\0.txt", "ab.exe.txt"),
        (".txt", "file.txt"),
        ("....txt", "file.txt"),
        ("a\u202etxt.exe.txt", "atxt.exe.txt"),
        ("<script>alert(1)<.txt", "script alert(1).txt"),
        ("déjà vu.TXT", "déjà vu.txt"),
        ("x" * 300 + ".txt", "x" * (LONGEST_NAME - 4) + ".txt"),
        ("  spaces  .txt", "spaces.txt"),
        ("日本語.txt", "日本語.txt"),
        ("' OR 1=1;--.txt", "' OR 1=1;--.txt"),
        ("a%0d%0aX-Evil: 1.txt", "a_0d_0aX-Evil 1.txt".replace("_", "%")),
    ],
)
async def test_a_hostile_name_is_only_shown_and_harmless(
    alice: Visitor,
    pages: list[Page],
    settings: Settings,
    stored: Callable[[], list[Path]],
    name: str,
    kept_as: str,
) -> None:
    await uploaded(alice, TEXT, name)
    await alice.get("/files")
    assert [file.name for file in pages[-1].context["files"]] == [kept_as]
    (path,) = stored()
    assert re.fullmatch(r"[0-9a-f]{32}", path.name)
    assert path.parent.parent == Path(str(settings.INSTANCE_PATH)) / "files"
    disposition = (await alice.get("/files/1")).headers["Content-Disposition"]
    assert unquote(disposition.partition("filename*=UTF-8''")[2]) == kept_as
    assert disposition.isascii()


async def test_the_list_escapes_names(alice: Visitor) -> None:
    await uploaded(alice, TEXT, "&amp;'x' onerror=alert(1).txt")
    assert "&amp;amp;&#39;x&#39; onerror" in await alice.text("/files")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (None, b"", "Choose a file."),
        ("", b"some", "Choose a file."),
        ("...", TEXT, "We take files of these types"),
        ("x", TEXT, "We take files of these types"),
        ("txt", TEXT, "We take files of these types"),
        ("x.svg", b"<svg><script>alert(1)</script></svg>", "We take files of these types"),
        ("x.html", b"<script>", "We take files of these types"),
        ("x.txt.exe", TEXT, "We take files of these types"),
        ("x.gif", b"GIF89a<script>alert(1)</script>", "This is no GIF picture"),
        ("x.png", b"<?php", "This is no PNG picture"),
        ("x.png", picture("JPEG"), "This is no PNG picture"),
        ("x.png", picture("PNG")[:-30], "This is no PNG picture"),
        ("x.jpg", picture("JPEG")[:400], "This is no JPEG picture"),
        ("x.png", b"", "This is no PNG picture"),
        ("x.png", png_that_says(50_000, 50_000), "The picture is too large"),
        ("x.png", png_that_says(10_000, 10_000), "The picture is too large"),
        ("x.png", png_that_says(4_001, 4_000), "The picture is too large"),
        ("x.png", png_that_says(0, 0), "This is no PNG picture"),
        ("x.pdf", TEXT, "This is no PDF file"),
        ("x.txt", b"MZ\0\0", "This is no text"),
        ("x.csv", "Zürich".encode("latin-1"), "not encoded in UTF-8"),
        ("x.md", b"\xff\xfeA\0", "not encoded in UTF-8"),
        ("x.txt", "ü".encode()[:1], "not encoded in UTF-8"),
    ],
)
async def test_what_is_not_taken_is_said_and_nothing_is_kept(
    alice: Visitor,
    pages: list[Page],
    dump: Callable[[], Dump],
    stored: Callable[[], list[Path]],
    name: str | None,
    data: bytes,
    message: str,
) -> None:
    response = await upload(alice, data, name)
    assert response.status_code == 422
    assert message in " ".join(pages[-1].context["form"].file.errors)
    assert message in await response.get_data(as_text=True)
    assert dump()["files"] == []
    assert stored() == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_picture_gets_a_thumbnail(alice: Visitor, kind: str) -> None:
    file_id = await uploaded(alice, picture(kind, (1000, 500)), f"x.{kind.lower()}")
    response = await alice.get(f"/files/{file_id}/thumbnail")
    assert response.headers["Content-Type"] == "image/webp"
    assert "immutable" in response.headers["Cache-Control"]
    assert (await response.get_data(as_text=False))[8:12] == b"WEBP"
    assert f'src="/files/{file_id}/thumbnail"' in await alice.text("/files")


async def test_what_is_no_picture_has_none(alice: Visitor) -> None:
    file_id = await uploaded(alice, TEXT, "x.txt")
    assert (await alice.get(f"/files/{file_id}/thumbnail")).status_code == 404
    assert "<img" not in await alice.text("/files")


async def test_a_form_without_the_field_is_refused(alice: Visitor) -> None:
    response = await alice.post("/uploader", {})
    assert response.status_code == 422


@pytest.mark.parametrize("token", [None, "", "forged", "x" * 5000])
async def test_without_a_good_token_nothing_is_kept(
    alice: Visitor, dump: Callable[[], Dump], stored: Callable[[], list[Path]], token: str | None
) -> None:
    fields = [] if token is None else [("csrf_token", token)]
    body = b"".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    )
    body += (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        b"text\r\n--B--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    response = await alice.open("/uploader", "POST", data=body, headers=headers)
    assert response.status_code == 400
    assert dump()["files"] == []
    assert stored() == []


async def test_the_token_may_come_in_a_header(alice: Visitor) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        b"text\r\n--B--\r\n"
    )
    headers = {
        "Content-Type": "multipart/form-data; boundary=B",
        "X-CSRFToken": await alice.token(),
    }
    response = await alice.open("/uploader", "POST", data=body, headers=headers)
    assert response.status_code == 200


async def test_one_that_is_too_large_is_told_so_and_nothing_is_kept(
    serve: Serve, dump: Callable[[], Dump], stored: Callable[[], list[Path]]
) -> None:
    visitor = Visitor(await serve(UPLOAD_MAX_LENGTH=3000, MAX_CONTENT_LENGTH=1024))
    assert (await upload(visitor, b"x" * 2000, "a.txt")).status_code == 200
    before = dump()["files"]
    response = await upload(visitor, b"x" * 3000, "a.txt")
    assert response.status_code == 413
    assert WORDS[413].sentence in await response.get_data(as_text=True)
    assert dump()["files"] == before
    assert len(stored()) == 1


async def test_a_user_keeps_no_more_than_the_quota(
    serve: Serve, dump: Callable[[], Dump], stored: Callable[[], list[Path]]
) -> None:
    app = await serve(UPLOAD_QUOTA=3000)
    alice, visitor = Visitor(app), Visitor(app)
    await alice.register("alice")
    file_id = await uploaded(alice, b"x" * 2000, "a.txt")
    response = await upload(alice, b"x" * 1001, "a.txt")
    assert response.status_code == 422
    assert "You have no room left" in await response.get_data(as_text=True)
    assert len(dump()["files"]) == len(stored()) == 1
    assert "used 2.0 KiB of 2.9 KiB" in await alice.text("/upload")
    await uploaded(visitor, b"x" * 3000, "a.txt")  # a room of their own
    assert (await upload(visitor, b"x", "a.txt")).status_code == 422
    await alice.post(f"/files/{file_id}/delete")
    await uploaded(alice, b"x" * 3000, "a.txt")


async def test_nor_by_uploading_at_once(
    serve: Serve, dump: Callable[[], Dump], stored: Callable[[], list[Path]]
) -> None:
    alice = Visitor(await serve(UPLOAD_QUOTA=3000))
    await alice.register("alice")
    responses = await asyncio.gather(*(upload(alice, b"x" * 1000, "a.txt") for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [200] * 3 + [422] * 7
    assert len(dump()["files"]) == len(stored()) == 3


async def test_what_visitors_upload_goes_after_a_day(
    clock: Clock, alice: Visitor, visitor: Visitor, stored: Callable[[], list[Path]]
) -> None:
    old = await uploaded(visitor, b"old", "old.txt")
    mine = await uploaded(alice, b"mine", "mine.txt")
    clock.pass_s(24 * 3600 - 1)
    young = await uploaded(visitor, b"young", "young.txt")
    assert (await visitor.get(f"/files/{old}")).status_code == 200
    clock.pass_s(2)
    assert (await visitor.get(f"/files/{old}")).status_code == 404
    assert "old.txt" not in await visitor.text("/files")
    assert len(stored()) == 3
    await uploaded(visitor, b"new", "new.txt")
    assert (await visitor.get(f"/files/{old}")).status_code == 404
    for file_id in (mine, young):
        assert (await visitor.get(f"/files/{file_id}")).status_code == 200
    assert len(stored()) == 3


async def test_what_is_gone_takes_no_visitors_room(
    serve: Serve, clock: Clock, pages: list[Page], stored: Callable[[], list[Path]]
) -> None:
    """Also where there is more of it than one upload removes from the disk."""
    visitor = Visitor(await serve(UPLOAD_QUOTA=2500))
    for _ in range(25):
        await uploaded(visitor, b"x" * 100, "a.txt")
    assert (await upload(visitor, b"x", "a.txt")).status_code == 422
    clock.pass_s(24 * 3600 + 1)
    await visitor.get("/upload")
    assert pages[-1].context["used_bytes"] == 0
    await uploaded(visitor, b"x" * 2500, "a.txt")
    assert len(stored()) == 6
    assert (await upload(visitor, b"x", "a.txt")).status_code == 422
    assert len(stored()) == 1


async def test_what_is_gone_is_removed_by_two_statements(
    clock: Clock, alice: Visitor, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await uploaded(visitor, TEXT, "a.txt")
    clock.pass_s(24 * 3600 + 1)
    engine = alice.app.extensions["database"]
    asked: list[str] = []
    real_run = engine.run

    async def run(statement: Statement) -> object:
        asked.append(statement.sql)
        return await real_run(statement)

    monkeypatch.setattr(engine, "run", run)
    await uploaded(visitor, TEXT, "a.txt")
    about_files = [sql.split()[0] for sql in asked if "files" in sql]
    assert about_files == ["SELECT", "DELETE", "INSERT", "SELECT"]


async def test_uploads_are_limited_by_address_before_they_are_read(
    serve: Serve, stored: Callable[[], list[Path]]
) -> None:
    visitor = Visitor(await serve(RATE_LIMITS={"upload": (2, 3600)}))
    for status in (200, 200, 429):
        response = await upload(visitor, TEXT, "a.txt")
        assert response.status_code == status
    assert int(response.headers["Retry-After"]) > 0
    assert len(stored()) == 2


async def test_only_the_owner_deletes(
    alice: Visitor,
    mallory: Visitor,
    visitor: Visitor,
    stored: Callable[[], list[Path]],
) -> None:
    file_id = await uploaded(alice, TEXT, "a.txt")
    assert (await visitor.post(f"/files/{file_id}/delete")).status_code == 401
    assert (await mallory.post(f"/files/{file_id}/delete")).status_code == 403
    assert "Delete" not in re.sub("<span.*?</span>", "", await mallory.text("/files"))
    assert len(stored()) == 1
    response = await alice.post(f"/files/{file_id}/delete")
    assert (response.status_code, response.headers["Location"]) == (302, "/files")
    assert "a.txt was deleted" in await alice.text("/files")
    assert stored() == []
    assert (await alice.post(f"/files/{file_id}/delete")).status_code == 404


async def test_nobody_deletes_a_visitors_file(alice: Visitor, visitor: Visitor) -> None:
    file_id = await uploaded(visitor, TEXT, "a.txt")
    assert (await alice.post(f"/files/{file_id}/delete")).status_code == 403


async def test_the_list_has_pages(alice: Visitor) -> None:
    assert "There are no files yet" in await alice.text("/files")
    for number in range(21):
        await uploaded(alice, b"x", f"{number}.txt")
    first = await alice.text("/files")
    assert ">20.txt<" in first
    assert ">0.txt<" not in first
    match = re.search(r'href="(/files\?before=\d+)"', first)
    assert match is not None
    assert ">0.txt<" in await alice.text(match[1])
    assert (await alice.get("/files?before=x")).status_code == 400


# Ranges (RFC 9110, 14)


@pytest.mark.parametrize(
    ("asked", "status", "sent", "told"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=99-100", 416, None, "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=-0", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
        ("bytes=x", 200, b"0123456789", None),
        ("bytes=0-" + "9" * 400, 206, b"0123456789", "bytes 0-9/10"),
    ],
)
async def test_a_part_is_sent_where_one_is_asked_for(
    alice: Visitor, asked: str, status: int, sent: bytes | None, told: str | None
) -> None:
    file_id = await uploaded(alice, b"0123456789", "a.txt")
    response = await alice.get(f"/files/{file_id}", headers={"Range": asked})
    assert response.status_code == status
    assert response.headers.get("Content-Range") == told
    if sent is not None:
        assert await response.get_data(as_text=False) == sent
        assert response.headers["Content-Length"] == str(len(sent))
        head = await alice.open(f"/files/{file_id}", "HEAD", headers={"Range": asked})
        assert (head.status_code, head.headers.get("Content-Range")) == (status, told)
        assert await head.get_data(as_text=False) == b""


async def test_what_is_here_already_is_not_sent_again(alice: Visitor) -> None:
    file_id = await uploaded(alice, b"0123456789", "a.txt")
    first = await alice.get(f"/files/{file_id}")
    etag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-Modified-Since": date}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"Range": "bytes=0-1", "If-Range": etag}, 206),
        ({"Range": "bytes=0-1", "If-Range": '"other"'}, 200),
    ):
        response = await alice.get(f"/files/{file_id}", headers=headers)
        assert response.status_code == status, headers
        if status in (304, 412):
            assert b"0123456789" not in await response.get_data(as_text=False)


@pytest.mark.parametrize("path", ["/files/9", "/files/9/thumbnail", f"/files/{10**30}", "/files/x"])
async def test_what_is_not_there_is_a_404(visitor: Visitor, path: str) -> None:
    assert (await visitor.get(path)).status_code == 404


async def test_a_row_whose_file_was_taken_away_is_a_404(
    alice: Visitor, stored: Callable[[], list[Path]]
) -> None:
    file_id = await uploaded(alice, TEXT, "a.txt")
    stored()[0].unlink()
    assert (await alice.get(f"/files/{file_id}")).status_code == 404


# What goes wrong on the way


async def test_a_full_disk_is_said_and_nothing_is_kept(
    app: Quart,
    alice: Visitor,
    dump: Callable[[], Dump],
    stored: Callable[[], list[Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(self: storage_part.Part, data: bytes) -> None:
        raise storage_part.StorageFull("the disk is full")

    monkeypatch.setattr(storage_part.Part, "_write", full)
    response = await upload(alice, TEXT, "a.txt")
    assert response.status_code == 507
    assert "We have no room left to store this." in await response.get_data(as_text=True)
    assert dump()["files"] == []
    assert stored() == []


async def test_a_form_that_is_cut_off_leaves_nothing(
    alice: Visitor, dump: Callable[[], Dump], stored: Callable[[], list[Path]]
) -> None:
    body = (
        f'--B\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{await alice.token()}'
        '\r\n--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ntext'
    ).encode()
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    response = await alice.open("/uploader", "POST", data=body, headers=headers)
    assert response.status_code == 400
    assert dump()["files"] == []
    assert stored() == []


async def test_too_many_files_are_too_much(
    alice: Visitor, stored: Callable[[], list[Path]]
) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    body = part * 21 + b"--B--\r\n"
    response = await alice.open("/uploader", "POST", data=body, headers=headers)
    assert response.status_code == 413
    assert stored() == []
