"""What stands behind Quart's proxies."""

from __future__ import annotations

import pytest
from quart import Quart, current_app, g, request, session
from quart.globals import app_ctx, request_ctx

from qapp.ext.proxies import behind


async def test_it_is_the_thing_itself() -> None:
    app = Quart("here")
    async with app.test_request_context("/"):
        assert behind(current_app) is app
        assert behind(request) is request_ctx.request
        assert behind(session) is request_ctx.session
        assert behind(g) is app_ctx.g


def test_where_there_is_nothing_it_says_so() -> None:
    for proxy in (current_app, g, request, session):
        with pytest.raises(RuntimeError, match="context"):
            behind(proxy)
