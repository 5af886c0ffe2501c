"""A small application and its tests, in one file."""

import secrets

import pytest
from flask import Flask, session
from flask.testing import FlaskClient as Client


def create_app() -> Flask:
    app = Flask(__name__)
    app.secret_key = secrets.token_hex()

    @app.get("/visits")
    def visits() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"Visit {session['visits']}"

    return app


@pytest.fixture
def client() -> Client:
    return create_app().test_client()


def test_the_first_visit(client: Client) -> None:
    response = client.get("/visits")
    assert response.status_code == 200
    assert response.get_data(as_text=True) == "Visit 1"


def test_the_session_is_kept(client: Client) -> None:
    with client.session_transaction() as session:
        session["visits"] = 9
    response = client.get("/visits")
    assert response.get_data(as_text=True) == "Visit 10"
