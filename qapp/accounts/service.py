"""What accounts do where several steps must agree: hash and insert, check and count."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from qapp.ext.database import Database, DatabaseBusy, DatabaseFailure, Executor
from qapp.ext.limits import Rate, give_back, network_of, take
from qapp.ext.threads import BoundedPool

from . import queries

# OWASP's choice for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# The hash of a password nobody knows: an unknown name costs what a wrong password costs.
NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$h4Aw+lQivy39fP7qeiFjSQ$"
    "ffzwLQlQ3qMPtFaAKw5s8dBoD5cVrUruIxlc/gK/9Lk"
)


USERNAME = re.compile(r"[A-Za-z0-9_-]{3,32}")
USERNAME_RULE = "A username has 3 to 32 letters, digits, hyphens or underscores."
SHORTEST_PASSWORD = 8
# Long enough for any passphrase; a hash of more would only cost time.
LONGEST_PASSWORD = 1024
PASSWORD_RULE = f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."


def username_fault(username: str) -> str | None:
    """Return what keeps a text from being a username, None when nothing does."""
    return None if USERNAME.fullmatch(username) else USERNAME_RULE


def password_fault(password: str) -> str | None:
    """Return what keeps a text from being a password, None when nothing does."""
    return None if SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD else PASSWORD_RULE


class Policy(NamedTuple):
    """How long logins last and how often they may be tried, from the settings."""

    kept_s: int
    idle_s: int
    rates: Mapping[str, tuple[int, int]]

    def expiry(self, now_ms: int) -> int:
        """Return when a login made now ends at the latest."""
        return now_ms + self.kept_s * 1000

    def idle_since(self, now_ms: int) -> int:
        """Return since when a login that is not kept must have been used to be alive now."""
        return now_ms - self.idle_s * 1000


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, in 15 ms of a processor."""
    return HASHER.hash(password)


def verify_password(password_hash: str, password: str) -> bool:
    """Tell whether a password is the one of a hash, in 15 ms of a processor."""
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def register(
    db: Database,
    hashing: BoundedPool,
    policy: Policy,
    *,
    username: str,
    password: str,
    address: str | None,
    now_ms: int,
) -> str:
    """Add a user, logged in; return the login's id.

    :raises UsernameTaken: if there is one of the name.
    :raises RateLimited: if the address registers too often.
    """
    if rate := _rate(policy, "register"):
        await take(db, f"register:{network_of(address)}", rate, now_ms=now_ms)
    password_hash = await hashing.run(hash_password, password)
    async with db.transaction() as tx:
        user_id = await queries.add_user(
            tx, username=username, password_hash=password_hash, now_ms=now_ms
        )
        return await _add_login(tx, policy, user_id, is_kept=False, now_ms=now_ms)


async def log_in(
    db: Database,
    hashing: BoundedPool,
    policy: Policy,
    *,
    username: str,
    password: str,
    is_kept: bool,
    address: str | None,
    now_ms: int,
) -> str | None:
    """Return the id of a new login, or None if name and password do not belong together.

    Only failures count against the limits, which are for this address: one for the name, so that a
    stranger elsewhere can't lock its owner out, and one for all names.

    :raises RateLimited: if this address tried too often.
    """
    network = network_of(address)
    limits = [
        (f"login_address:{network}", _rate(policy, "login_address")),
        (f"login:{network}:{username.lower()}", _rate(policy, "login")),
    ]
    for key, rate in limits:
        if rate:
            await take(db, key, rate, now_ms=now_ms)
    known = await queries.get_credentials(db, username=username)
    fits = await hashing.run(
        verify_password, known.password_hash if known else NOBODYS_HASH, password
    )
    if known is None or not fits:
        return None
    async with db.transaction() as tx:
        for key, rate in limits:
            if rate:
                await give_back(tx, key, rate)
        await queries.remove_expired_logins(tx, now_ms=now_ms)
        return await _add_login(tx, policy, known.id, is_kept=is_kept, now_ms=now_ms)


async def change_password(
    db: Database,
    hashing: BoundedPool,
    policy: Policy,
    *,
    user: queries.User,
    current: str,
    password: str,
    now_ms: int,
) -> str | None:
    """Change a password, ending all the user's logins; return the id of the one login there is now.

    None if `current` is not the password.

    :raises RateLimited: if that happened too often.
    """
    key, rate = f"password:{user.id}", _rate(policy, "login")
    if rate:
        await take(db, key, rate, now_ms=now_ms)
    known = await queries.get_credentials(db, username=user.username)
    if known is None or not await hashing.run(verify_password, known.password_hash, current):
        return None
    password_hash = await hashing.run(hash_password, password)
    async with db.transaction() as tx:
        if rate:
            await give_back(tx, key, rate)
        await queries.change_password_hash(tx, user_id=user.id, password_hash=password_hash)
        await queries.remove_logins(tx, user_id=user.id)
        return await _add_login(tx, policy, user.id, is_kept=bool(user.is_kept), now_ms=now_ms)


async def _add_login(
    tx: Executor, policy: Policy, user_id: int, *, is_kept: bool, now_ms: int
) -> str:
    login_id = secrets.token_urlsafe(32)
    await queries.add_login(
        tx,
        login_id=login_id,
        user_id=user_id,
        is_kept=is_kept,
        now_ms=now_ms,
        expires_at=policy.expiry(now_ms),
    )
    return login_id


def _rate(policy: Policy, name: str) -> Rate | None:
    limit = policy.rates.get(name)
    return Rate(*limit) if limit else None


async def user_of(
    db: Database, policy: Policy, *, login_id: str, now_ms: int
) -> queries.User | None:
    """Return whose a login is, None when it was ended, has expired or was idle too long."""
    user = await queries.get_user(db, login_id=login_id)
    if user is None or user.expires_at <= now_ms:
        return None
    if not user.is_kept and user.seen_at < policy.idle_since(now_ms):
        return None
    # A write now and then, not one a request; when it can't be made, pages are read all the same.
    if now_ms - user.seen_at > policy.idle_s * 50:
        with suppress(DatabaseBusy, DatabaseFailure):
            await queries.touch_login(db, login_id=login_id, now_ms=now_ms)
    return user
