"""What holds for every route there is, those of later sections too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart, Response
from werkzeug.exceptions import abort, default_exceptions

from qapp.web.errors import WORDS
from qapp.web.headers import DOCUMENT_HEADERS, HEADERS
from tests.conftest import Dump, Serve, Visitor
from tests.web.tools import CHANGING, Route, routes_of

# Those need no field, and two pages of the tour are shown whatever is sent.
NEEDING_NO_FORM = (
    "accounts.logout",
    "accounts.revoke_token",
    "blog.delete",
    "files.delete",
    "students.delete",
    "tour.request_object.show",
    "tour.ajax.sijax",
)
# A large body, with the token in it, is not read at all for who is not logged in.
READ_AFTER_LOGIN = ("students.csv",)
# A program that has no session is told so before anything of its request is looked at.
API = "/api/"
OTHER_METHOD = "This page can&#39;t be used that way."
METHODS = ("GET", "HEAD", "OPTIONS", *CHANGING, "TRACE", "BREW")


@pytest.fixture
async def routes(app: Quart, alice: Visitor) -> list[Route]:
    """Every route, with addresses of an entry of alice's and of a student."""
    await alice.post("/new", {"name": "Asha", "city": "Pune", "addr": "1 Road", "pin": "411001"})
    return list(routes_of(app, entry=await alice.add("Entry", "text")))


def faults_of(response: Response, *, https: bool = False) -> list[str]:
    """Return which of the headers that every answer must have are wrong."""
    headers = response.headers
    is_data = "json" in headers.get("Content-Type", "")
    expected = HEADERS if is_data else HEADERS | DOCUMENT_HEADERS
    wrong = [name for name, value in expected.items() if headers.get(name) != value]
    if ("Strict-Transport-Security" in headers) is not https:
        wrong.append("Strict-Transport-Security")
    caching = headers.get("Cache-Control", "")
    if not any(word in caching for word in ("private", "no-store", "no-cache", "immutable")):
        wrong.append(f"Cache-Control: {caching}")
    if "private" in caching and "Cookie" not in headers.get("Vary", ""):
        wrong.append("Vary")
    wrong += [name for name, _ in headers if name.lower().startswith("access-control-")]
    wrong += [name for name in ("Server", "X-Powered-By") if name in headers]
    return wrong


@pytest.mark.parametrize("https", [False, True])
@pytest.mark.parametrize("logged_in", [False, True])
async def test_every_answer_has_the_security_headers(
    alice: Visitor, visitor: Visitor, routes: list[Route], logged_in: bool, https: bool
) -> None:
    who = alice if logged_in else visitor
    always = {"scheme": "https"} if https else {}
    seen = set()
    for route in routes:
        for method in METHODS:
            response = await who.open(route.path, method, **always)
            seen.add(response.status_code)
            assert faults_of(response, https=https) == [], f"{method} {route.path}"
    assert seen >= {200, 302, 400, 405}


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_every_error_has_the_security_headers(serve: Serve, accept: str) -> None:
    async def fail(code: int) -> str:
        if code == 500:
            raise ZeroDivisionError
        abort(code)

    visitor = Visitor(await serve(lambda app: app.add_url_rule("/fail/<int:code>", None, fail)))
    for code in (*(WORDS.keys() & default_exceptions), 406, 409, 410, 418, 501, 502, 504):
        response = await visitor.get(f"/fail/{code}", headers={"Accept": accept})
        assert response.status_code == code
        assert faults_of(response) == [], code


async def test_other_answers_have_them_too(alice: Visitor) -> None:
    etag = (await alice.get("/static/site.css")).headers["ETag"]
    for path, headers, status in [
        ("/static/site.css", {"If-None-Match": etag}, 304),
        ("/static/missing.css", {}, 404),
        ("/post//1", {}, 308),
        ("/", {"Host": "evil.example"}, 400),
        ("/nothing", {}, 404),
    ]:
        response = await alice.get(path, headers=headers)
        assert response.status_code == status
        assert faults_of(response) == [], path


@pytest.mark.parametrize("logged_in", [False, True])
async def test_nothing_is_changed_without_a_token(
    alice: Visitor,
    visitor: Visitor,
    routes: list[Route],
    dump: Callable[[], Dump],
    logged_in: bool,
) -> None:
    who = alice if logged_in else visitor
    await who.get("/login")
    form = {"title": "x", "text": "y", "action": "logout_everywhere", "username": "carol"}
    before = dump()
    for route in routes:
        for method in CHANGING:
            for fields in (form, {**form, "csrf_token": "x" * 91}):
                response = await who.open(route.path, method, form=fields)
                taken = method in methods_at(route.path, routes)
                expected = {400, 403} if taken else {405}
                if taken and not logged_in and is_known_first(route):
                    expected = {401}
                assert response.status_code in expected, f"{method} {route.path}"
    assert dump() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost.evil.example"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
