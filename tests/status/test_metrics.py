"""`/metrics`: who may read it, and that it is what Prometheus reads."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from quart import Quart

from tests.conftest import Serve, Visitor

TOKEN = "a-token-of-tests-that-is-long-enough"


def from_here(app: Quart, client: tuple[str, int] = ("127.0.0.1", 5000)) -> Visitor:
    """Make a program that connects from an address."""
    return Visitor(app, scope_base={"client": client})


async def status(visitor: Visitor, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (await visitor.get("/metrics", headers=named)).status_code


async def test_it_is_what_prometheus_reads(app: Quart) -> None:
    response = await from_here(app).get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    text = await response.get_data(as_text=True)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["qapp_http_request_duration_seconds"].type == "histogram"
    assert families["qapp_database_reads"].type == "counter"
    assert families["qapp_live_readers"].type == "gauge"
    for name in ("page_cache_hits", "database_writes_waiting", "event_loop_lag_seconds"):
        assert families[f"qapp_{name}"].samples
    # Every name is there once, every figure once for a worker.
    seen = [(s.name, tuple(s.labels.items())) for f in families.values() for s in f.samples]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.0.1", "::1"])
async def test_programs_on_this_machine_may_read_it(app: Quart, client: str) -> None:
    assert await status(from_here(app, (client, 1))) == 200


@pytest.mark.parametrize("client", ["10.0.0.7", "203.0.113.9", "::ffff:10.0.0.7", "", "<local>"])
async def test_others_may_not(app: Quart, client: str) -> None:
    visitor = from_here(app, (client, 1))
    response = await visitor.get("/metrics")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="metrics"'
    assert "QAPP_METRICS_TOKEN" in await response.get_data(as_text=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "10.0.0.7"},
        {"X_Forwarded_Proto": "https"},
        {"Forwarded": "for=10.0.0.7"},
        {"X_Real_IP": "10.0.0.7"},
        {"Via": "1.1 proxy"},
        {"Host": "blog.example.org"},
        {"Host": "127.0.0.1.example.org"},
    ],
    ids=str,
)
async def test_what_a_proxy_sends_on_is_not_of_this_machine(
    app: Quart, headers: dict[str, str]
) -> None:
    assert await status(from_here(app), **headers) == 401


@pytest.mark.parametrize(
    "changes",
    [{"TRUSTED_HOSTS": ("localhost", "blog.example.org")}, {"PREFERRED_URL_SCHEME": "https"}],
    ids=str,
)
async def test_a_site_that_others_can_ask_for_needs_a_token(
    serve: Serve, changes: dict[str, Any]
) -> None:
    assert await status(from_here(await serve(**changes))) == 401


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        (TOKEN, 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer", 401),
        ("", 401),
        ("Bearer ключ", 401),
    ],
)
async def test_where_there_is_a_token_it_alone_decides(
    serve: Serve, authorization: str, expected: int
) -> None:
    app = await serve(METRICS_TOKEN=TOKEN)
    for client in ("127.0.0.1", "10.0.0.7"):
        assert await status(from_here(app, (client, 1)), Authorization=authorization) == expected
        assert await status(from_here(app, (client, 1))) == 401
    # By its address, which is no name of the site, as a scraper asks.
    named = {"Authorization": authorization, "Host": "10.1.2.3:8000"}
    assert await status(from_here(app), **named) == expected
