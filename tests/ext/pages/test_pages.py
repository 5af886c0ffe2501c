"""What is kept, for whom, under what, and how it is answered."""

from __future__ import annotations

import gzip
from pathlib import Path
from urllib.parse import urlencode

import pytest
from quart import Quart
from werkzeug.exceptions import BadHost

from qapp.ext import pages as module
from qapp.ext.pages import Counts, Limits, Pages
from qapp.ext.pages.store import MOST_REFUSED

from .conftest import Clock
from .tools import Got, World, ask

HOSTILE = (
    "", " ", ",", ";", ",,;;", "gzip;q=", "gzip;q=x", "gzip;q=-1", "gzip;q=2", "gzip;q=1e9",
    "gzip;q=nan", "gzip;q=0.0001", "\xff\xfe", "gzip;;q=1", "q=1", "*;q=0", "identity;q=0",
    "identity;q=0, *;q=0", "a" * 9000, "gzip," * 2000, ";q=1" * 2000, "gzip;q=١",
    'W/"', '"', "W/W/W/", '*, "x"', '"*"', 'W/*', '"' * 9000, 'W/"x",' * 2000,
)  # fmt: skip


async def test_a_page_is_made_once_and_sent_again(world: World) -> None:
    first, second = await ask(world.app), await ask(world.app)
    assert first == second
    assert first.text == "nobody http://localhost/ None 9 None: green"
    assert world.made == ["/"]
    assert (await world.counts())[:3] == (1, 1, 0)


async def test_what_is_kept_is_asked_for_again_each_time(world: World) -> None:
    got = await ask(world.app)
    assert got.headers["cache-control"] == "no-cache"
    assert got.headers["vary"] == "Accept-Encoding, Cookie"
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    assert got.headers["content-length"] == str(len(got.body))
    assert got.headers["etag"].startswith('W/"')


async def test_a_head_is_answered_from_the_page_and_makes_it(world: World) -> None:
    head = await ask(world.app, method="HEAD")
    got = await ask(world.app)
    assert head == got._replace(body=b"")
    assert world.made == ["/"]


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE", "PUT", "TRACE", "get"])
async def test_other_methods_are_the_apps(world: World, method: str) -> None:
    await ask(world.app)
    assert (await ask(world.app, method=method)).status in (200, 405)
    assert len(world.made) == 2


async def test_views_that_did_not_opt_in_are_called_each_time(world: World) -> None:
    for _ in range(3):
        assert (await ask(world.app, "/own")).text == "not opted in"
    assert world.made == ["/own"] * 3
    assert (await world.counts()).misses == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "session=x"},
        {"Cookie": "theme=dark; session=x"},
        {"Cookie": "theme=dark;session=x"},
        {"Cookie": "theme=dark; theme=light"},
        {"Cookie": "theme=pink"},
        {"Cookie": 'theme="dark"'},
        {"Cookie": "theme"},
        {"Cookie": "THEME=dark"},
        {"Cookie": "anything"},
        {"Cookie": "=dark"},
        {"Cookie": "\xff=\xfe"},
        {"Cookie": "theme=dark, session=x"},
        [("Cookie", "session=x"), ("Cookie", "theme=dark")],
        [("Cookie", "theme=dark"), ("Cookie", "session=x")],
        {"Authorization": "Basic x"},
        {"Authorization": ""},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
    ],
)
async def test_who_may_be_somebody_is_answered_by_the_app(
    world: World, headers: dict[str, str] | list[tuple[str, str]]
) -> None:
    await ask(world.app)
    for _ in range(2):
        got = await ask(world.app, headers=headers)
        assert got.status == 200
        assert "etag" not in got.headers
    assert len(world.made) == 3
    assert (await world.counts()).pages == 1


async def test_cookies_that_are_declared_make_pages_of_their_own(world: World) -> None:
    for theme in ("dark", "light"):
        for _ in range(2):
            assert f" {theme} " in (await ask(world.app, headers={"Cookie": f"theme={theme}"})).text
    for cookie in ("", " ", ";", "; ;"):
        assert " None " in (await ask(world.app, headers={"Cookie": cookie})).text
    assert len(world.made) == 3


