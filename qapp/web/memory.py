"""Give memory back to the system, and look for garbage less often."""

from __future__ import annotations

import ctypes
import gc
import platform
from functools import cache

# From malloc.h of glibc.
M_MMAP_THRESHOLD = -3
# A part of a body, as Hypercorn reads it, and all that is larger.
LARGE_BYTES = 64 * 1024
# How many new objects set off a look through the young ones; the default is 700. Five hundred
# requests at once are fewer, and are gone before the next look.
YOUNG = 50_000


def return_large_blocks() -> bool:
    """Have large blocks of memory back at the system as soon as they are free.

    By default glibc keeps them: after a hundred uploads at once a third of a worker's memory would
    be free and lost all the same. Tells whether this system has such a setting.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES))


def collect_seldom() -> None:
    """Have Python look for garbage less often, and not through what was there from the start.

    Looks at every ten thousandth new object fell into the middle of each wave of requests, when all
    is in use: a tenth of a worker's time beside 250 waiting clients. Beside thousands of live
    readers, whose objects all stay, a look through everything stops it for a third of a second.
    """
    _keep_what_is_there()
    gc.set_threshold(YOUNG, 10, 10)


@cache  # once a process: tests start many apps
def _keep_what_is_there() -> None:
    gc.collect()
    gc.freeze()
