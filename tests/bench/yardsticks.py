"""What the site is measured against: the least that Quart can do."""

from __future__ import annotations

import asyncio

from quart import Quart, Response

from tests.bench.compare.work import WAIT_PATH, WAIT_S

app = Quart(__name__)


@app.get("/")
@app.get("/readyz")
async def empty() -> Response:
    """Answer with nothing."""
    return Response(b"", mimetype="text/plain")


@app.get(WAIT_PATH)
async def wait() -> str:
    """Wait for a slow server, as `qapp_site` does."""
    await asyncio.sleep(WAIT_S)
    return "here it is"
