"""Each route of the tour answers as the tutorials' readers know it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from quart import Quart, Response

from tests.conftest import Visitor
from tests.web.tools import dangers_in

LONG = "x" * 2000
HTML = "%3Cscript%3Ealert(1)%3C%2Fscript%3E"


async def text_of(response: Response) -> str:
    text: str = await response.get_data(as_text=True)
    return text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/hello", "Hello World"),
        ("/hi", "Hello World"),
        ("/blog/11", "Blog Number 11"),
        ("/rev/1.1", "Revision Number 1.100000"),
        ("/path/a/b/c", "a/b/c"),
        ("/path/%3Cb%3E/x", "&lt;b&gt;/x"),
        ("/home/mvl/", "Hello to Home mvl!"),
        ("/home/%3Cb%3E/", "Hello to Home &lt;b&gt;!"),
        ("/admin", "Hello Admin"),
        ("/guest/mvl", "Hello mvl as Guest"),
        ("/guest/%3Cb%3E", "Hello &lt;b&gt; as Guest"),
        ("/store/Atlantis", "No. We are not located in Atlantis"),
        ("/store/%3Cb%3E", "No. We are not located in &lt;b&gt;"),
        ("/success/mvl", "welcome mvl"),
        ("/success/%3Cb%3E", "welcome &lt;b&gt;"),
        ("/success", "logged in successfully"),
    ],
)
async def test_a_view_returns_the_text(visitor: Visitor, path: str, text: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == 200
    assert text in await text_of(response)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/hello/", "Hello World!"),
        ("/hello/mvl", "Hello mvl!"),
        ("/hello/60", "Your result is pass!"),
        ("/hello/51", "Your result is pass!"),
        ("/hello/50", "Your result is fail"),
        ("/hello/0", "Your result is fail"),
        ("/flask", ""),
        ("/python/", ""),
        ("/static-demo", "hello.js"),
        ("/cookies", 'action="/setcookie"'),
        ("/student", 'action="/result"'),
        ("/method", "GET"),
        ("/request?a=1&a=2", "/request?a=1&amp;a=2"),
        ("/session", ""),
        ("/flash", ""),
        ("/getcookie", "There is no cookie"),
        ("/sijax", "Nothing is looked for."),
        ("/sijax?q=not+found", "<li>404 Not Found</li>"),
    ],
)
async def test_a_page_says(visitor: Visitor, path: str, words: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == 200
    assert words in await text_of(response)


async def test_the_result_is_a_table(visitor: Visitor) -> None:
    text = await visitor.text("/result")
    rows = re.findall(r"<t[hd][^>]*>\s*(\w+)\s*</t[hd]>\s*<td[^>]*>\s*(\d+)", text)
    assert rows == [("phy", "50"), ("che", "60"), ("maths", "70")]


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/python", 308, "/python/"),
        ("/home/mvl", 308, "/home/mvl/"),
        ("/user/admin", 302, "/admin"),
        ("/user/mvl", 302, "/guest/mvl"),
        ("/user/Ærø", 302, "/guest/%C3%86r%C3%B8"),
        *((f"/redirect/{code}", code, "/success") for code in (301, 302, 303, 307, 308)),
    ],
)
async def test_a_redirect_leads_on(visitor: Visitor, path: str, status: int, location: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == status
    assert response.headers["Location"].removeprefix("http://localhost") == location


@pytest.mark.parametrize("code", [400, 401, 403, 404, 406, 415, 429])
async def test_an_abort_shows_the_page_of_its_code(visitor: Visitor, code: int) -> None:
    response = await visitor.get(f"/abort/{code}")
    assert response.status_code == code
    assert f'<p class="meta">{code} · ' in await text_of(response)


@pytest.mark.parametrize(
    "path",
    [
        "/flask/",
        "/hi/",
        "/blog/eleven",
        "/blog/-1",
        "/blog/1.0",
        "/rev/1",
        "/rev/x",
        "/home/",
        "/guest/",
        "/store/",
        "/user/",
        "/success/",
        "/path/",
        "/redirect/200",
        "/redirect/304",
        "/redirect/x",
        "/abort/200",
        "/abort/500",
        "/abort/x",
    ],
)
async def test_what_no_rule_matches_is_not_found(visitor: Visitor, path: str) -> None:
    assert (await visitor.get(path)).status_code == 404


async def test_a_cookie_is_set_and_read(visitor: Visitor) -> None:
    response = await visitor.post("/setcookie", {"nm": "mvl"})
    assert response.status_code == 200
    assert [c for c in response.headers.getlist("Set-Cookie") if c.startswith("userID=")] == [
        "userID=mvl; HttpOnly; Path=/; SameSite=Lax"
    ]
    assert "welcome mvl" in await visitor.text("/getcookie")


async def test_the_form_leads_to_the_name(visitor: Visitor) -> None:
    response = await visitor.post("/method", {"nm": "mvl"})
    assert response.status_code in (302, 303)
    assert response.headers["Location"] == "/success/mvl"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_other_methods_are_named(visitor: Visitor, method: str) -> None:
    token = await visitor.token()
    response = await visitor.open("/method", method, headers={"X-CSRFToken": token})
    assert response.status_code == 200
    assert method in await text_of(response)


# Each route of the tour with a value in its path, at the value's place.
WITH_VALUE = [
    "/hello/{}",
    "/blog/{}",
    "/rev/{}",
    "/path/{}",
    "/home/{}/",
    "/guest/{}",
    "/user/{}",
    "/store/{}",
    "/success/{}",
    "/redirect/{}",
    "/abort/{}",
    "/tour/{}",
]
VALUES = [
    LONG,
    HTML,
    "..%2f..%2f",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "a%00b",
    "%FF",
    "%0d%0ax:%20y",
    "{{7331*7}}",
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("path", WITH_VALUE)
async def test_an_odd_value_does_no_harm(visitor: Visitor, path: str, value: str) -> None:
    response = await visitor.get(path.format(value))
    assert response.status_code in (200, 302, 308, 404), f"{path} {value}"
    text = await text_of(response)
    assert dangers_in(text) == []
    assert "alert(1)</script" not in text
    assert "Traceback" not in text
    assert "x" not in response.headers or response.headers["x"] != "y"
    assert "51317" not in text


# Each route of the tour that takes a form, with a form that it accepts.
FORMS: dict[str, dict[str, str]] = {
    "/method": {"nm": "mvl"},
    "/setcookie": {"nm": "mvl"},
    "/result": {"name": "mvl", "physics": "50", "chemistry": "60", "mathematics": "70"},
    "/session": {"action": "set", "note": "tea"},
    "/flash": {"message": "tea", "category": "info"},
}


@pytest.mark.parametrize("path", FORMS)
async def test_a_good_form_is_taken(visitor: Visitor, path: str) -> None:
    response = await visitor.post(path, FORMS[path])
    assert response.status_code in (200, 302, 303)


@pytest.mark.parametrize("path", FORMS)
async def test_a_missing_field_is_named(visitor: Visitor, path: str) -> None:
    for missing in FORMS[path]:
        form = {name: value for name, value in FORMS[path].items() if name != missing}
        response = await visitor.post(path, form)
        assert response.status_code == 400, missing
        assert f"“{missing}”" in await text_of(response)


@pytest.mark.parametrize(
    "value", ["<script>alert(1)</script>", "../../etc/passwd", "a\0b", LONG, "\r\nx: y", "😀" * 500]
)
@pytest.mark.parametrize("path", FORMS)
async def test_an_odd_field_does_no_harm(visitor: Visitor, path: str, value: str) -> None:
    for name in FORMS[path]:
        response = await visitor.post(path, {**FORMS[path], name: value})
        assert response.status_code in (200, 302, 303, 400, 422), name
        following = response.headers.get("Location")
        text = await (visitor.text(following) if following else text_of(response))
        assert dangers_in(text) == []
        assert "x" not in response.headers


@pytest.mark.parametrize("path", FORMS)
async def test_a_field_twice_counts_once(visitor: Visitor, path: str) -> None:
    token = await visitor.token()
    for name in FORMS[path]:
        form = {**FORMS[path], "csrf_token": token}
        body = urlencode([*form.items(), (name, "another")])
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = await visitor.open(path, "POST", data=body.encode(), headers=headers)
        assert response.status_code in (200, 302, 303), name


async def test_every_route_of_the_tour_is_tried_here(app: Quart) -> None:
    rules = {
        re.sub(r"<[^>]*>", "{}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("tour.") and "{}" in re.sub(r"<[^>]*>", "{}", rule.rule)
    }
    assert rules == set(WITH_VALUE)
    posted = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("tour.") and "POST" in (rule.methods or ())
    }
    assert posted == {*FORMS, "/request", "/sijax"}
