"""Hold a file as long as a process lives, so that others can tell whose process is no more."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO


def locked(path: Path) -> IO[bytes] | None:
    """Open and lock a file, made if need be; None if another holds it, or has removed it.

    The lock ends with the process, however that ends.
    """
    file = path.open("a+b")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not path.exists() or not os.path.samestat(path.stat(), os.fstat(file.fileno())):
            file.close()
            return None
    except OSError:
        file.close()
        return None
    return file
