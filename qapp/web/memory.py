"""Give memory back to the system."""

from __future__ import annotations

import ctypes
import platform

# From malloc.h of glibc.
M_MMAP_THRESHOLD = -3
# A part of a body, as Hypercorn reads it, and all that is larger.
LARGE_BYTES = 64 * 1024


def return_large_blocks() -> bool:
    """Have large blocks of memory back at the system as soon as they are free.

    By default glibc keeps them: after a hundred uploads at once a third of a worker's memory would
    be free and lost all the same. Tells whether this system has such a setting.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES))