async def test_scheme_host_and_port_are_told_apart(world: World) -> None:
    urls = set()
    for scheme in ("http", "https"):
        for host in ("localhost", "localhost:8000", "example.org"):
            for _ in range(2):
                got = await ask(world.app, scheme=scheme, host=host)
                assert f"{scheme}://{host}/" in got.text
                urls.add(got.text)
    assert len(urls) == len(world.made) == 6


async def test_a_name_in_capitals_makes_no_page(world: World) -> None:
    for host in ("LOCALHOST", "LocalHost", None):
        assert (await ask(world.app, host=host)).status in (200, 400)
    assert (await world.counts()).pages == 0


async def test_only_declared_parameters_count(world: World) -> None:
    same = await ask(world.app, query="before=5&kind=a")
    for query in (
        "kind=a&before=5",
        "x=1&before=5&kind=a",
        "before=5&%6bind=a&&=&x",
        "kind=%61&before=5",
    ):
        assert await ask(world.app, query=query) == same
    assert world.made == ["/?before=5&kind=a"]
    assert await ask(world.app, query="before=5") != same
    assert await ask(world.app, "/tea/green", "name=x") == await ask(world.app, "/tea/green")
    assert len(world.made) == 3


async def test_a_parameter_given_twice_is_the_apps(world: World) -> None:
    for _ in range(2):
        assert " 5 " in (await ask(world.app, query="before=5&before=6")).text
    assert len(world.made) == 2
    assert (await world.counts()).pages == 0


async def test_a_flood_of_unknown_parameters_makes_one_page(world: World) -> None:
    for number in range(2000):
        await ask(world.app, query=f"x={number}&{number}=x")
    counts = await world.counts()
    assert (counts.pages, counts.misses, len(world.made)) == (1, 1, 1)


async def test_floods_of_wrong_addresses_keep_nothing(world: World) -> None:
    for number in range(300):
        assert (await ask(world.app, query=f"before=x{number}")).status == 400
        assert (await ask(world.app, f"/tea/long-name-{number}")).status == 404
        assert (await ask(world.app, f"/nothing/{number}")).status == 404
        await ask(world.app, query="before=1" + "0" * (400 + number))
        await ask(world.app, query="kind=" + "%00" * number * 9)
        await ask(world.app, "/" * (number + 2))
        await ask(world.app, query="%ff=%fe&before=%ff")
    counts = await world.counts()
    assert counts.pages <= 50  # kinds of up to 400 letters are kinds
    async with world.app.app_context():
        assert len(world.app.extensions["pages"]._renders) == 0


@pytest.mark.parametrize("value", HOSTILE)
async def test_hostile_headers_get_the_page(world: World, value: str) -> None:
    plain = await ask(world.app)
    for name in ("Accept-Encoding", "If-None-Match", "Accept", "Range", "If-Match", "Cookie"):
        header = value.encode("utf-8").decode("latin-1")
        got = await ask(world.app, headers={name: header})
        assert got.status == 200
        body = (
            gzip.decompress(got.body) if got.headers.get("content-encoding") == "gzip" else got.body
        )
        if "content-encoding" not in got.headers or got.headers["content-encoding"] == "gzip":
            assert body == plain.body


@pytest.mark.parametrize(
    "host", ["évil", "a b", "", "x:y:z", "[", "\xff", "a" * 5000, "evil/", "."]
)
async def test_hostile_hosts_fail_as_without_the_cache(world: World, host: str) -> None:
    """Quart itself fails on some; the site refuses them before."""
    try:
        direct = await ask(world.app, host=host, headers={"Cookie": "other"})
    except BadHost:
        with pytest.raises(BadHost):
            await ask(world.app, host=host)
    else:
        assert (await ask(world.app, host=host)).body == direct.body


async def test_who_has_the_page_is_told_so(world: World) -> None:
    got = await ask(world.app)
    etag = got.headers["etag"]
    strong = etag.removeprefix("W/")
    for known in (etag, strong, f'"x", {etag}', f'{strong},"y"', "*", " * "):
        for method in ("GET", "HEAD"):
            again = await ask(world.app, method=method, headers={"If-None-Match": known})
            assert (again.status, again.body) == (304, b"")
            assert again.headers["etag"] == etag
            assert again.headers["cache-control"] == "no-cache"
            assert again.headers["vary"] == got.headers["vary"]
            assert "content-length" not in again.headers
            assert "content-type" not in again.headers
    for unknown in ('"x"', "", strong[1:-1], strong[:-2], '"*"'):
        assert (await ask(world.app, headers={"If-None-Match": unknown})).status == 200


