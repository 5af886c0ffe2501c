"""Hosts, headers, and where `next` may lead."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from quart import Response, session

from qapp.web.headers import CONTENT_SECURITY_POLICY
from qapp.web.security import is_trusted, safe_next
from tests.accounts.test_login import OFF_SITE, ON_SITE
from tests.conftest import Serve, Visitor


@pytest.mark.parametrize("target", [None, *OFF_SITE], ids=repr)
def test_what_a_browser_might_take_elsewhere_is_no_next(target: str | None) -> None:
    assert safe_next(target) is None


@pytest.mark.parametrize(("target", "path"), ON_SITE.items())
def test_a_path_of_this_site_is(target: str, path: str) -> None:
    assert safe_next(target) == path


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("example.org", True),
        ("www.example.org", False),
        ("example.org.evil", False),
        ("notexample.org", False),
        ("sub.example.com", True),
        ("a.b.example.com", True),
        ("example.com", True),
        ("notexample.com", False),
        ("[::1]", True),
        ("", False),
    ],
)
def test_a_leading_dot_stands_for_all_below_it(name: str, trusted: bool) -> None:
    assert is_trusted(name, ("Example.ORG", ".Example.com", "[::1]")) is trusted


async def test_a_name_of_the_site_is_answered_in_any_case_and_on_any_port(serve: Serve) -> None:
    visitor = Visitor(await serve(TRUSTED_HOSTS=("localhost", ".example.org", "[::1]")))
    for host in ("LOCALHOST", "localhost:8000", "example.org", "WWW.example.org:443", "[::1]:8000"):
        assert (await visitor.get("/", headers={"Host": host})).status_code == 200, host


async def test_any_other_host_is_refused_and_never_repeated(visitor: Visitor) -> None:
    for host in (
        "evil.example", "evil.example:80", "localhost.evil.example", "evil.example/localhost",
        "localhost@evil.example", "evil.example#localhost", "evil.example\\localhost",
        "a b", "<script>alert(1)</script>", "x:y:z", "localhost:x", "localhost:",
        "localhost:999999", "localhost.", "a..b", ".", "..", "-", "_", "[", "[]", "[::1", "[::1]x",
        "[evil]", "%00",
        "évil.example", "ｌocalhost", "\xff\xfe", "\x7f", "'", '"', "", " ", ",", "localhost, evil",
        "evil" * 20 + ".example", "a" * 64, "a." * 200 + "example", "a" * 5000, "127.0.0.1",
    ):  # fmt: skip
        for path in ("/", "/feed.xml", "/nothing", "/post//1", "/static/site.css"):
            response = await visitor.get(path, scope_base={"headers": [(b"host", host.encode())]})
            assert response.status_code == 400, host
            body = await response.get_data(as_text=True)
            assert "QAPP_TRUSTED_HOSTS" in body
            assert "Location" not in response.headers
            if len(host) > 3:
                assert host not in body
                assert re.sub("[<>]", "", host) not in body


async def test_no_host_at_all_is_refused(visitor: Visitor) -> None:
    for version in ("1.0", "1.1"):
        response = await visitor.get("/", scope_base={"headers": [], "http_version": version})
        assert response.status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_load_balancer_asks_for_health_under_any_address(
    visitor: Visitor, path: str
) -> None:
    assert (await visitor.get(path, headers={"Host": "10.1.2.3:8000"})).status_code == 200
    assert (await visitor.get("/about", headers={"Host": "10.1.2.3:8000"})).status_code == 400


async def test_what_a_proxy_says_of_the_host_is_ignored(visitor: Visitor) -> None:
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Server": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Original-Host": "evil.example",
        "Forwarded": "host=evil.example;proto=https",
        "X-Original-URL": "/admin",
        "X-Rewrite-URL": "/admin",
    }
    response = await visitor.get("/feed.xml", headers=forged)
    body = await response.get_data(as_text=True)
    assert "evil.example" not in body
    assert "http://localhost/feed.xml" in body
    assert "Strict-Transport-Security" not in response.headers


async def test_strict_transport_is_asked_for_over_https_only(
    serve: Serve, visitor: Visitor
) -> None:
    name = "Strict-Transport-Security"
    assert name not in (await visitor.get("/")).headers
    told = (await visitor.get("/", scheme="https")).headers[name]
    assert told == "max-age=31536000; includeSubDomains"
    behind = Visitor(await serve(PREFERRED_URL_SCHEME="https"))
    assert (await behind.get("/")).headers[name] == told


async def test_nobody_elsewhere_is_granted_anything(visitor: Visitor) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-CSRFToken",
    }
    for method in ("GET", "OPTIONS"):
        response = await visitor.open("/", method, headers=headers)
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


async def test_pages_are_for_one_visitor_and_not_kept(alice: Visitor, visitor: Visitor) -> None:
    for who in (alice, visitor):
        for path in ("/", "/login", "/about", "/search?q=x", "/nothing", "/account"):
            response = await who.get(path)
            is_kept = who is visitor and path == "/"  # by qapp.ext.pages, as it is for everybody
            assert (
                response.headers["Cache-Control"] == ("" if is_kept else "private, ") + "no-cache"
            )
            assert "Cookie" in response.headers["Vary"]


@pytest.mark.parametrize("uses_session", [False, True])
async def test_what_an_answer_varies_by_stays_beside_the_cookie(
    serve: Serve, uses_session: bool
) -> None:
    async def view() -> Response:
        if uses_session:
            session["seen"] = True
        response = Response("here")
        response.headers.add("Vary", "X-Cookie-Consent")
        response.headers.add("Vary", "Accept")
        return response

    app = await serve(lambda app: app.add_url_rule("/here", view_func=view))
    response = await Visitor(app).get("/here")
    varied = ", ".join(response.headers.getlist("Vary")).split(", ")
    assert sorted(varied) == ["Accept", "Cookie", "X-Cookie-Consent"]


def test_the_policy_allows_no_inline_script_or_style() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert directive in CONTENT_SECURITY_POLICY


class Inline(HTMLParser):
    """Find what the policy would not let run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]


async def test_no_page_needs_more_than_the_policy_allows(alice: Visitor, visitor: Visitor) -> None:
    entry = await alice.add()
    for who in (alice, visitor):
        for path in (
            "/", f"/post/{entry}", f"/post/{entry}/edit", "/users/alice", "/search?q=text",
            "/login", "/register", "/account", "/about", "/nothing",
        ):  # fmt: skip
            inline = Inline()
            inline.feed(await who.text(path))
            assert inline.found == [], path
