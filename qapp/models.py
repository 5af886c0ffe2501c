"""The tables: the only place where a column is declared.

Times are integers, milliseconds since 1970 in UTC (`…_at`).
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.event import listen
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import BigInteger

from .ext.orm import Model
from .triggers import (
    LIVE_CHANGED_ENTRIES,
    LIVE_ENTRIES,
    LIVE_STUDENTS,
    LIVE_TRIM,
    SEARCH_INDEX,
)

# Named constraints: a migration can only change what has a name.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite counts only an INTEGER primary key by itself; its integers have 64 bits all the same.
Id = BigInteger().with_variant(Integer, "sqlite")

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(32, collation="NOCASE"), nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# A login that the server can end: the session cookie holds its id.
logins = Table(
    "logins",
    metadata,
    Column("id", String(43), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("is_kept", Integer, nullable=False),
    CheckConstraint("is_kept IN (0, 1)", "is_kept"),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)

# What a program logs in with: `handle` is the part of the token that is no secret, `hash` the
# SHA-256 of the one that is. `expires_at` is empty for one that lasts until it is revoked.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("handle", String(12), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    Column("scope", String(5), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("used_at", BigInteger),
    CheckConstraint("scope IN ('read', 'write')", "scope"),
    UniqueConstraint("user_id", "name"),
    sqlite_autoincrement=True,
)

# The first answer to each POST that named a key, for those that repeat it.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
)

# `text` is what the author wrote, `html` what of it is shown, `plain` what of it is searched.
entries = Table(
    "entries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("author_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("plain", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger),
    # With the id behind it, an author's entries come newest first without sorting.
    Index(None, "author_id", "id"),
    sqlite_autoincrement=True,
)


class Base(Model, DeclarativeBase):
    """The base of what the ORM maps; its tables are beside the others."""

    metadata = metadata


class Student(Base):
    """A student. `pin` is a postcode: a text, since some begin with a zero."""

    __tablename__ = "students"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    addr: Mapped[str] = mapped_column(Text)
    pin: Mapped[str] = mapped_column(Text)
    # Counts the changes, so that of two who edit one student neither overwrites the other.
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own way
    # The list is sorted by any of them.
    __table_args__ = (
        Index(None, "name", "id"),
        Index(None, "city", "id"),
        Index(None, "addr", "id"),
        Index(None, "pin", "id"),
        {"sqlite_autoincrement": True},
    )


# What was uploaded: the file itself is in the instance folder, under `key` (see qapp.ext.storage).
# Who is not logged in owns nothing.
files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("owner_id", Id, ForeignKey("users.id", ondelete="SET NULL")),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("thumbnail", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "owner_id", "created_at"),
    sqlite_autoincrement=True,
)

# One number a key: the time up to which its allowance is spent (see qapp.ext.limits).
rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key", Text, primary_key=True),
    Column("spent_until_ms", BigInteger, nullable=False),
    Index(None, "spent_until_ms"),
)

# What is to be mailed, until it is (see qapp.ext.mail.queue).
outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("lease", Text),
    Column("tries", Integer, nullable=False),
    Column("failed_ms", BigInteger),
    Column("last_error", Text),
    Index(
        "ix_outbox_due",
        "due_ms",
        sqlite_where=text("failed_ms IS NULL"),
        postgresql_where=text("failed_ms IS NULL"),
    ),
    Index(
        "ix_outbox_failed",
        "failed_ms",
        sqlite_where=text("failed_ms IS NOT NULL"),
        postgresql_where=text("failed_ms IS NOT NULL"),
    ),
)

# What readers are told as it happens: the newest thousand or so (see qapp.ext.live).
live_events = Table(
    "live_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    sqlite_autoincrement=True,
)

# Whose addresses the contact form does not take.
blocked_domains = Table(
    "blocked_domains", metadata, Column("domain", String(253), primary_key=True)
)


def _in_sqlite(table: Table, *statements: str) -> None:
    """Run statements of SQLite's own when a table has been made."""

    def run(_: Table, connection: Connection, **__: object) -> None:
        if connection.dialect.name == "sqlite":
            for statement in statements:
                connection.exec_driver_sql(statement)

    listen(table, "after_create", run)


_in_sqlite(entries, *SEARCH_INDEX, LIVE_ENTRIES, *LIVE_CHANGED_ENTRIES)
_in_sqlite(metadata.tables["students"], *LIVE_STUDENTS)
_in_sqlite(live_events, LIVE_TRIM)
