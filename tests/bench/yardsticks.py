"""What the site is measured against: the least that Quart can do."""

from __future__ import annotations

from quart import Quart, Response

app = Quart(__name__)


@app.get("/")
@app.get("/readyz")
async def empty() -> Response:
    """Answer with nothing."""
    return Response(b"", mimetype="text/plain")
