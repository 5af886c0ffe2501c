"""Programs that use the API: alice's owns, bob's is another's, mallory's must be refused."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import pytest
from quart import Quart
from werkzeug.datastructures import Headers

from qapp.accounts.tokens import NewToken, add_token
from qapp.extensions import db
from qapp.web import templating
from tests.conftest import Visitor

ENTRIES, STUDENTS, FILES = "/api/v1/entries", "/api/v1/students", "/api/v1/files"
ENTRY = {"title": "Tea", "text": "Green tea wants **80 °C**."}
STUDENT = {"name": "Asha Rao", "city": "Pune", "addr": "1 Station Road", "pin": "411001"}


class Reply(NamedTuple):
    """An answer of the API, whole."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        """What the body holds."""
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        """The version that the answer is of."""
        return self.headers["ETag"]

    @property
    def location(self) -> str:
        """Where the answer leads."""
        return self.headers["Location"]

    @property
    def fields(self) -> list[str]:
        """Which fields have faults."""
        return [fault["field"] for fault in self.problem(422)["errors"]]

    def problem(self, status: int) -> dict[str, Any]:
        """Return the problem that the answer tells of, which has to be of a status."""
        assert self.status == status, self.body
        assert self.headers["Content-Type"] == "application/problem+json"
        problem: dict[str, Any] = self.json
        assert problem.keys() <= {"type", "title", "status", "detail", "errors", "error_id"}
        assert (problem["type"], problem["status"]) == ("about:blank", status)
        assert problem["title"]
        assert problem["detail"].strip()
        return problem


class Program:
    """A client of the API: it sends a token and keeps no cookies.

    :param token: "" is none.
    :param headers: what every request is made with.
    """

    def __init__(self, app: Quart, token: str = "", headers: Mapping[str, str] = {}) -> None:
        self.app = app
        self.token = token
        self.headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **headers}

    async def open(
        self, method: str, path: str, headers: Mapping[str, str] = {}, **kwargs: Any
    ) -> Reply:
        """Send a request; `kwargs` are those of Quart's client."""
        response = await self.app.test_client(use_cookies=False).open(
            path, method=method, headers=Headers({**self.headers, **headers}), **kwargs
        )
        # What the client adds itself is not in small letters.
        sent = Headers([header for header in response.headers if header[0].islower()])
        return Reply(response.status_code, sent, await response.get_data(as_text=False))

    async def get(self, path: str, headers: Mapping[str, str] = {}, **kwargs: Any) -> Reply:
        """Get something."""
        return await self.open("GET", path, headers, **kwargs)

    async def post(
        self, path: str, json: Any = None, headers: Mapping[str, str] = {}, **kwargs: Any
    ) -> Reply:
        """Add something."""
        return await self.open("POST", path, headers, **_body(json), **kwargs)

    async def put(
        self, path: str, json: Any = None, headers: Mapping[str, str] = {}, **kwargs: Any
    ) -> Reply:
        """Change something."""
        return await self.open("PUT", path, headers, **_body(json), **kwargs)

    async def delete(self, path: str, headers: Mapping[str, str] = {}, **kwargs: Any) -> Reply:
        """Remove something."""
        return await self.open("DELETE", path, headers, **kwargs)

    async def send(
        self,
        method: str,
        path: str,
        body: str | bytes,
        kind: str | None = "application/json",
        headers: Mapping[str, str] = {},
    ) -> Reply:
        """Send a body as it is; None for its type is none."""
        said = {} if kind is None else {"Content-Type": kind}
        return await self.open(method, path, {**headers, **said}, data=body)

    async def added(self, path: str = ENTRIES, json: Any = ENTRY) -> Reply:
        """Add something that is taken."""
        reply = await self.post(path, json)
        assert reply.status == 201, reply.body
        return reply


def _body(content: Any) -> dict[str, Any]:
    return {} if content is None else {"json": content}


async def user_id_of(app: Quart, name: str) -> int:
    """Return a user's id."""
    async with app.app_context():
        found: int = await db.fetch_value("SELECT id FROM users WHERE username = :n", {"n": name})
    return found


async def token_of(
    app: Quart, name: str, scope: str = "write", days: int | None = None, called: str = "test"
) -> NewToken:
    """Make a token of a user."""
    user_id = await user_id_of(app, name)
    async with app.app_context():
        return await add_token(
            db,
            user_id=user_id,
            name=called,
            scope=scope,
            days=days,
            now_ms=templating.now_ms(),  # looked up here, where a test's clock is
        )


NewProgram = Callable[..., Awaitable[Program]]


@pytest.fixture
def new_program(app: Quart) -> NewProgram:
    """Make a program of a user who is registered."""

    async def make(name: str, scope: str = "write", **kwargs: Any) -> Program:
        return Program(app, (await token_of(app, name, scope, **kwargs)).text)

    return make


@pytest.fixture
def nobody(app: Quart) -> Program:
    """A program without a token."""
    return Program(app)


@pytest.fixture
async def alice_program(alice: Visitor, new_program: NewProgram) -> Program:
    """The program of who owns what a test is about; it may write."""
    return await new_program("alice")


@pytest.fixture
async def reader(alice: Visitor, new_program: NewProgram) -> Program:
    """A program of alice that may only read."""
    return await new_program("alice", "read", called="reader")


@pytest.fixture
async def bob_program(bob: Visitor, new_program: NewProgram) -> Program:
    """A program of somebody else."""
    return await new_program("bob")


@pytest.fixture
async def mallory_program(mallory: Visitor, new_program: NewProgram) -> Program:
    """The program of who must be refused."""
    return await new_program("mallory")
