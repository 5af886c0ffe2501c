"""Give memory back to the system, and look for garbage less often."""

from __future__ import annotations

import ctypes
import gc
import platform

# From malloc.h of glibc.
M_MMAP_THRESHOLD = -3
# A part of a body, as Hypercorn reads it, and all that is larger.
LARGE_BYTES = 64 * 1024
# How many new objects set off a look through the young ones; the default is 700.
YOUNG = 10_000


def return_large_blocks() -> bool:
    """Have large blocks of memory back at the system as soon as they are free.

    By default glibc keeps them: after a hundred uploads at once a third of a worker's memory would
    be free and lost all the same. Tells whether this system has such a setting.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES))


def collect_seldom() -> None:
    """Have Python look through all objects for garbage a tenth as often.

    Beside thousands of live readers, whose objects all stay, each such look stops the worker for a
    third of a second, and requests that are only on their way at the time set the next one off:
    thirteen looks in half a minute, and one with this.
    """
    gc.set_threshold(YOUNG, 10, 10)
