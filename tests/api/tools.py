"""Files to upload, and what is stored."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from quart.datastructures import FileStorage

from qapp.config import Settings

from .conftest import FILES, Program, Reply

TEXT = "Grüße aus Zürich\n".encode()


def part(data: bytes = TEXT, name: str = "greetings.txt") -> dict[str, FileStorage]:
    """Return a form's part with a file, for Quart's client."""
    return {"file": FileStorage(BytesIO(data), name, "file")}


async def upload(
    program: Program, data: bytes = TEXT, name: str = "greetings.txt", **kwargs: Any
) -> Reply:
    """Upload a file."""
    return await program.post(FILES, files=part(data, name), **kwargs)


def stored(settings: Settings) -> list[Path]:
    """Return which files are kept, and what lies in the folders where they arrive."""
    folder = Path(str(settings.INSTANCE_PATH)) / "files"
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
