"""Uploads through the real server: cut off, refused, too large, and many at once."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qapp.ext.database.driver import sqlite
from tests.client import Client
from tests.processes import wait_for
from tests.serving import PASSWORD, Server

BOUNDARY = "the-boundary"
LARGEST = 3_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("uploads"), UPLOAD_MAX_LENGTH=str(LARGEST), BODY_TIMEOUT="2"
    )
    server.command("user", "add", "alice", stdin=f"{PASSWORD}\n")
    with server:
        yield server


@pytest.fixture
async def alice(server: Server) -> AsyncIterator[Client]:
    client = await Client(server.port).log_in("alice")
    yield client
    client.close()


def rows(server: Server) -> int:
    with closing(sqlite.connect(str(server.folder / "qapp.db"))) as connection:
        count: int = connection.execute("SELECT COUNT(*) FROM files").fetchone()[0]
        return count


def files_of(server: Server, *, arriving: bool) -> list[Path]:
    pattern = "working/*/*" if arriving else "??/*"
    return [path for path in (server.folder / "files").glob(pattern) if path.is_file()]


def form(alice: Client, data: bytes) -> bytes:
    return (
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n'
            f"{alice.token}\r\n--{BOUNDARY}\r\n"
            'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        ).encode()
        + data
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


def head(alice: Client, length: int | None, path: str = "/uploader") -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={alice.cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n{framing}\r\n\r\n"
    ).encode()


async def status_of(reader: asyncio.StreamReader) -> int:
    line = await asyncio.wait_for(reader.readline(), 30)
    return int(line.split()[1])


async def test_a_file_arrives_and_comes_back_whole(server: Server, alice: Client) -> None:
    data = b"0123456789abcdef" * 100_000
    body = form(alice, data)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(alice, None))
    for start in range(0, len(body), 70_001):  # in chunks of odd sizes
        part = body[start : start + 70_001]
        writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    assert await status_of(reader) == 200
    writer.close()
    answer = await alice.request("GET", f"/files/{rows(server)}")
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(data).digest()
    size = (await head_of(server, f"/files/{rows(server)}"))["content-length"]
    assert int(size) == len(data)


async def head_of(server: Server, path: str) -> dict[str, str]:
    """Return the headers of the answer to a HEAD; the connection ends without a body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    lines = (await reader.read()).decode().split("\r\n")
    writer.close()
    assert lines[-2:] == ["", ""]
    return dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(
    server: Server, alice: Client
) -> None:
    before = rows(server), len(files_of(server, arriving=False))
    body = form(alice, b"x" * 1_000_000)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(alice, len(body)) + body[:500_000])
    await writer.drain()
    await asyncio.to_thread(wait_for, lambda: files_of(server, arriving=True), "the file to begin")
    writer.transport.abort()
    await asyncio.to_thread(
        wait_for, lambda: not files_of(server, arriving=True), "the file to be gone"
    )
    assert (rows(server), len(files_of(server, arriving=False))) == before


@pytest.mark.parametrize("is_declared", [True, False])
async def test_one_that_is_too_large_gets_its_answer_while_it_still_sends(
    server: Server, alice: Client, is_declared: bool
) -> None:
    before = rows(server)
    body = form(alice, b"x" * (LARGEST + 2_000_000))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(alice, len(body) if is_declared else None))
    for start in range(0, len(body), 65_536):  # would break if the server hung up on it
        part = body[start : start + 65_536]
        writer.write(part if is_declared else f"{len(part):x}\r\n".encode() + part + b"\r\n")
        await writer.drain()
    if not is_declared:
        writer.write(b"0\r\n\r\n")
    assert await status_of(reader) == 413
    writer.close()
    assert rows(server) == before
    assert files_of(server, arriving=True) == []


async def test_a_refusal_does_not_wait_for_the_body(server: Server, alice: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(alice, 10**12) + b"--")
    assert await status_of(reader) == 413
    writer.close()


async def test_a_body_that_nobody_reads_does_not_keep_the_connection(
    server: Server, alice: Client
) -> None:
    tiny = b"1\r\nx\r\n" * 20_000  # many more parts than the server's queue holds
    for path in ("/nothing", "/login"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(head(alice, None, path) + tiny)
            answer = b""
            while data := await asyncio.to_thread(connection.recv, 65_536):
                answer += data  # until the server hangs up: the body has no end
            assert answer.split()[1] in (b"404", b"405", b"400", b"408", b"413")


async def test_uploads_at_once_all_arrive(server: Server, alice: Client) -> None:
    before = rows(server)

    async def upload(number: int) -> int:
        body = form(alice, f"{number},".encode() * 100_000)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head(alice, len(body)) + body)
        status = await status_of(reader)
        writer.close()
        return status

    assert await asyncio.gather(*(upload(number) for number in range(20))) == [200] * 20
    assert rows(server) == before + 20
    assert len(files_of(server, arriving=False)) == rows(server)


@pytest.mark.parametrize("target", ["?x", "http://[", "//upload", "http://127.0.0.1/upload", "*"])
async def test_an_odd_target_is_answered_and_its_connection_ended(
    server: Server, target: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert answer.split()[1] in (b"200", b"404", b"400")


@pytest.mark.parametrize("path", ["//uploader", "http://127.0.0.1/uploader"])
async def test_an_upload_by_another_form_of_the_address_is_taken(
    server: Server, alice: Client, path: str
) -> None:
    body = form(alice, b"text")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(alice, len(body), path) + body)
    assert await status_of(reader) == 200
    writer.close()


async def test_a_websocket_is_refused(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert await status_of(reader) == 403
    writer.close()
