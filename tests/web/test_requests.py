"""The site's request: what it keeps is what Quart would say anew."""

from __future__ import annotations

import pytest
from quart import Blueprint, Quart, request
from quart.wrappers import Request as QuartRequest

from qapp.web.requests import Request


def nested(request_class: type[QuartRequest]) -> Quart:
    """Return an app with views in none, one and two blueprints."""
    app = Quart("nested")
    app.request_class = request_class
    inner, outer = Blueprint("inner", __name__), Blueprint("outer", __name__)

    async def view() -> str:
        return "here"

    app.add_url_rule("/alone", "view", view)
    outer.add_url_rule("/outer", "view", view)
    inner.add_url_rule("/deep", "view", view)
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer)
    return app


@pytest.mark.parametrize("path", ["/alone", "/outer", "/inner/deep", "/nothing"])
async def test_its_blueprints_are_those_that_quart_finds(path: str) -> None:
    found = []
    for request_class in (QuartRequest, Request):
        async with nested(request_class).test_request_context(path):
            found.append(request.blueprints)
    assert found[0] == found[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "header", ["site.example", "Site.Example:80", "site.example:443", "[::1]:8000", "10.0.0.1:80"]
)
async def test_its_host_is_the_one_that_quart_finds(header: str, scheme: str) -> None:
    found = []
    for request_class in (QuartRequest, Request):
        app, headers = nested(request_class), {"Host": header}
        async with app.test_request_context("/alone", scheme=scheme, headers=headers):
            found.append(request.host)
    assert found[0] == found[1] != ""


@pytest.mark.parametrize(
    "header",
    [
        *("", "a b", "site.example/x", "x:y", "ü.example", "a@b", "a\\b"),
        # On the first three Werkzeug fails, the last it would take.
        *("a..b", ".a", "a" * 64, "site.example."),
    ],
)
async def test_a_host_that_is_no_name_is_none(header: str) -> None:
    async with nested(Request).test_request_context("/alone", headers={"Host": header}):
        assert request.host == ""
