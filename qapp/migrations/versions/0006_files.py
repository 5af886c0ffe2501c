"""What was uploaded, how often a student was changed, and an index over mail given up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name="fk_files_owner_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.UniqueConstraint("key", name="uq_files_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_files_owner_id_created_at", "files", ["owner_id", "created_at"])
    op.add_column(
        "students", sa.Column("version", sa.Integer(), nullable=False, server_default="1")
    )
    op.create_index(
        "ix_outbox_failed",
        "outbox",
        ["failed_ms"],
        sqlite_where=sa.text("failed_ms IS NOT NULL"),
        postgresql_where=sa.text("failed_ms IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_failed", "outbox")
    op.drop_table("files")
    op.drop_column("students", "version")
