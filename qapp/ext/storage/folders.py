"""Where files arrive and where they stay, and whose a folder is."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import IO

from qapp.ext.locks import locked

from .part import Part

# What is being moved into its place, or out of it.
MARKERS = "*.keep"


class Folders:
    """The folders of a serving app. All of it blocks: for a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.working = folder / "working"
        self.own = self.working
        self.lock: IO[bytes] | None = None

    def open(self) -> list[Path]:
        """Make the folders and lock the own one; return the folders that nobody holds."""
        self.working.mkdir(mode=0o700, parents=True, exist_ok=True)
        while self.lock is None:  # one that starts beside this may have taken it for a dead one's
            self.own = self.working / secrets.token_hex(8)
            self.lock = locked(self.own.with_suffix(".lock"))
        self.own.mkdir(mode=0o700)
        left = []
        for path in self.working.glob("*.lock"):
            lock = locked(path)
            if lock is not None:  # its process is no more
                left.append(path.with_suffix(""))
                lock.close()
        return left

    def close(self) -> None:
        """Remove the own folder, unless something in it is for the next start to look at."""
        is_empty = remove_folder(self.own)
        if self.lock is not None:
            self.lock.close()
        if is_empty:  # a lock that is held can't be removed everywhere
            self.own.with_suffix(".lock").unlink(missing_ok=True)

    def place_of(self, key: str) -> Path:
        """Return where a kept file is; no folder holds more than a 256th of them."""
        return self.folder / key[:2] / key

    def marker_of(self, key: str) -> Path:
        return self.own / f"{key}.keep"

    def mark(self, *keys: str) -> None:
        for key in keys:
            self.marker_of(key).touch()
        sync_folder(self.own)

    def place(self, part: Part, key: str) -> None:
        """Sync a part and move it to its place."""
        part.end_writing()
        self.mark(key)
        place = self.place_of(key)
        if not place.parent.exists():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.folder)
        part.path.replace(place)
        sync_folder(place.parent)

    def unmark(self, *keys: str) -> None:
        for key in keys:
            self.marker_of(key).unlink(missing_ok=True)

    def remove(self, *keys: str) -> None:
        for key in keys:
            self.place_of(key).unlink(missing_ok=True)


def remove_folder(folder: Path) -> bool:
    """Remove a folder where files arrived, unless a marker is left in it; tell whether it went."""
    if any(folder.glob(MARKERS)):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def sync_folder(path: Path) -> None:
    """Write a folder's entries to the disk, where the system has a way to."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
