"""The students."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "students",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("addr", sa.Text(), nullable=False),
        sa.Column("pin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_students"),
        sqlite_autoincrement=True,
    )
    for column in ("name", "city", "addr", "pin"):
        op.create_index(f"ix_students_{column}_id", "students", [column, "id"])


def downgrade() -> None:
    op.drop_table("students")
