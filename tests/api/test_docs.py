"""The OpenAPI document and the page that shows it."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from quart import Quart

from qapp.api import published
from qapp.web.api import document_of
from tests.conftest import Page, Visitor

COPY = published.PATH.read_bytes()
DOCUMENT = json.loads(COPY)
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the method, the path and the description of each operation."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


async def test_the_committed_copy_is_what_the_operations_make(app: Quart) -> None:
    made = published.text_of(document_of(app))
    assert made == COPY.decode(), "the operations have changed: run `qapp openapi`"


def test_the_document_is_valid() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


async def test_the_document_has_the_api_and_nothing_else(app: Quart) -> None:
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in (rule.methods or set()) & METHODS
    }
    assert {(method, path) for method, path, _ in operations()} == routes
    assert len(routes) > 20


def test_every_operation_can_be_told_from_the_others() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in names)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {tag for _, _, operation in operations() for tag in operation["tags"]} == tags


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [pytest.param(*each, id=each[2]["operationId"]) for each in operations()],
)
def test_every_operation_says_who_may_and_what_is_answered(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    security = operation["security"]
    assert {"token": []} in security
    assert {"session": []} in security
    assert method == "GET" or {} not in security, "anybody may change it"
    answers = operation["responses"]
    assert len(answers.keys() & {"200", "201", "204"}) == 1
    assert answers.keys() >= {"400", "401", "405", "406", "422", "429", "500", "503"}
    assert ("403" in answers) is ({} not in security)
    assert "404" in answers or "{" not in path
    for code, answer in answers.items():
        if code >= "400":
            assert answer == {"$ref": f"#/components/responses/Error{code}"}
            content = DOCUMENT["components"]["responses"][f"Error{code}"]["content"]
            assert list(content) == ["application/problem+json"]
    if body := operation.get("requestBody"):
        assert body["required"]
        assert "415" in answers


def test_what_must_be_sent_is_marked_and_has_an_example() -> None:
    required = {
        (operation["operationId"], parameter["name"]): parameter.get("example")
        for _, _, operation in operations()
        for parameter in operation["parameters"]
        if parameter.get("required")
    }
    assert required["searchEntries", "q"] == "green tea"
    assert required["getEntry", "entry_id"] == 17
    assert required["changeEntry", "If-Match"] == '"17"'
    assert None not in required.values()


async def test_the_document_is_sent_as_it_was_committed(visitor: Visitor) -> None:
    plain = await visitor.get("/openapi.json")
    assert (plain.status_code, plain.mimetype) == (200, "application/json")
    assert await plain.get_data(as_text=False) == COPY
    packed = await visitor.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await packed.get_data(as_text=False)) == COPY
    for response, accepted in ((plain, ""), (packed, "gzip")):
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["Vary"] == "Accept-Encoding"
        assert "Set-Cookie" not in response.headers
        headers = {"Accept-Encoding": accepted, "If-None-Match": response.headers["ETag"]}
        again = await visitor.get("/openapi.json", headers=headers)
        assert (again.status_code, await again.get_data()) == (304, b"")


async def test_without_javascript_the_page_lists_the_operations(
    visitor: Visitor, pages: list[Page]
) -> None:
    page = html.unescape(await visitor.text("/docs"))
    assert pages[-1].template == "api/docs.html"
    assert 'href="/openapi.json"' in page
    for method, path, operation in operations():
        assert f">{method}</b> <code>{path}</code>" in page
        assert operation["summary"] in page
    assert '<a href="/docs" aria-current="page">API</a>' in page
    assert "<strong>Times</strong>" in page


async def test_only_who_is_logged_in_gets_the_token_for_changes(
    visitor: Visitor, alice: Visitor
) -> None:
    page = await visitor.text("/docs")
    assert 'name="csrf-token"' not in page
    assert "/login?next=/docs" in page
    page = await alice.text("/docs")
    match = re.search('<meta name="csrf-token" content="([^"]+)">', page)
    assert match is not None
    assert "You are logged in as alice" in page
    entry = {"title": "Tea", "text": "Green"}
    refused = await alice.open("/api/v1/entries", "POST", json=entry)
    assert refused.status_code == 400
    headers = {"X-CSRFToken": match[1]}
    added = await alice.open("/api/v1/entries", "POST", json=entry, headers=headers)
    assert added.status_code == 201
