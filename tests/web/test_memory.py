"""How a process that serves treats its memory."""

from __future__ import annotations

import gc

from quart import Quart

from qapp.web.memory import YOUNG


async def test_a_site_that_serves_looks_for_garbage_seldom(app: Quart) -> None:
    assert gc.isenabled()
    assert gc.get_threshold() == (YOUNG, 10, 10)
    assert gc.get_freeze_count() > 100_000  # what was imported is not looked through
