"""The site as it is compared: with one more view, which waits for a slow server.

hypercorn -c hypercorn.toml "tests.bench.compare.qapp_site:create_app()"
"""

from __future__ import annotations

import asyncio

from quart import Quart

import qapp
from tests.bench.compare.work import WAIT_PATH, WAIT_S


def create_app() -> Quart:
    """Make the site, of the environment's settings."""
    app = qapp.create_app()

    @app.get(WAIT_PATH)
    async def wait() -> str:
        await asyncio.sleep(WAIT_S)
        return "here it is"

    return app
