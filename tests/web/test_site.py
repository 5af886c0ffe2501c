"""Bodies and forms: what is too large or unreadable is refused, whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from quart import Quart, request, url_for
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import BuildError, RequestRedirect

from qapp.web import site
from qapp.web.bodies import CountingBody
from qapp.web.formparser import StrictFormParser
from tests.conftest import Dump, Serve, Visitor

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=B"
LIMIT = 2000


# CountingBody


async def test_a_body_within_the_limit_is_read() -> None:
    body = CountingBody(None, 10)
    body.append(b"12345")
    body.append(b"67890")
    body.set_complete()
    assert await body == b"1234567890"


async def test_without_a_limit_anything_is_read() -> None:
    body = CountingBody(None, None)
    body.set_result(b"x" * 100_000)
    assert len(await body) == 100_000


async def test_one_byte_more_is_too_large() -> None:
    body = CountingBody(None, 10)
    body.append(b"1234567890")
    body.append(b"1")
    with pytest.raises(RequestEntityTooLarge):
        await body


async def test_a_length_announced_over_the_limit_is_too_large_before_anything_came() -> None:
    body = CountingBody(11, 10)
    with pytest.raises(RequestEntityTooLarge):
        await body
    with pytest.raises(RequestEntityTooLarge):
        await anext(body)


async def test_what_was_read_already_counts_too() -> None:
    body = CountingBody(None, 10)
    for _ in range(2):
        body.append(b"12345")
        assert await anext(body) == b"12345"
    body.append(b"1")
    with pytest.raises(RequestEntityTooLarge):
        await anext(body)


async def test_who_waits_when_the_limit_is_passed_does_not_take_it_for_the_end() -> None:
    body = CountingBody(None, 10)
    body.append(b"1234567890")
    assert await anext(body) == b"1234567890"
    waiting = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    body.append(b"1")
    with pytest.raises(RequestEntityTooLarge):
        await waiting


async def test_the_end_is_the_end() -> None:
    body = CountingBody(None, 10)
    body.append(b"12345")
    body.set_complete()
    assert [chunk async for chunk in body] == [b"12345"]


# StrictFormParser


async def parse(
    data: bytes, kind: str = URLENCODED, *, options: dict[str, str] | None = None, parts: int = 5
) -> list[tuple[str, str]]:
    body = CountingBody(None, None)
    body.set_result(data)
    parser = StrictFormParser(max_form_parts=parts, max_form_memory_size=1000)
    form, files = await parser.parse(body, kind, len(data), options)
    assert not files
    return list(form.items(multi=True))


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"", []),
        (b"a", [("a", "")]),
        (b"a=", [("a", "")]),
        (b"a=1&a=2&b=%C3%A9+x", [("a", "1"), ("a", "2"), ("b", "é x")]),
        (b"=x", [("", "x")]),
        (b"a=%zz", [("a", "%zz")]),
        (b"a=%00", [("a", "\0")]),
        ("é=ü".encode(), [("é", "ü")]),
        (b"a;b=1", [("a;b", "1")]),
        (b"&&a=1&", [("a", "1")]),
    ],
)
@pytest.mark.parametrize("kind", [URLENCODED, "application/x-url-encoded"])
async def test_a_form_is_read(data: bytes, fields: list[tuple[str, str]], kind: str) -> None:
    assert await parse(data, kind) == fields


@pytest.mark.parametrize("kind", [URLENCODED, "application/x-url-encoded"])
@pytest.mark.parametrize("data", [b"a=%FF", b"%FF=a", b"a=\xff", b"a=%ED%A0%80", b"a=%C3", b"\xc3"])
async def test_a_form_that_is_not_utf_8_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(BadRequest, match="not encoded in UTF-8"):
        await parse(data, kind)


@pytest.mark.parametrize("kind", [URLENCODED, "application/x-url-encoded"])
async def test_a_form_of_too_many_fields_is_too_large(kind: str) -> None:
    assert len(await parse(b"a&" * 4 + b"a", kind)) == 5
    with pytest.raises(RequestEntityTooLarge):
        await parse(b"a&" * 5 + b"a", kind)


async def test_without_a_limit_any_number_of_fields_is_read() -> None:
    body = CountingBody(None, None)
    body.set_result(b"a&" * 5000)
    form, _ = await StrictFormParser().parse(body, URLENCODED, None)
    assert len(form.getlist("a")) == 5000


async def test_what_is_no_form_has_no_fields() -> None:
    assert await parse(b"a=1", "text/plain") == []


PART = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'


async def test_a_multipart_form_is_read() -> None:
    options = {"boundary": "B"}
    assert await parse(PART * 2 + b"--B--\r\n", MULTIPART[:19], options=options) == [("a", "1")] * 2


@pytest.mark.parametrize("options", [None, {}, {"boundary": ""}, {"boundary": "é"}])
async def test_a_multipart_form_without_a_boundary_is_refused(
    options: dict[str, str] | None,
) -> None:
    with pytest.raises(BadRequest, match=r"can't be read|UTF-8"):
        await parse(PART + b"--B--\r\n", "multipart/form-data", options=options)


@pytest.mark.parametrize(
    "part",
    [
        b"--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n",
        b'--B\r\nContent-Disposition: form-data; filename="f"\r\n\r\n1\r\n',
        b'--B\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n',
        b'--B\r\n\xff: form-data; name="a"\r\n\r\n1\r\n',
    ],
)
async def test_a_part_without_a_name_or_with_an_unreadable_one_is_refused(part: bytes) -> None:
    with pytest.raises(BadRequest):
        await parse(part + b"--B--\r\n", "multipart/form-data", options={"boundary": "B"})


async def test_too_many_parts_or_too_large_a_field_is_too_large() -> None:
    options = {"boundary": "B"}
    with pytest.raises(RequestEntityTooLarge):
        await parse(PART * 6 + b"--B--\r\n", "multipart/form-data", options=options)
    large = PART.replace(b"1", b"1" * 1001) + b"--B--\r\n"
    with pytest.raises(RequestEntityTooLarge):
        await parse(large, "multipart/form-data", options=options)


# Both, through the site


@pytest.fixture
async def small(serve: Serve) -> Visitor:
    """Somebody logged in on a site that takes small bodies only."""
    visitor = Visitor(await serve(MAX_CONTENT_LENGTH=LIMIT, MAX_FORM_PARTS=10))
    await visitor.register("carol")
    return visitor


async def send(visitor: Visitor, path: str, chunks: Iterator[bytes], **headers: str) -> int:
    """Send a body in chunks without a length; return the answer's status."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with visitor.client.request(path, method="POST", headers=names) as connection:
        for chunk in chunks:
            await connection.send(chunk)
            for _ in range(5):  # the site reads what has come before more comes
                await asyncio.sleep(0)
        await connection.send_complete()
    return (await connection.as_response()).status_code