async def test_a_page_that_changed_has_another_etag(world: World) -> None:
    before = await ask(world.app)
    await world.add("black")
    after = await ask(world.app, headers={"If-None-Match": before.headers["etag"]})
    assert after.status == 200
    assert after.headers["etag"] != before.headers["etag"]


async def test_a_page_is_compressed_once_for_who_accepts_that(world: World) -> None:
    size = "size=5000"
    plain = await ask(world.app, "/answer", size)
    for _ in range(2):
        got = await ask(world.app, "/answer", size, headers={"Accept-Encoding": "gzip"})
        assert got.headers["content-encoding"] == "gzip"
        assert got.headers["content-length"] == str(len(got.body))
        assert got.headers["etag"] == plain.headers["etag"]
        assert gzip.decompress(got.body) == plain.body
        assert len(got.body) < 200
    counts = await world.counts()
    assert 5000 < counts.bytes - 4096 < 5200
    head = await ask(world.app, "/answer", size, method="HEAD", headers={"Accept-Encoding": "gzip"})
    assert head == got._replace(body=b"")


async def test_who_accepts_nothing_is_answered_as_without_the_cache(world: World) -> None:
    await ask(world.app)
    got = await ask(world.app, headers={"Accept-Encoding": "identity;q=0, gzip;q=0, br;q=0"})
    assert got.status == 200
    assert "content-encoding" not in got.headers
    assert len(world.made) == 2


async def test_the_smaller_coding_is_the_first_choice(world: World) -> None:
    got = await ask(world.app, headers={"Accept-Encoding": "gzip, br"})
    assert got.headers["content-encoding"] == "br"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", True),
        ("headers=Set-Cookie=a=b", False),
        ("headers=Cache-Control=no-store", False),
        ("headers=Cache-Control=no-cache, NO-STORE", False),
        ("headers=Cache-Control=private, no-cache", True),
        ("headers=Cache-Control=public, max-age=60", True),
        ("headers=Vary=Cookie", True),
        ("headers=Vary=Cookie, Accept-Encoding", True),
        ("headers=Vary=Accept-Language", False),
        ("headers=Vary=Cookie, Accept", False),
        ("headers=Vary=*", False),
        ("headers=Content-Encoding=gzip", False),
        ("headers=X-Any=thing", True),
        ("status=201", False),
        ("status=301", False),
        ("status=404", False),
        ("status=500", False),
        ("size=1048576", True),
        ("size=1048577", False),
        ("size=0", True),
    ],
)
async def test_what_an_answer_says_of_itself_decides(world: World, query: str, kept: bool) -> None:
    path = "/answer"
    answers = [await ask(world.app, path, query) for _ in range(2)]
    assert (await world.counts()).pages == kept
    assert answers[0] == answers[1]
    if "public" in query:
        assert answers[0].headers["cache-control"] == "max-age=60, public"
    if "Set-Cookie" in query:
        assert answers[0].headers["set-cookie"] == "a=b"
    if "X-Any" in query:
        assert answers[0].headers["x-any"] == "thing"


async def test_a_request_with_a_body_is_the_apps(world: World) -> None:
    """Of HTTP/2, where a body needs no header to announce it."""
    await ask(world.app, http_version="2")
    got = await ask(world.app, http_version="2")
    assert "etag" in got.headers
    assert "etag" not in (await ask(world.app, http_version="2", parts=[b"x", b"y"])).headers


async def test_a_request_that_does_not_end_is_the_apps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qapp.ext.pages.layer.MOST_END_S", 0.01)
    await ask(world.app)
    assert "etag" not in (await ask(world.app, http_version="2", parts=[])).headers


async def test_streams_are_passed_through(world: World) -> None:
    for _ in range(2):
        assert (await ask(world.app, "/stream")).body == b"part" * 3
    assert (await world.counts()).pages == 0


async def test_errors_are_those_of_the_form_asked_for(world: World) -> None:
    """The app may answer who accepts no HTML in another form, so it sees such a request whole."""
    await ask(world.app, "/tea/too-long-a-name", headers={"Accept": "application/json"})
    assert (await world.counts()).misses == 0


