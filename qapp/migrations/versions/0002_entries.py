"""Entries, and the full-text index over them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SEARCH_INDEX = (
    """CREATE VIRTUAL TABLE entries_search USING fts5(
    title, plain, content='entries', content_rowid='id',
    tokenize='unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER entries_search_insert AFTER INSERT ON entries BEGIN
    INSERT INTO entries_search (rowid, title, plain) VALUES (new.id, new.title, new.plain);
END""",
    """CREATE TRIGGER entries_search_delete AFTER DELETE ON entries BEGIN
    INSERT INTO entries_search (entries_search, rowid, title, plain)
    VALUES ('delete', old.id, old.title, old.plain);
END""",
    """CREATE TRIGGER entries_search_update AFTER UPDATE OF title, plain ON entries BEGIN
    INSERT INTO entries_search (entries_search, rowid, title, plain)
    VALUES ('delete', old.id, old.title, old.plain);
    INSERT INTO entries_search (rowid, title, plain) VALUES (new.id, new.title, new.plain);
END""",
)


def upgrade() -> None:
    op.create_table(
        "entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("author_id", Id, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("plain", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name="fk_entries_author_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_entries_author_id_id", "entries", ["author_id", "id"])
    for statement in SEARCH_INDEX:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE entries_search")
    op.drop_table("entries")
