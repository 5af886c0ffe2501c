"""Users and one's own account, for programs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from quart import Blueprint, Response, url_for
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import Conflict, Forbidden

from qapp.extensions import csrf, db
from qapp.web.api import (
    Answer,
    Located,
    Model,
    Number,
    Time,
    fault,
    one_line,
    operation,
    time_of,
)
from qapp.web.api.models import EXAMPLE_TIME
from qapp.web.paging import LARGEST_ID
from qapp.web.templating import now_ms

from . import tokens
from .callers import Caller, reader, writer
from .queries import find_author

users = csrf.exempt(Blueprint("users", __name__, url_prefix="/api/v1/users"))
me = csrf.exempt(Blueprint("me", __name__, url_prefix="/api/v1/me"))

Scope = Literal["read", "write"]


class User(Model):
    """What everybody may know of a user."""

    username: str = Field(examples=["alice"])
    created_at: Time
    entries: str = Field(
        description="Where the user's entries are.", examples=["/api/v1/entries?author=alice"]
    )


class Account(Model):
    """Your account."""

    username: str = Field(examples=["alice"])
    created_at: Time
    scope: Scope = Field(description="What you may do here: read, or write too.")


class Token(Model):
    """A token of yours; the token itself is never shown again."""

    id: int = Field(examples=[17])
    name: str = Field(examples=["phone"])
    begins: str = Field(description="How it begins.", examples=["qapp_0123456789ab"])
    scope: Scope
    created_at: Time
    expires_at: Annotated[Time | None, Field(examples=[EXAMPLE_TIME])]
    used_at: Annotated[Time | None, Field(examples=[EXAMPLE_TIME])]


class TokenList(Model):
    """All your tokens; there are few, so `next` is always null."""

    items: list[Token]
    next: None = None


class TokenIn(Model):
    """A token to make."""

    name: one_line(tokens.LONGEST_NAME, examples=["phone"])  # type: ignore[valid-type]
    scope: Scope
    days: Annotated[int, Field(ge=1, le=tokens.LONGEST_DAYS), Number] | None = Field(
        None,
        description="How long it lasts; null is until it is revoked.",
        examples=[90],
    )


class NewToken(Model):
    """A new token, shown this once."""

    id: int = Field(examples=[17])
    token: str = Field(description="Keep it as you keep a password.")


@users.get("/<username>")
@operation("The user.", User)
async def get_user(username: str) -> User:
    """Get what everybody may know of a user."""
    found = await find_author(db, username=username)
    entries = url_for("api.entries.list_entries", author=found.username)
    return User(username=found.username, created_at=time_of(found.created_at), entries=entries)


@me.get("")
@reader
@operation("Your account.", Account)
async def get_account(caller: Caller) -> Account:
    """Get your account."""
    return Account(
        username=caller.username,
        created_at=time_of(caller.created_at),
        scope="write" if caller.scope == "write" else "read",
    )


@me.get("/tokens")
@reader
@operation("Your tokens.", TokenList)
async def list_tokens(caller: Caller) -> TokenList:
    """List your tokens, by name."""
    found = await tokens.list_tokens(db, user_id=caller.id)
    return TokenList(items=[token_of(token) for token in found])


@me.post("/tokens")
@writer
@operation("The new token.", NewToken, status=201, headers=Located, body=TokenIn, errors=[409])
async def add_token(caller: Caller, data: TokenIn) -> Answer[NewToken]:
    """Make a token.

    Only in a session: a token that leaked is not to make others, which outlive it.
    """
    if caller.token_id is not None:
        raise Forbidden("A token makes no tokens. Log in, and make it on your account page.")
    try:
        made = await tokens.add_token(
            db,
            user_id=caller.id,
            name=data.name,
            scope=data.scope,
            days=data.days,
            now_ms=now_ms(),
        )
    except tokens.TokenNameTaken:
        raise Conflict("You have a token of this name. Choose another.") from None
    except tokens.TooManyTokens:
        raise fault("/name", "You have as many tokens as one may have. Revoke one.") from None
    return NewToken(id=made.id, token=made.text), 201, {"location": url_for("api.me.list_tokens")}


@me.delete("/tokens/<int:token_id>")
@writer
@operation("It is revoked.", status=204)
async def revoke_token(caller: Caller, token_id: int) -> ResponseReturnValue:
    """Revoke a token of yours: from now on it is none."""
    await tokens.remove_token(db, user_id=caller.id, token_id=min(token_id, LARGEST_ID))
    return Response(b"", 204)


def token_of(token: tokens.Token) -> Token:
    """Make what programs get of a token."""
    return Token(
        id=token.id,
        name=token.name,
        begins=token.begins,
        scope="write" if token.scope == "write" else "read",
        created_at=time_of(token.created_at),
        expires_at=None if token.expires_at is None else time_of(token.expires_at),
        used_at=None if token.used_at is None else time_of(token.used_at),
    )
