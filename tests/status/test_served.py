"""Two real workers: their figures together, whichever is asked, until they are killed."""

from __future__ import annotations

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import wait_for
from tests.serving import Server

Figures = dict[str, dict[int, float]]
REQUESTS = 50


def figures(server: Server) -> Figures:
    """Return what /metrics says: of each sample that has no more labels a number a worker."""
    text = httpx.get(f"{server.url}/metrics", timeout=30).raise_for_status().text
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.keys() == {"worker"}:
                found.setdefault(sample.name, {})[int(sample.labels["worker"])] = sample.value
    return found


def test_workers_are_seen_together_and_those_killed_are_forgotten(tmp_path: Path) -> None:
    count = "qapp_http_request_duration_seconds_count"
    with Server(tmp_path) as server:
        pids = set(server.worker_pids())
        assert len(pids) == 2
        for _ in range(REQUESTS):  # each on a connection of its own, to any worker
            assert httpx.get(f"{server.url}/about", timeout=30).status_code == 200

        def counted() -> Figures | None:
            found = figures(server)
            enough = sum(found[count].values()) >= REQUESTS
            return found if enough and found[count].keys() == pids else None

        found = wait_for(counted, "the figures of both workers")
        assert all(value > 10_000_000 for value in found["qapp_resident_memory_bytes"].values())
        assert sum(found["qapp_database_reads_total"].values()) > 0
        # Of two workers two files and their locks; SIGKILL leaves them.
        server.kill()
        assert len(list((tmp_path / "metrics").iterdir())) == 4

        server.start()
        new = set(server.worker_pids())
        assert wait_for(lambda: figures(server)[count].keys() == new, "the new workers alone")
        assert len(list((tmp_path / "metrics").iterdir())) == 4
        assert server.stop() == 0
        assert list((tmp_path / "metrics").iterdir()) == []
        assert "Traceback" not in server.log
