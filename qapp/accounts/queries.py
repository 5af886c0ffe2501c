"""The SQL of accounts. Times are milliseconds since 1970."""

from __future__ import annotations

from typing import NamedTuple

from qapp.ext.database import ConstraintViolation, Executor
from qapp.web.errors import NotFound


class UsernameTaken(Exception):
    """Somebody has this name, in whatever case it is written."""


class Credentials(NamedTuple):
    """What a login is checked against."""

    id: int
    username: str
    password_hash: str


class User(NamedTuple):
    """Who is logged in, and by which login."""

    id: int
    username: str
    created_at: int
    login_id: str
    seen_at: int
    expires_at: int
    is_kept: int


class Author(NamedTuple):
    """What everybody may know of a user."""

    id: int
    username: str
    created_at: int


async def get_credentials(db: Executor, *, username: str) -> Credentials | None:
    """Return a user's id, name as registered and password hash; names differ not by case."""
    return await db.fetch_one(
        "SELECT id, username, password_hash FROM users WHERE username = :username",
        {"username": username},
        into=Credentials,
    )


async def find_author(db: Executor, *, username: str) -> Author:
    """Return a user's public data, or raise NotFound."""
    author = await db.fetch_one(
        "SELECT id, username, created_at FROM users WHERE username = :username",
        {"username": username},
        into=Author,
    )
    if author is None:
        raise NotFound
    return author


async def get_user(db: Executor, *, login_id: str) -> User | None:
    """Return whose login an id is, whether or not the login has expired."""
    return await db.fetch_one(
        """
        SELECT users.id, users.username, users.created_at,
               logins.id AS login_id, logins.seen_at, logins.expires_at, logins.is_kept
        FROM logins JOIN users ON users.id = logins.user_id
        WHERE logins.id = :login_id
        """,
        {"login_id": login_id},
        into=User,
    )


async def add_user(db: Executor, *, username: str, password_hash: str, now_ms: int) -> int:
    """Add a user and return the id; raise UsernameTaken if there is one of the name."""
    try:
        user_id: int = await db.fetch_value(
            """
            INSERT INTO users (username, password_hash, created_at)
            VALUES (:username, :password_hash, :now_ms) RETURNING id
            """,
            {"username": username, "password_hash": password_hash, "now_ms": now_ms},
        )
    except ConstraintViolation as error:
        if error.kind == "unique":
            raise UsernameTaken(username) from error
        raise
    return user_id


async def change_password_hash(db: Executor, *, user_id: int, password_hash: str) -> None:
    """Replace a user's password hash."""
    await db.execute(
        "UPDATE users SET password_hash = :password_hash WHERE id = :user_id",
        {"password_hash": password_hash, "user_id": user_id},
    )


async def remove_user(db: Executor, *, username: str) -> bool:
    """Remove a user, the logins and the entries; tell whether there was one."""
    return bool(
        await db.execute("DELETE FROM users WHERE username = :username", {"username": username})
    )


async def list_users(db: Executor) -> list[Author]:
    """Return all users, by name."""
    return await db.fetch_all(
        "SELECT id, username, created_at FROM users ORDER BY username", into=Author
    )


async def add_login(
    db: Executor, *, login_id: str, user_id: int, is_kept: bool, now_ms: int, expires_at: int
) -> None:
    """Add a login."""
    await db.execute(
        """
        INSERT INTO logins (id, user_id, created_at, seen_at, expires_at, is_kept)
        VALUES (:login_id, :user_id, :now_ms, :now_ms, :expires_at, :is_kept)
        """,
        {
            "login_id": login_id,
            "user_id": user_id,
            "now_ms": now_ms,
            "expires_at": expires_at,
            "is_kept": int(is_kept),
        },
    )


async def change_login(
    db: Executor, *, login_id: str, is_kept: bool, expires_at: int, now_ms: int
) -> None:
    """Say whether a login outlasts the browser, and until when."""
    await db.execute(
        """
        UPDATE logins SET is_kept = :is_kept, expires_at = :expires_at, seen_at = :now_ms
        WHERE id = :login_id
        """,
        {
            "login_id": login_id,
            "is_kept": int(is_kept),
            "expires_at": expires_at,
            "now_ms": now_ms,
        },
    )


async def touch_login(db: Executor, *, login_id: str, now_ms: int) -> None:
    """Note that a login was used."""
    await db.execute(
        "UPDATE logins SET seen_at = :now_ms WHERE id = :login_id",
        {"login_id": login_id, "now_ms": now_ms},
    )


async def count_logins(db: Executor, *, user_id: int, now_ms: int, idle_since: int) -> int:
    """Return how many of a user's logins are alive: not expired, and kept or used since then."""
    count: int = await db.fetch_value(
        """
        SELECT count(*) FROM logins
        WHERE user_id = :user_id AND expires_at > :now_ms
            AND (is_kept = 1 OR seen_at >= :idle_since)
        """,
        {"user_id": user_id, "now_ms": now_ms, "idle_since": idle_since},
    )
    return count


async def remove_login(db: Executor, *, login_id: str) -> None:
    """End a login."""
    await db.execute("DELETE FROM logins WHERE id = :login_id", {"login_id": login_id})


async def remove_logins(db: Executor, *, user_id: int) -> None:
    """End all logins of a user."""
    await db.execute("DELETE FROM logins WHERE user_id = :user_id", {"user_id": user_id})


async def remove_expired_logins(db: Executor, *, now_ms: int) -> None:
    """Remove the logins whose time is over."""
    await db.execute("DELETE FROM logins WHERE expires_at <= :now_ms", {"now_ms": now_ms})
