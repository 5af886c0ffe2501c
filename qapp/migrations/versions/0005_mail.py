"""The outbox, and whose addresses the contact form refuses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.Text()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failed_ms", sa.BigInteger()),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_ms"],
        sqlite_where=sa.text("failed_ms IS NULL"),
        postgresql_where=sa.text("failed_ms IS NULL"),
    )
    op.create_table(
        "blocked_domains",
        sa.Column("domain", sa.String(253), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_blocked_domains"),
    )


def downgrade() -> None:
    op.drop_table("blocked_domains")
    op.drop_table("outbox")
