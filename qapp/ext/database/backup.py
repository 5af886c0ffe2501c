"""Copy a SQLite database while it is in use."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from .driver import sqlite
from .errors import DatabaseFailure


def back_up(source: Path, target: Path) -> None:
    """Write a copy of the database at `source`, as it is at one moment, to the new file `target`.

    Writers go on meanwhile. A plain copy of the file would lack what is still in its log. The copy
    gets its name when it is whole and on disk; only its owner may read it.

    :raises DatabaseFailure: if `source` is no database, `target` exists, or either disk fails.
    """
    if not source.is_file():
        raise DatabaseFailure(f"there is no database at {source}")
    try:
        if target.exists():  # said before the work; what decides is the link at its end
            raise FileExistsError
        # A folder, because what fails may leave its journal beside it.
        with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            unfinished = Path(folder, "unfinished")
            unfinished.touch(0o600)
            _copy(source, unfinished)
            target.hardlink_to(unfinished)
    except FileExistsError as error:
        raise DatabaseFailure(f"{target} exists already") from error
    except (OSError, sqlite.Error) as error:
        raise DatabaseFailure(f"the backup failed: {error}") from error


def _copy(source: Path, unfinished: Path) -> None:
    connection = sqlite.connect(str(source), timeout=30, isolation_level=None)
    try:
        connection.execute("VACUUM INTO ?", (str(unfinished),))
    finally:
        connection.close()
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
