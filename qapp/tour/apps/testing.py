"""A small application and its tests, in one file."""

import asyncio
import secrets

import pytest
from quart import Quart, session
from quart.typing import TestClientProtocol as Client


def create_app() -> Quart:
    app = Quart(__name__)
    app.secret_key = secrets.token_hex()

    @app.get("/visits")
    async def visits() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"Visit {session['visits']}"

    return app


@pytest.fixture
def client() -> Client:
    return create_app().test_client()


async def test_the_first_visit(client: Client) -> None:
    response = await client.get("/visits")
    assert response.status_code == 200
    assert await response.get_data(as_text=True) == "Visit 1"


async def test_the_session_is_kept(client: Client) -> None:
    async with client.session_transaction() as session:
        session["visits"] = 9
    response = await client.get("/visits")
    assert await response.get_data(as_text=True) == "Visit 10"


async def test_a_hundred_visitors_at_once() -> None:
    app = create_app()
    clients = [app.test_client() for _ in range(100)]
    responses = await asyncio.gather(
        *(c.get("/visits") for c in clients)
    )
    texts = {await r.get_data(as_text=True) for r in responses}
    assert texts == {"Visit 1"}
