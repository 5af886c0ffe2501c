"""An app that is measured: what is counted, what Prometheus reads, and that nothing is left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from prometheus_client.parser import text_string_to_metric_families
from quart import Quart, Response

from qapp.ext.database import Database
from qapp.ext.metrics import Metrics, counter, tracks
from qapp.ext.threads import PoolBusy

PATIENCE_S = 30
metrics = Metrics("tea")
ANSWERED = ("tea_http_request_duration_seconds_count", "")
Samples = dict[tuple[str, str], float]


class World:
    """An app that is measured, and what the tests ask of it."""

    def __init__(self, app: Quart) -> None:
        self.app = app
        self.cups = 0

    async def samples(self) -> Samples:
        """Return what Prometheus would read: by name and the label that is no worker's."""
        async with self.app.app_context():
            text = await metrics.exposition()
        found: Samples = {}
        for family in text_string_to_metric_families(text):
            assert family.documentation
            for sample in family.samples:
                labels = [value for name, value in sample.labels.items() if name != "worker"]
                assert int(sample.labels["worker"]) > 0
                found[sample.name, "".join(labels)] = sample.value
        return found

    async def when(self, condition: Callable[[Samples], bool]) -> Samples:
        """Return what is read as soon as it is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(samples := await self.samples()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return samples


@asynccontextmanager
async def serving(tmp_path: Path, *, debug: bool = False) -> AsyncIterator[World]:
    """Serve an app of a few views."""
    app = Quart(__name__, instance_path=str(tmp_path))
    app.debug = debug
    app.config["DATABASE_URL"] = "sqlite:///tea.db"
    db = Database(app)
    world = World(app)

    @app.get("/")
    async def index() -> str:
        world.cups += 1
        await asyncio.gather(db.fetch_value("SELECT 1"), db.fetch_value("SELECT 2"))
        async with db.transaction() as tx:
            return str(await tx.fetch_value("SELECT 3"))

    @app.get("/broken")
    async def broken() -> str:
        raise ZeroDivisionError

    @app.get("/odd")
    async def odd() -> Response:
        return Response("odd", 799)

    metrics.init_app(app, [counter("cups_total", "Cups of tea.", lambda: world.cups)])
    async with app.test_app():
        yield world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with serving(tmp_path) as world:
        yield world


async def test_figures_are_there_from_the_start_and_move(world: World) -> None:
    first = await world.samples()
    assert first["tea_cups_total", ""] == 0
    assert first["tea_resident_memory_bytes", ""] > 1_000_000
    client = world.app.test_client()
    for path in ("/", "/", "/nowhere", "/broken", "/odd"):
        await client.get(path)
    samples = await world.when(lambda samples: samples[ANSWERED] == 5)
    assert samples["tea_cups_total", ""] == 2
    assert samples["tea_http_requests_total", "2xx"] == 2
    assert samples["tea_http_requests_total", "4xx"] == 1
    assert samples["tea_http_requests_total", "5xx"] == 1
    assert samples["tea_http_requests_waiting", ""] == 0
    assert samples["tea_http_request_duration_seconds_bucket", "+Inf"] == 5
    assert samples["tea_http_request_duration_seconds_sum", ""] > 0
    assert samples["tea_event_loop_lag_seconds_count", ""] > 0
    assert samples["tea_cpu_seconds_total", ""] > 0


async def test_the_buckets_only_grow_towards_the_last(world: World) -> None:
    await world.app.test_client().get("/")
    samples = await world.when(lambda samples: samples[ANSWERED] == 1)
    counts = [
        value
        for (name, _), value in samples.items()
        if name == "tea_http_request_duration_seconds_bucket"
    ]
    assert counts == sorted(counts)
    assert counts[-1] == 1


async def test_a_request_is_under_way_until_it_is_answered_or_gone(world: World) -> None:
    reached, may_end = asyncio.Event(), asyncio.Event()

    @world.app.before_request
    async def wait() -> None:
        reached.set()
        await may_end.wait()

    async with world.app.test_client().request("/") as connection:
        await connection.send_complete()
        await reached.wait()
        await world.when(lambda samples: samples["tea_http_requests_waiting", ""] == 1)
        await connection.disconnect()
    samples = await world.when(lambda samples: samples["tea_http_requests_waiting", ""] == 0)
    assert samples["tea_http_requests_total", "dropped"] == 1
    assert samples["tea_http_request_duration_seconds_count", ""] == 0


async def test_an_answer_of_a_layer_above_quart_is_counted_too(tmp_path: Path) -> None:
    app = Quart(__name__, instance_path=str(tmp_path))
    world = World(app)

    async def above(scope: Scope, _: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    app.asgi_app = above  # type: ignore[method-assign, assignment]
    metrics.init_app(app)
    await app.startup()
    assert (await app.test_client().get("/")).status_code == 204
    await world.when(lambda samples: samples["tea_http_requests_total", "2xx"] == 1)
    await app.shutdown()


async def test_a_loop_that_stood_still_is_seen(world: World) -> None:
    time.sleep(0.5)  # noqa: ASYNC251 - that is what is to be seen
    samples = await world.when(lambda samples: samples["tea_event_loop_lag_seconds_count", ""] > 5)
    assert samples["tea_event_loop_lag_seconds_sum", ""] > 0.3


async def test_nothing_is_left_when_an_app_ends_and_it_may_begin_anew(tmp_path: Path) -> None:
    for _ in range(2):
        async with serving(tmp_path) as world:
            assert len(list((tmp_path / "metrics").iterdir())) == 2
        assert list((tmp_path / "metrics").iterdir()) == []
        async with world.app.app_context():
            with pytest.raises(PoolBusy):
                await metrics.exposition()


async def test_a_disk_that_takes_nothing_is_said_once_and_does_no_harm(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = threading.Semaphore(0)

    def full(*_: Any) -> None:
        tries.release()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tracks.TrackFile, "write", full)
        for _ in range(2):
            assert await asyncio.to_thread(tries.acquire, timeout=PATIENCE_S)
    assert caplog.text.count("the figures can't be kept") == 1
    await world.app.test_client().get("/")
    await world.when(lambda samples: samples["tea_cups_total", ""] == 1)


async def test_a_disk_that_is_full_from_the_start_keeps_nobody_from_reading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "metrics").write_text("where the folder should be")
    async with serving(tmp_path) as world:
        assert (await world.app.test_client().get("/")).status_code == 200
    assert caplog.text.count("the figures can't be kept") == 1


async def test_server_timing_tells_of_the_database_in_debug_mode_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, debug=True) as world:
        response = await world.app.test_client().get("/")
        total, database = response.headers["Server-Timing"].split(", ")
        assert total.startswith("total;dur=")
        assert database.startswith("db;dur=")
        assert database.endswith(';desc="3 statements"')
        assert float(database.split(";")[1][4:]) > 0
        other = await world.app.test_client().get("/nowhere")
        assert 'desc="0 statements"' in other.headers["Server-Timing"]
    async with serving(tmp_path) as world:
        response = await world.app.test_client().get("/")
        assert "Server-Timing" not in response.headers
