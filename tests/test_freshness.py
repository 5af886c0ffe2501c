"""Nobody sees a page that is older than his own write, whichever worker he asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import freshness
from tests.serving import server_with_user

PAIRS = 10_000


@pytest.mark.timeout(400)
async def test_a_read_through_either_worker_shows_the_post_before_it(tmp_path: Path) -> None:
    with server_with_user(tmp_path, "alice", "bob") as server:
        stale, ways = await freshness.run(server, ["alice", "bob"] * 4, PAIRS)
    assert stale == 0
    assert ways.total() == PAIRS
    assert ways.keys() == {"same worker", "the other worker"}
