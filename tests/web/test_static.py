"""Static files: addresses that change with the content, answers that browsers keep."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from quart import Quart

import qapp
from qapp.web.static import StaticFiles, read
from tests.conftest import Serve, Visitor

FOLDER = Path(qapp.__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"


def digest(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]


async def test_addresses_in_pages_carry_the_files_hash(visitor: Visitor) -> None:
    page = await visitor.text("/")
    addresses = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    assert f"/static/site.css?v={digest('site.css')}" in addresses
    assert len(addresses) > 3
    for address in addresses:
        response = await visitor.get(address)
        assert (response.status_code, response.headers["Cache-Control"]) == (200, FOREVER)
        name, _, version = address.removeprefix("/static/").partition("?v=")
        assert version == digest(name)
        assert await response.get_data() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("query", ["", "?v=", "?v=000000000000", "?v=x&v=y", "?v=%00", "?v=%FF"])
async def test_another_hash_is_answered_but_not_kept(visitor: Visitor, query: str) -> None:
    response = await visitor.get(f"/static/site.css{query}")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")
    assert await response.get_data() == (FOLDER / "site.css").read_bytes()


async def test_text_is_compressed_for_who_takes_it(visitor: Visitor) -> None:
    plain = await visitor.get("/static/site.css")
    packed = await visitor.get("/static/site.css", headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    body = await packed.get_data(as_text=False)
    assert gzip.decompress(body) == await plain.get_data()
    assert packed.headers["Content-Length"] == str(len(body))
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for response in (plain, packed):
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.headers["Content-Type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br", "nonsense;;;", "\xff"])
async def test_who_does_not_take_it_gets_it_plain(visitor: Visitor, accepted: str) -> None:
    response = await visitor.get("/static/site.css", headers={"Accept-Encoding": accepted})
    assert response.status_code == 200
    assert "Content-Encoding" not in response.headers


async def test_a_file_the_browser_has_is_not_sent_again(visitor: Visitor) -> None:
    for accepted in ("", "gzip"):
        headers = {"Accept-Encoding": accepted}
        etag = (await visitor.get("/static/site.css", headers=headers)).headers["ETag"]
        response = await visitor.get(
            "/static/site.css", headers={**headers, "If-None-Match": f'"x", {etag}'}
        )
        assert response.status_code == 304
        assert await response.get_data() == b""
        assert response.headers["ETag"] == etag


async def test_head_tells_what_get_would_send(visitor: Visitor) -> None:
    get = await visitor.get("/static/site.css")
    head = await visitor.open("/static/site.css", "HEAD")
    assert head.status_code == 200
    for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control"):
        assert head.headers[name] == get.headers[name]


async def test_no_range_or_condition_breaks_an_answer(visitor: Visitor) -> None:
    for name, value in [
        ("Range", "bytes=-1"), ("Range", "bytes=0-"), ("Range", "bytes=0-0,-1"),
        ("Range", "bytes="), ("Range", "bytes=\0"),
        ("Range", "bytes=9-1"), ("Range", "bytes=-0"), ("Range", "bytes=99999999-"), ("Range", "x"),
        ("Range", "bytes=" + "0-1," * 500), ("Range", f"bytes=-{10**30}"), ("Range", "bytes=\xff"),
        ("If-None-Match", "*"), ("If-None-Match", '"'), ("If-None-Match", "W/"), ("If-Match", "x"),
        ("If-Modified-Since", "yesterday"), ("If-Modified-Since", "\xff"), ("If-Range", "x"),
        ("If-Unmodified-Since", "Thu, 99 Foo 9999 99:99:99 GMT"), ("Accept", "\xff"),
    ]:  # fmt: skip
        response = await visitor.get("/static/site.css", headers={name: value})
        assert response.status_code in (200, 206, 304, 412, 416), f"{name}: {value[:20]}"


async def test_what_is_no_file_is_not_found(visitor: Visitor) -> None:
    for name in (
        "missing.css", "x" * 256, "x" * 5000, "vendor", "vendor/", ".", "..", "../__init__.py",
        "%2e%2e/__init__.py", "..%2f__init__.py", "vendor/../../__init__.py", "..\\__init__.py",
        "..%5c__init__.py", "/etc/passwd", "%2fetc%2fpasswd", "site.css%00", "site.css/",
        "Site.css",
        "site.css%20", "%00", "%FF", "....//__init__.py", "%252e%252e/__init__.py", "C:%5cboot.ini",
        "'; DROP TABLE", "<script>", "{{7919*7907}}", "site.css;x", "file:///etc/passwd",
    ):  # fmt: skip
        response = await visitor.get(f"/static/{name}")
        assert response.status_code in (404, 308), name
        body = await response.get_data(as_text=True)
        assert "from __future__" not in body
        assert "root:" not in body
        assert "<script>" not in body.replace("<script src", "")
        assert "62615533" not in body


async def test_a_missing_file_gets_no_hash(app: Quart) -> None:
    async with app.test_request_context("/"):
        assert app.url_for("static", filename="missing.css") == "/static/missing.css"
        assert app.url_for("static", filename="site.css", v="x") == "/static/site.css?v=x"


def test_what_holds_the_same_is_kept_and_the_rest_is_read_anew(tmp_path: Path) -> None:
    for name in ("same.txt", "changed.txt", "removed.txt"):
        (tmp_path / name).write_text("old " * 100)
    before = read(tmp_path, {})
    (tmp_path / "changed.txt").write_text("new " * 100)
    (tmp_path / "removed.txt").unlink()
    after = read(tmp_path, before)
    assert list(after) == ["changed.txt", "same.txt"]
    assert after["same.txt"] is before["same.txt"]
    assert after["changed.txt"].content == b"new " * 100
    assert after["changed.txt"].digest != before["changed.txt"].digest


def test_only_what_gets_smaller_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "long.txt").write_text("long " * 100)
    (tmp_path / "short.txt").write_text("x")
    (tmp_path / "picture.png").write_bytes(b"\0" * 1000)
    (tmp_path / "what.is-it").write_bytes(b"\0" * 1000)
    assets = read(tmp_path, {})
    assert list(assets) == ["deep/er/long.txt", "picture.png", "short.txt", "what.is-it"]
    assert {name for name, asset in assets.items() if asset.gzipped} == {"deep/er/long.txt"}
    assert assets["what.is-it"].mimetype == "application/octet-stream"


async def test_in_debug_mode_an_edit_shows_at_once(tmp_path: Path) -> None:
    for debug, second in ((True, "new"), (False, "old")):
        app = Quart(__name__, static_folder=None)
        app.debug = debug
        StaticFiles(tmp_path).init_app(app)
        (tmp_path / "file.txt").write_text("old")
        async with app.test_app():
            client = app.test_client()
            assert await (await client.get("/static/file.txt")).get_data() == b"old"
            (tmp_path / "file.txt").write_text("new")
            assert await (await client.get("/static/file.txt")).get_data() == second.encode()


async def test_the_sites_own_pages_work_in_debug_mode(serve: Serve) -> None:
    visitor = Visitor(await serve(DEBUG=True))
    assert f"/static/site.css?v={digest('site.css')}" in await visitor.text("/")
