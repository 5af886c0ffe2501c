"""One number for the state of the data, from the counters that each connection has by itself."""

from __future__ import annotations

import threading
from typing import Any

from qapp.ext.database.contract import Fetch, Statement

# The read that asks for the data's version, told by its identity.
VERSION = Statement("PRAGMA data_version", {}, Fetch.VALUE)


class DataVersion:
    """One number for what the readers of a worker see, another after every commit.

    `PRAGMA data_version` counts for each connection by itself. Looks are made one at a time, so
    that a reader which sees no change since its own last look may take the newest number: nothing
    was committed between the two looks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0

    def look(self, connection: Any, before: int | None) -> tuple[int, int]:
        """Return what `connection` sees now: SQLite's number for it, and ours.

        :param before: SQLite's number at the connection's last look.
        """
        with self._lock:
            (seen,) = connection.execute("PRAGMA data_version").fetchone()
            if seen != before:
                self._number += 1
            return seen, self._number