async def test_nothing_is_changed_from_elsewhere(
    alice: Visitor, routes: list[Route], dump: Callable[[], Dump], headers: dict[str, str]
) -> None:
    token = await alice.token()
    form = {"csrf_token": token, "title": "x", "text": "y", "action": "logout_everywhere"}
    before = dump()
    for route in routes:
        for method in route.methods & set(CHANGING):
            response = await alice.open(route.path, method, form=form, headers=headers)
            # In a request from another site the API sees no session at all.
            expected = (400, 401, 403) if route.path.startswith(API) else (400, 403)
            assert response.status_code in expected, f"{method} {route.path}"
    assert dump() == before


async def test_anothers_token_is_none(alice: Visitor, bob: Visitor, routes: list[Route]) -> None:
    for token in (await bob.token(), (await alice.token())[:-1], await Visitor(bob.app).token()):
        for route in routes:
            for method in route.methods & set(CHANGING):
                response = await alice.open(route.path, method, form={"csrf_token": token})
                assert response.status_code == 400, f"{method} {route.path}"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_reading_changes_nothing(
    alice: Visitor,
    visitor: Visitor,
    routes: list[Route],
    dump: Callable[[], Dump],
    method: str,
) -> None:
    before = dump()
    for route in routes:
        if method in route.methods and (method, route.path) != ("GET", "/logout"):
            for who in (alice, visitor):
                response = await who.open(route.path, method)
                assert response.status_code < 500, route.path
    assert dump() == before
    assert await alice.who() == "alice"


async def test_head_answers_as_get_does(alice: Visitor, routes: list[Route]) -> None:
    def told(response: Response) -> dict[str, str]:
        return {k: v for k, v in response.headers.items() if k not in ("Set-Cookie", "Date")}

    for route in routes:
        if "GET" in route.methods and route.path != "/logout":
            answers = [await alice.open(route.path, method) for method in ("GET", "HEAD")]
            assert answers[0].status_code == answers[1].status_code, route.path
            assert told(answers[0]).keys() == told(answers[1]).keys(), route.path


def is_known_first(route: Route) -> bool:
    """Tell whether who asks is looked at before what is asked."""
    return route.path.startswith(API) or route.endpoint in READ_AFTER_LOGIN


def methods_at(path: str, routes: list[Route]) -> set[str]:
    return {method for route in routes if route.path == path for method in route.methods}


async def test_options_names_the_methods(visitor: Visitor, routes: list[Route]) -> None:
    for route in routes:
        response = await visitor.open(route.path, "OPTIONS")
        assert response.status_code == 200
        assert set(response.headers["Allow"].split(", ")) == methods_at(route.path, routes)
        assert await response.get_data() == b""


async def test_another_method_is_not_allowed_and_hears_which_are(
    alice: Visitor, routes: list[Route]
) -> None:
    for route in routes:
        allowed = methods_at(route.path, routes)
        for method in set(METHODS) - allowed:
            response = await alice.open(route.path, method)
            assert response.status_code == 405, f"{method} {route.path}"
            assert set(response.headers["Allow"].split(", ")) == allowed
            page = await response.get_data(as_text=True)
            sentence = "This can't be done here." if route.path.startswith(API) else OTHER_METHOD
            assert sentence in page or method == "HEAD"


async def test_nothing_but_a_form_is_a_form(alice: Visitor, routes: list[Route]) -> None:
    token = await alice.token()
    bodies: list[dict[str, Any]] = [
        {"data": b"", "headers": {"Content-Type": "text/plain"}},
        {"data": b"\xff\x00", "headers": {"Content-Type": "application/octet-stream"}},
        {"json": None},
        {"json": []},
        {"json": "text"},
        {"json": {"title": {"a": 1}, "username": ["x", {}]}},
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        {"data": b"[" * 50_000, "headers": {"Content-Type": "application/json"}},
        {"data": b'"\xff"', "headers": {"Content-Type": "application/json"}},
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=B"}},
    ]
    for route in routes:
        if "POST" in route.methods and route.endpoint not in NEEDING_NO_FORM:
            for body in bodies:
                headers = {**body.get("headers", {}), "X-CSRFToken": token}
                response = await alice.open(route.path, "POST", **{**body, "headers": headers})
                expected = (400, 403, 415, 422) if route.path.startswith(API) else (400, 403, 422)
                assert response.status_code in expected, f"{route.path} {body}"
