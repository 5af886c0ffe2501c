"""The students."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "students",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("addr", sa.String(), nullable=False),
        sa.Column("pin", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_students"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("students")
