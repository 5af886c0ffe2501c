"""The tokens that programs log in with.

A token is `qapp_HANDLE_SECRET`: by the handle it is found, and only a hash of the secret is stored.
The secret is random, 256 bits of it, so that a fast hash is as good as a slow one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from typing import NamedTuple

from qapp.ext.database import Database, DatabaseBusy, DatabaseFailure, Executor

from . import queries

SCOPES = ("read", "write")
LONGEST_NAME = 60
LONGEST_DAYS = 3650
MOST_TOKENS = 50
DAY_MS = 24 * 3600 * 1000
TOKEN = re.compile(r"qapp_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
# How often the time of the last use is written at most.
TOUCH_MS = 60_000


class TooManyTokens(Exception):
    """A user has as many tokens as one may have."""


class NewToken(NamedTuple):
    """A token that was made: `text` is shown once and never stored."""

    id: int
    text: str


async def add_token(
    db: Database, *, user_id: int, name: str, scope: str, days: int | None, now_ms: int
) -> NewToken:
    """Make a token of a user.

    :param scope: "read", or "write", which may read too.
    :param days: how long it lasts; None is until it is revoked.
    :raises TokenNameTaken: if the user has one of the name.
    :raises TooManyTokens: if the user has `MOST_TOKENS`.
    """
    handle, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    async with db.transaction() as tx:
        if len(await queries.list_tokens(tx, user_id=user_id)) >= MOST_TOKENS:
            raise TooManyTokens
        token_id = await queries.add_token(
            tx,
            user_id=user_id,
            name=name,
            handle=handle,
            hash=hash_of(secret),
            scope=scope,
            expires_at=None if days is None else now_ms + days * DAY_MS,
            now_ms=now_ms,
        )
    return NewToken(token_id, f"qapp_{handle}_{secret}")


async def caller_of(db: Executor, text: str, *, now_ms: int) -> queries.Caller | None:
    """Return whose a token is; None if it is none, was revoked or has expired."""
    match = TOKEN.fullmatch(text)
    if match is None:
        return None
    caller = await queries.get_caller(db, handle=match[1])
    # Compared in the same time whatever differs, also when there is nothing to compare with.
    is_right = hmac.compare_digest(caller.hash if caller else "0" * 64, hash_of(match[2]))
    if caller is None or not is_right:
        return None
    if caller.expires_at is not None and caller.expires_at <= now_ms:
        return None
    if now_ms - (caller.used_at or 0) > TOUCH_MS:
        with suppress(DatabaseBusy, DatabaseFailure):
            await queries.touch_token(db, token_id=caller.token_id, now_ms=now_ms)
    return caller


def hash_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
