"""Files to upload, and how."""

from __future__ import annotations

import re
import struct
import zlib
from functools import cache
from io import BytesIO

from PIL import Image
from quart import Response
from quart.datastructures import FileStorage

from tests.conftest import Visitor


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a picture."""
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a part of a PNG."""
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(width: int, height: int, *parts: bytes) -> bytes:
    """Return a PNG of a size that holds some parts."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"".join([b"\x89PNG\r\n\x1a\n", head, *parts, chunk(b"IEND", b"")])


def png_that_says(width: int, height: int) -> bytes:
    """Return a PNG whose head promises more than it holds."""
    return png(width, height, chunk(b"IDAT", zlib.compress(b"\0" * 10_000)))


@cache
def bomb(megabytes: int) -> bytes:
    """Return zeros, compressed to a thousandth; they are never in memory."""
    compressor = zlib.compressobj()
    parts = [compressor.compress(bytes(1024 * 1024)) for _ in range(megabytes)]
    return b"".join(parts) + compressor.flush()


async def upload(
    visitor: Visitor, data: bytes, name: str | None, *, path: str = "/uploader"
) -> Response:
    """Upload a file with a good token; None for a name is what a browser sends without a file."""
    return await visitor.open(
        path,
        "POST",
        form={"csrf_token": await visitor.token()},
        files={"file": FileStorage(BytesIO(data), name or "", "file")},
    )


async def uploaded(visitor: Visitor, data: bytes, name: str) -> int:
    """Upload a file that is taken; return its id."""
    response = await upload(visitor, data, name)
    assert response.status_code == 200, await response.get_data(as_text=True)
    match = re.search(r'href="/files/(\d+)"', await response.get_data(as_text=True))
    assert match is not None
    return int(match[1])
