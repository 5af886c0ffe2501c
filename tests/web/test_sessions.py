"""How sessions are read and signed: as itsdangerous does it, with less work."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from markupsafe import Markup
from quart import Quart
from quart.sessions import SecureCookieSessionInterface

from qapp.web import sessions
from qapp.web.sessions import Serializer, SessionInterface

KEY = "a key for tests, long enough to be one"
NOW = 1_800_000_000
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.text().map(Markup)
    | st.binary()
    | st.uuids(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=9,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time, in its only place."""
    now = [NOW]
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now[0])
    return now


def ours(*, key: str = KEY) -> Serializer:
    app = Quart("ours")
    app.secret_key = key
    found = SessionInterface().get_signing_serializer(app)
    assert isinstance(found, Serializer)
    return found


def theirs() -> URLSafeTimedSerializer:
    app = Quart("theirs")
    app.secret_key = KEY
    found = SecureCookieSessionInterface().get_signing_serializer(app)
    assert found is not None
    return found


@given(st.dictionaries(st.text(), VALUES))
def test_they_are_what_quart_reads_and_writes(session: dict[str, Any]) -> None:
    for writer, reader in ((ours(), theirs()), (theirs(), ours())):
        cookie = writer.dumps(session)
        expected = theirs().loads(cookie, return_timestamp=True)
        for _ in range(2):
            assert reader.loads(cookie) == expected[0]
            assert reader.loads(cookie, return_timestamp=True) == expected


async def test_in_an_app_they_are_the_same_to_the_letter() -> None:
    of_days = {"day": date(2026, 11, 27), "price": Decimal("1.50"), "at": datetime.now(UTC)}
    for session in (of_days, {"b": 1, "a": {"z": ("ü", b"x"), "y": [None]}}, {"long": "x" * 2000}):
        async with Quart("an app").app_context():
            assert ours().serializer.dumps(session) == theirs().serializer.dumps(session)


def test_what_is_done_to_a_session_is_not_remembered() -> None:
    serializer = ours()
    for session in ({"name": "ann"}, {"_flashes": [("info", "hi")], "name": "ann"}):
        cookie = serializer.dumps(session)
        for _ in range(3):
            read = serializer.loads(cookie)
            assert read == session
            read["name"] = "bob"
            for value in read.values():
                if isinstance(value, list):
                    value.clear()


def test_a_session_that_is_remembered_becomes_too_old(clock: list[int]) -> None:
    serializer = ours()
    cookie = serializer.dumps({"name": "ann"})
    for age in (0, 1, 60):
        clock[0] = NOW + age
        assert serializer.loads(cookie, max_age=60) == {"name": "ann"}
    for age in (61, -1):
        clock[0] = NOW + age
        with pytest.raises(SignatureExpired):
            serializer.loads(cookie, max_age=60)
    clock[0] = NOW + 61
    assert serializer.loads(cookie, max_age=61) == {"name": "ann"}
    assert serializer.loads(cookie) == {"name": "ann"}


def test_what_is_not_signed_is_never_read() -> None:
    serializer, other = ours(), ours(key="another key, just as long as the one")
    cookie = serializer.dumps({"name": "ann"})
    assert serializer.loads(cookie) == {"name": "ann"}
    for reader, forged in ((other, cookie), (serializer, cookie[:-1]), (serializer, f"{cookie}a")):
        with pytest.raises(BadSignature):
            reader.loads(forged)
    with pytest.raises(BadSignature):
        serializer.loads(cookie, salt="another")


def test_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_REMEMBERED", 3)
    serializer = ours()
    cookies = [serializer.dumps({"n": number}) for number in range(5)]
    cookies.append(serializer.dumps({"n": secrets.token_hex(sessions.LONGEST_REMEMBERED)}))
    for cookie in cookies:
        serializer.loads(cookie)
    assert [*serializer._read] == cookies[2:5]
