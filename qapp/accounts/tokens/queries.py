"""The SQL of the tokens. Times are milliseconds since 1970."""

from __future__ import annotations

from typing import NamedTuple

from qapp.ext.database import ConstraintViolation, Executor
from qapp.web.errors import NotFound


class Caller(NamedTuple):
    """Whose a token is, and what it may: "read", or "write" too."""

    id: int
    username: str
    created_at: int
    token_id: int
    hash: str
    scope: str
    expires_at: int | None
    used_at: int | None


class Token(NamedTuple):
    """What a user sees of a token."""

    id: int
    name: str
    handle: str
    scope: str
    created_at: int
    expires_at: int | None
    used_at: int | None

    @property
    def begins(self) -> str:
        """How it begins: what of it may be shown."""
        return f"qapp_{self.handle}"


class TokenNameTaken(Exception):
    """The user has a token of this name."""


async def get_caller(db: Executor, *, handle: str) -> Caller | None:
    """Return whose token has a handle, whether or not it has expired."""
    return await db.fetch_one(
        """
        SELECT users.id, users.username, users.created_at, api_tokens.id AS token_id,
               api_tokens.hash, api_tokens.scope, api_tokens.expires_at, api_tokens.used_at
        FROM api_tokens JOIN users ON users.id = api_tokens.user_id
        WHERE api_tokens.handle = :handle
        """,
        {"handle": handle},
        into=Caller,
    )


async def list_tokens(db: Executor, *, user_id: int) -> list[Token]:
    """Return a user's tokens, in the order of their names."""
    return await db.fetch_all(
        """
        SELECT id, name, handle, scope, created_at, expires_at, used_at
        FROM api_tokens WHERE user_id = :user_id ORDER BY name
        """,
        {"user_id": user_id},
        into=Token,
    )


async def add_token(
    db: Executor,
    *,
    user_id: int,
    name: str,
    handle: str,
    hash: str,
    scope: str,
    expires_at: int | None,
    now_ms: int,
) -> int:
    """Add a token and return its id; raise TokenNameTaken if the user has one of the name."""
    try:
        token_id: int = await db.fetch_value(
            """
            INSERT INTO api_tokens (user_id, name, handle, hash, scope, created_at, expires_at)
            VALUES (:user_id, :name, :handle, :hash, :scope, :now_ms, :expires_at) RETURNING id
            """,
            {
                "user_id": user_id,
                "name": name,
                "handle": handle,
                "hash": hash,
                "scope": scope,
                "expires_at": expires_at,
                "now_ms": now_ms,
            },
        )
    except ConstraintViolation as error:
        if error.kind == "unique":
            raise TokenNameTaken(name) from error
        raise
    return token_id


async def touch_token(db: Executor, *, token_id: int, now_ms: int) -> None:
    """Note that a token was used."""
    await db.execute(
        "UPDATE api_tokens SET used_at = :now_ms WHERE id = :token_id",
        {"token_id": token_id, "now_ms": now_ms},
    )


async def remove_token(db: Executor, *, user_id: int, token_id: int) -> None:
    """Remove a token of a user; raise NotFound if the user has none of the id."""
    removed = await db.execute(
        "DELETE FROM api_tokens WHERE id = :token_id AND user_id = :user_id",
        {"token_id": token_id, "user_id": user_id},
    )
    if not removed:
        raise NotFound