async def test_old_pages_are_made_anew(world: World, clock: Clock) -> None:
    await ask(world.app)
    clock.now += 29
    await ask(world.app)
    assert len(world.made) == 1
    clock.now += 1
    await ask(world.app)
    assert len(world.made) == 2


async def test_pages_take_no_more_room_than_they_may(tmp_path: Path, clock: Clock) -> None:
    world = World(tmp_path, limits=Limits(most_bytes=100_000, most_page_bytes=60_000))
    async with world.app.test_app():
        await world.create()
        for number in range(50):
            await ask(world.app, "/answer", "size=9000")  # the one that is used
            await ask(world.app, "/answer", f"size={10_000 + number}")
            assert (await world.counts()).bytes <= 100_000
        counts = await world.counts()
        assert (counts.misses, counts.pages) == (51, 7)
        assert counts.evictions == 51 - 7
        await ask(world.app, "/answer", "size=60000", headers={"Accept-Encoding": "gzip"})
        assert (await world.counts()).bytes <= 100_000
        await world.add("black")
        assert (await world.counts())[5:] == (0, 0)


@pytest.mark.parametrize("query", ["size=60001", "headers=Vary=Accept-Language"])
async def test_what_can_not_be_kept_is_not_made_for_that_each_time(
    tmp_path: Path, clock: Clock, query: str
) -> None:
    world = World(tmp_path, limits=Limits(most_page_bytes=60_000))
    async with world.app.test_app():
        await world.create()
        for _ in range(3):
            assert (await ask(world.app, "/answer", query)).status == 200
        assert len(world.made) == 2 + 1 + 1
        clock.now += 10
        await ask(world.app, "/answer", query)
        assert len(world.made) == 4 + 2
        await ask(world.app, "/answer", "size=9")
        await ask(world.app, "/answer", "size=9")
        assert len(world.made) == 6 + 1


async def test_what_could_not_be_kept_is_tried_again_after_a_change(tmp_path: Path) -> None:
    world = World(tmp_path, limits=Limits(most_page_bytes=60_000))
    async with world.app.test_app():
        await world.create()
        for _ in range(2):
            await ask(world.app, "/answer", "size=60001")
        await world.add("black")
        await ask(world.app, "/answer", "size=60001")
        assert len(world.made) == 2 + 1 + 2


async def test_of_what_can_not_be_kept_the_oldest_is_forgotten(world: World) -> None:
    for number in range(MOST_REFUSED + 1):
        await ask(world.app, "/answer", f"headers=Vary=X-{number}")
    world.made.clear()
    await ask(world.app, "/answer", f"headers=Vary=X-{MOST_REFUSED}")
    assert len(world.made) == 1
    await ask(world.app, "/answer", "headers=Vary=X-0")
    assert len(world.made) == 1 + 2


async def test_debug_mode_keeps_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, debug=True)
    async with world.app.test_app():
        await world.create()
        await ask(world.app)
        await ask(world.app)
        assert len(world.made) == 2
        assert await world.counts() == Counts()


async def test_an_app_that_does_not_serve_keeps_nothing(world: World) -> None:
    await ask(world.app, "/tea/green")
    await world.app.shutdown()
    world.made.clear()
    for _ in range(2):
        assert (await ask(world.app, "/tea/green")).text == "tea green"
    assert len(world.made) == 2


async def test_an_app_with_rules_for_hosts_is_refused() -> None:
    pages = Pages()
    app = Quart("hosts")
    app.config["SERVER_NAME"] = "example.org"
    pages.init_app(app)
    app.add_url_rule("/", "index", lambda: "x", subdomain="tea")
    with pytest.raises(RuntimeError, match="all hosts"):
        await app.startup()


async def test_pages_below_a_root_path_are_kept(world: World) -> None:
    async def below(scope: dict[str, object], receive: object, send: object) -> None:
        await world.app({**scope, "root_path": "/shop"}, receive, send)  # type: ignore[arg-type]

    for _ in range(2):
        assert (await ask(below, "/shop/tea/green")).text == "tea green"
    assert (await ask(below, "/tea/green")).status == 404
    assert (await world.counts()).hits == 1