def urlencoded(token: str, filler: int) -> Iterator[bytes]:
    yield f"csrf_token={token}&title=t&text=".encode()
    for _ in range(filler):
        yield b"x" * 100


def multipart(token: str, filler: int) -> Iterator[bytes]:
    """Yield a form that is complete before its filler begins."""
    for name, value in (("csrf_token", token), ("title", "t"), ("text", "x")):
        yield f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    yield b'--B\r\nContent-Disposition: form-data; name="filler"\r\n\r\n'
    for _ in range(filler):
        yield b"x" * 100
    yield b"\r\n--B--\r\n"


@pytest.mark.parametrize(("kind", "body"), [(URLENCODED, urlencoded), (MULTIPART, multipart)])
async def test_a_chunked_body_over_the_limit_is_too_large_and_stores_nothing(
    small: Visitor,
    dump: Callable[[], Dump],
    kind: str,
    body: Callable[[str, int], Iterator[bytes]],
) -> None:
    token = await small.token()
    before = dump()
    for filler in (20, 21, 40):
        status = await send(small, "/add", body(token, filler), Content_Type=kind)
        assert status == 413, filler
    assert dump() == before
    assert await send(small, "/add", body(token, 3), Content_Type=kind) == 302


async def test_a_length_over_the_limit_is_too_large(
    small: Visitor, dump: Callable[[], Dump]
) -> None:
    token = await small.token()
    before = dump()
    for path in ("/add", "/login", "/register", "/account", "/logout", "/post/1/edit"):
        response = await small.open(
            path,
            "POST",
            form={"csrf_token": token, "title": "x" * LIMIT},
            headers={"Content-Length": str(LIMIT + 100)},
        )
        assert response.status_code == 413, path
        assert "That is too much at once." in await response.get_data(as_text=True)
    assert dump() == before


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "9" * 400, "0x10", "٣", "1, 2"])
async def test_an_odd_length_breaks_nothing(small: Visitor, length: str) -> None:
    token = await small.token()
    response = await small.open(
        "/add", "POST", form={"csrf_token": token}, headers={"Content-Length": length}
    )
    assert response.status_code in (400, 413)


async def test_too_many_fields_are_too_large_and_store_nothing(
    small: Visitor, dump: Callable[[], Dump]
) -> None:
    before = dump()
    fields = {"title": "t", "text": "x", **{f"f{number}": "" for number in range(10)}}
    response = await small.post("/add", fields)
    assert response.status_code == 413
    assert "The form has too many fields." in await response.get_data(as_text=True)
    assert dump() == before


async def test_a_body_that_never_comes_is_given_up(serve: Serve) -> None:
    client = (await serve(BODY_TIMEOUT=0)).test_client()
    headers = {"Content-Type": URLENCODED}
    async with client.request("/add", method="POST", headers=headers) as connection:
        await connection.receive()
    assert (await connection.as_response()).status_code == 408


