"""A form whose token is no good any more: offered again as typed, but not to strangers."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from quart.datastructures import FileStorage

from qapp.config import Settings
from tests.conftest import KEY, PASSWORD, Dump, Page, Visitor

TEXT = "line 1\nline 2 <b>&amp;</b>\n\n  indented"
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
AREA = re.compile(r'<textarea [^>]*name="([^"]+)">\n(.*?)</textarea>', re.DOTALL)
ACTION = re.compile(r'<form method="post" action="([^"]+)">\s*<input type="hidden" name="csrf')


@pytest.fixture
def old_token(monkeypatch: pytest.MonkeyPatch) -> Callable[[Visitor], Any]:
    """Get a visitor a token that is an hour and a second old."""

    async def get(visitor: Visitor) -> str:
        await visitor.token()
        async with visitor.client.session_transaction() as session:
            nonce = session["csrf_token"]
        now = TimestampSigner("any").get_timestamp()
        with monkeypatch.context() as patch:
            patch.setattr(TimestampSigner, "get_timestamp", lambda _: now - 3601)
            return str(URLSafeTimedSerializer(KEY, "wtf-csrf-token").dumps(nonce))

    return get


def offered(page: str) -> tuple[str, dict[str, str]]:
    """Return where a page offers to send what."""
    main = page[page.index("<main") : page.index("</main>")]
    action = ACTION.search(main)
    assert action is not None
    fields = FIELD.findall(main) + AREA.findall(main)
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in fields}


async def test_what_was_typed_is_kept_and_can_be_sent_again(
    alice: Visitor, pages: list[Page], old_token: Any, dump: Callable[[], Dump]
) -> None:
    form = {"csrf_token": await old_token(alice), "title": '"quoted" <b>', "text": TEXT}
    before = dump()
    response = await alice.open("/add", "POST", form=form)
    assert response.status_code == 400
    assert pages[-1].template == "errors/expired.html"
    page = await response.get_data(as_text=True)
    assert "<h1>The form has expired, send it again</h1>" in page
    assert dump() == before
    action, fields = offered(page)
    assert action == "/add"
    assert fields.pop("csrf_token") != form.pop("csrf_token")
    assert fields == form
    _, fields = offered(page)
    assert (await alice.open(action, "POST", form=fields)).status_code == 302
    assert dump()["entries"][0][2:4] == ('"quoted" <b>', TEXT)


async def test_a_password_is_not_sent_back_but_asked_for_again(
    alice: Visitor, visitor: Visitor, pages: list[Page], old_token: Any
) -> None:
    form = {
        "csrf_token": await old_token(visitor),
        "username": "alice",
        "password": PASSWORD,
        "remember": "y",
    }
    response = await visitor.open("/login?next=/account", "POST", form=form)
    assert response.status_code == 400
    page = await response.get_data(as_text=True)
    assert PASSWORD not in page
    assert pages[-1].context["secret_fields"] == ["password"]
    action, fields = offered(page)
    assert action == "/login?next=/account"
    response = await visitor.open(action, "POST", form={**fields, "password": PASSWORD})
    assert (response.status_code, response.location) == (302, "/account")


async def test_every_password_field_is_asked_for_again(
    alice: Visitor, pages: list[Page], old_token: Any
) -> None:
    secrets = {"current": "s3cret-1", "password": "s3cret-2", "confirm": "s3cret-3"}
    form = {"csrf_token": await old_token(alice), "action": "password", **secrets}
    response = await alice.open("/account", "POST", form=form)
    assert pages[-1].context["secret_fields"] == ["current", "password", "confirm"]
    page = await response.get_data(as_text=True)
    assert "s3cret" not in page
    assert offered(page)[1].keys() == {"csrf_token", "action"}


async def test_an_upload_with_an_old_token_is_not_kept(
    alice: Visitor,
    pages: list[Page],
    old_token: Any,
    dump: Callable[[], Dump],
    settings: Settings,
) -> None:
    for path in ("/upload", "/uploader", "/students.csv"):
        response = await alice.open(
            path,
            "POST",
            form={"csrf_token": await old_token(alice)},
            files={"file": FileStorage(BytesIO(b"some text"), "a.txt", "file")},
        )
        assert response.status_code == 400
        assert pages[-1].template == "errors/expired.html"
        assert "some text" not in await response.get_data(as_text=True)
    assert dump()["files"] == dump()["students"] == []
    folder = Path(str(settings.INSTANCE_PATH)) / "files"
    assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.parametrize("token", [None, "", "x", "x" * 10_000, "é", "\0", "a.b.c", "<script>"])
async def test_a_token_that_is_none_is_as_good_as_an_expired_one(
    alice: Visitor, pages: list[Page], token: str | None
) -> None:
    await alice.token()
    form = {"title": "t", "text": "x", **({} if token is None else {"csrf_token": token})}
    response = await alice.open("/add", "POST", form=form)
    assert response.status_code == 400
    assert pages[-1].context["fields"] == [("title", "t"), ("text", "x")]


async def test_a_token_of_before_logging_in_is_expired(alice: Visitor, visitor: Visitor) -> None:
    token = await visitor.token()
    await visitor.log_in("alice")
    response = await visitor.open(
        "/add", "POST", form={"csrf_token": token, "title": "t", "text": "x"}
    )
    assert response.status_code == 400
    action, fields = offered(await response.get_data(as_text=True))
    assert (await visitor.open(action, "POST", form=fields)).status_code == 302


async def test_a_token_works_in_a_header_and_without_a_referrer_over_http(alice: Visitor) -> None:
    headers = {"X-CSRFToken": await alice.token()}
    form = {"title": "t", "text": "x"}
    assert (await alice.open("/add", "POST", form=form, headers=headers)).status_code == 302


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_what_another_site_sent_is_not_offered(
    alice: Visitor, pages: list[Page], headers: dict[str, str]
) -> None:
    form = {"csrf_token": await alice.token(), "title": "planted", "text": "planted"}
    response = await alice.open("/add", "POST", form=form, headers=headers)
    assert response.status_code == 400
    assert (pages[-1].template, pages[-1].context["may_resend"]) == ("errors/expired.html", False)
    assert pages[-1].context["fields"] == []
    page = await response.get_data(as_text=True)
    assert "planted" not in page
    assert "Send it again" not in page


async def test_who_sends_json_hears_it_in_words(alice: Visitor, pages: list[Page]) -> None:
    for always in ({"json": {"title": "x"}}, {"data": b"x", "headers": {"Content-Type": "a/b"}}):
        response = await alice.open("/add", "POST", **always)
        assert response.status_code == 400
        assert pages[-1].template == "errors/error.html"
    response = await alice.open("/add", "POST", form={}, headers={"Accept": "application/json"})
    problem = await response.get_json(force=True)
    assert problem["detail"] == "The form has expired. The CSRF token is missing."


async def test_over_https_a_form_without_origin_or_referrer_is_refused(alice: Visitor) -> None:
    secure = Visitor(alice.app, scheme="https")
    await secure.log_in("alice")
    assert (await secure.log_in("alice")).status_code == 400
    good = {"Referer": "https://localhost/login"}
    fields = {"username": "alice", "password": PASSWORD}
    assert (await secure.post("/login", fields, headers=good)).status_code == 302
    for bad in ("https://localhost.evil/", "http://localhost/", "https://localhost@evil/", "x"):
        response = await secure.post("/login", fields, headers={"Referer": bad})
        assert response.status_code == 400, bad