async def test_a_layer_above_may_add_headers(world: World) -> None:
    async def above(scope: object, receive: object, send: object) -> None:
        async def add(message: dict[str, object]) -> None:
            if headers := message.get("headers"):
                assert isinstance(headers, list)
                headers.append((b"x-above", b"1"))
            await send(message)  # type: ignore[operator]

        await world.app(scope, receive, add)  # type: ignore[arg-type]

    answers: list[Got] = [await ask(above) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert "x-above" not in (await ask(world.app)).headers


async def test_without_a_database_pages_hold_until_they_are_dropped(clock: Clock) -> None:
    pages = Pages()
    app = Quart("alone")
    pages.init_app(app)
    made = []

    @app.get("/")
    @pages.cache
    async def index() -> str:
        made.append(1)
        return str(len(made))

    async with app.test_app():
        for _ in range(3):
            assert (await ask(app)).text == "1"
        async with app.app_context():
            pages.drop()
        assert (await ask(app)).text == "2"
        clock.now += 31
        assert (await ask(app)).text == "3"


async def test_the_app_of_the_docstring_works_as_it_stands(tmp_path: Path) -> None:
    assert module.__doc__ is not None
    lines = module.__doc__[module.__doc__.index("    from quart") :].splitlines()
    code = "\n".join(line[4:] for line in lines if not line or line.startswith("    "))
    names: dict[str, object] = {"__name__": "tea"}
    exec(code.replace("/tmp", str(tmp_path)), names)  # noqa: S102, S108 - the docstring's
    app = names["app"]
    assert isinstance(app, Quart)
    async with app.test_app():
        assert await ask(app, query="x=1") == await ask(app, query="x=2")
        assert app.extensions["pages"].store.counts.hits == 1


@pytest.mark.parametrize("tag", ['"17"', 'W/"17"'])
async def test_a_page_with_a_tag_of_its_own_keeps_it_and_its_bytes(world: World, tag: str) -> None:
    query = urlencode({"headers": f"ETag={tag}", "size": 5000})
    for _ in range(2):
        got = await ask(world.app, "/answer", query, headers={"Accept-Encoding": "br, gzip"})
        assert (got.headers["etag"], got.body) == (tag, b"x" * 5000)
        assert "content-encoding" not in got.headers
        for known in (tag, '"17"', 'W/"17"', '"1", "17"', "*"):
            same = await ask(world.app, "/answer", query, headers={"If-None-Match": known})
            assert (same.status, same.headers["etag"]) == (304, tag)
        other = await ask(world.app, "/answer", query, headers={"If-None-Match": '"1"'})
        assert other.status == 200
    assert len(world.made) == 1
    none = {"Accept-Encoding": "identity;q=0, br"}
    assert (await ask(world.app, "/answer", query, headers=none)).status == 200
    assert len(world.made) == 2


@pytest.mark.parametrize(
    ("accept", "is_given"),
    [
        ("*/*", True),
        ("text/html", True),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", True),
        ("text/html;q=0.001", True),
        ("", True),
        ("application/json", False),
        ("text/html;q=0", False),
        ("text/html;q=0.000", False),
        ("text/html;q=0, */*", False),
        ("text/*", False),
    ],
)
async def test_a_page_goes_to_who_surely_accepts_its_type(
    world: World, accept: str, is_given: bool
) -> None:
    await ask(world.app)
    await ask(world.app, headers={"Accept": accept})
    assert (len(world.made) == 1) is is_given


async def test_a_strict_view_answers_what_it_does_not_know_itself(world: World) -> None:
    for _ in range(2):
        assert (await ask(world.app, "/strict", "kind=green")).text == "green []"
        for query in ("kind=green&x=1", "x=1", "x", "kind=green&kind=black"):
            assert (await ask(world.app, "/strict", query)).text != "green []"
    assert (await world.counts()).pages == 1
    assert world.made.count("/strict?kind=green") == 1


async def test_what_an_answer_varies_by_is_told(world: World) -> None:
    for vary, told in (
        ("Cookie", "Accept-Encoding, Cookie"),
        ("origin, authorization", "Accept-Encoding, Cookie, Authorization, Origin"),
    ):
        query = urlencode({"headers": f"Vary={vary}"})
        assert (await ask(world.app, "/answer", query)).headers["vary"] == told
        for header in ("Origin", "Authorization"):
            got = await ask(world.app, "/answer", query, headers={header: "https://a.example"})
            assert "etag" not in got.headers
