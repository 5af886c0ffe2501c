"""The login cookie is Flask's: what one framework wrote, the other opens."""

from __future__ import annotations

from typing import Any

import flask  # noqa: TID251 - Flask itself is what the cookie is compared with
import pytest
from flask.typing import ResponseReturnValue  # noqa: TID251

from tests.conftest import KEY, Visitor

CONTENT: dict[str, Any] = {"text": "é 🙂", "number": 5, "list": [1, None], "pair": (1, "b")}


@pytest.fixture
def flask_app() -> flask.Flask:
    """A Flask app with the same key, that says and sets what its session holds."""
    app = flask.Flask(__name__)
    app.secret_key = KEY

    @app.get("/")
    def show() -> ResponseReturnValue:
        return {"session": sorted(flask.session), "login": flask.session.get("login")}

    @app.get("/fill")
    def fill() -> ResponseReturnValue:
        flask.session.update(CONTENT)
        flask.session.permanent = True
        flask.flash("Said by Flask", "warning")
        return "filled"

    @app.get("/keep")
    def keep() -> ResponseReturnValue:
        flask.session["seen"] = "by Flask"
        return "kept"

    return app


async def test_flask_opens_a_login_cookie_of_this_site(
    alice: Visitor, flask_app: flask.Flask
) -> None:
    async with alice.client.session_transaction() as session:
        login = session["login"]
    client = flask_app.test_client()
    client.set_cookie("session", alice.cookie or "")
    answer = client.get("/").json
    assert answer is not None
    assert answer["login"] == login
    assert "_permanent" in answer["session"]


async def test_this_site_opens_a_session_that_flask_wrote(
    visitor: Visitor, flask_app: flask.Flask
) -> None:
    client = flask_app.test_client()
    client.get("/fill")
    cookie = client.get_cookie("session")
    assert cookie is not None
    visitor.client.set_cookie("localhost", "session", cookie.value)
    async with visitor.client.session_transaction() as session:
        assert {name: session[name] for name in CONTENT} == CONTENT
        assert session.permanent
    page = await visitor.text("/about")
    assert '<div class="flash flash-warning" role="alert">' in page
    assert "Said by Flask" in page


async def test_a_login_survives_a_flask_app_writing_to_its_session(
    alice: Visitor, visitor: Visitor, flask_app: flask.Flask
) -> None:
    client = flask_app.test_client()
    client.set_cookie("session", alice.cookie or "")
    client.get("/keep")
    cookie = client.get_cookie("session")
    assert cookie is not None
    visitor.client.set_cookie("localhost", "session", cookie.value)
    assert await visitor.who() == "alice"
    async with visitor.client.session_transaction() as session:
        assert session["seen"] == "by Flask"


async def test_another_key_opens_nothing(alice: Visitor, flask_app: flask.Flask) -> None:
    flask_app.secret_key = "another key, just as long as the first"
    client = flask_app.test_client()
    client.set_cookie("session", alice.cookie or "")
    assert client.get("/").json == {"session": [], "login": None}