async def test_a_query_of_raw_bytes_is_read_as_if_escaped(app: Quart) -> None:
    seen: list[str | None] = []

    async def view() -> str:
        seen.append(request.args.get("q"))
        return request.full_path

    app.before_request_funcs[None].append(view)  # answers every request
    for raw in (b"q=\xff%20<", b"q=%FF%20%3C", "q=é".encode()):
        response = await app.test_client().get("/about", scope_base={"query_string": raw})
        assert response.status_code == 200
    assert seen == ["%FF <", "%FF <", "é"]


# Paths that were found before


async def test_a_path_leads_where_it_led_the_first_time(app: Quart) -> None:
    for _ in range(2):
        for method, path, endpoint in (
            ("GET", "/", "blog.index"),
            ("HEAD", "/", "blog.index"),
            ("POST", "/add", "blog.add"),
            ("GET", "/post/1", "blog.show"),
            ("GET", "/post/2", "blog.show"),
            ("GET", "/tour/", "tour.index"),
        ):
            async with app.test_request_context(path, method=method):
                assert (request.endpoint, request.path) == (endpoint, path)
        async with app.test_request_context("/post/2"):
            assert request.view_args == {"post_id": 2}
        for method, path, expected in (
            ("GET", "/nowhere", NotFound),
            ("GET", "/add", MethodNotAllowed),
            ("POST", "/about", MethodNotAllowed),
            ("GET", "/tour", RequestRedirect),
        ):
            async with app.test_request_context(path, method=method):
                assert isinstance(request.routing_exception, expected), path


async def test_who_asks_for_what_else_is_answered_as_by_werkzeug(app: Quart) -> None:
    async with app.test_request_context("/about") as context:
        adapter = context.url_adapter
        assert adapter is not None
        assert adapter.match() == ("status.about", {})
        assert adapter.match("/post/3", "GET") == ("blog.show", {"post_id": 3})
        assert adapter.test("/nowhere") is False
        assert sorted(adapter.allowed_methods("/add")) == ["OPTIONS", "POST"]


# Addresses that were built before


async def test_an_address_is_the_same_the_second_time(app: Quart) -> None:
    async with app.test_request_context("/"):
        for build in (app.url_for, app.url_for, url_for, url_for):
            assert build("blog.show", post_id=1) == "/post/1"
            assert build("blog.search", q="a b", page=2) == "/search?q=a+b&page=2"
            assert build("blog.search", page=2, q="1") == "/search?page=2&q=1"
            assert build("static", filename="site.css").startswith("/static/site.css?v=")


async def test_an_address_depends_on_where_the_site_is_mounted(app: Quart) -> None:
    for root in ("", "/below", ""):
        async with app.test_request_context("/", root_path=root):
            assert app.url_for("blog.show", post_id=1) == f"{root}/post/1"


async def test_a_whole_address_is_that_of_the_host_asked_for(app: Quart) -> None:
    for host in ("localhost", "localhost:8000"):
        async with app.test_request_context("/", headers={"Host": host}):
            assert app.url_for("blog.index", _external=True) == f"http://{host}/"
            assert app.url_for("blog.index", _anchor="x") == "/#x"


async def test_an_address_may_be_relative_to_its_section(app: Quart) -> None:
    for path, address in (("/account", "/login"), ("/about", None), ("/account", "/login")):
        async with app.test_request_context(path):
            if address:
                assert app.url_for(".login") == address
            else:
                with pytest.raises(BuildError):
                    app.url_for(".login")


async def test_values_of_other_types_are_not_taken_for_their_equals(app: Quart) -> None:
    async with app.test_request_context("/"):
        assert app.url_for("blog.search", q=1) == "/search?q=1"
        assert app.url_for("blog.search", q=True) == "/search?q=True"
        assert app.url_for("blog.search", q=1.0) == "/search?q=1.0"
        assert app.url_for("blog.search", q=["a", "b"]) == "/search?q=a&q=b"
        assert app.url_for("blog.search", q=None) == "/search"


async def test_a_value_that_is_none_is_one_for_who_adds_those_that_lack(serve: Serve) -> None:
    def add_default(app: Quart) -> None:
        app.url_defaults(lambda endpoint, values: values.setdefault("q", "tea"))

    app = await serve(add_default)
    async with app.test_request_context("/"):
        for build in (app.url_for, url_for):
            assert build("blog.search") == "/search?q=tea"
            assert build("blog.search", q=None) == "/search"


async def test_what_visitors_put_into_addresses_does_not_fill_the_memory(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "URLS_REMEMBERED", 50)
    for number in range(60):
        assert (await visitor.get(f"/login?next=/{number}")).status_code == 200
        assert (await visitor.get(f"/login?next=/{number}/{'x' * 1000}")).status_code == 200
    urls = visitor.app._urls  # type: ignore[attr-defined]
    assert len(urls) <= 50
    assert all(len(url) <= 200 for url in urls.values())
