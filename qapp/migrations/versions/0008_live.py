"""What live readers are told, and that they are told of new entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TRIGGERS = (
    """CREATE TRIGGER entries_live AFTER INSERT ON entries BEGIN
    INSERT INTO live_events (channel, kind, data)
    SELECT 'entries', 'entry', json_object(
        'id', new.id, 'title', new.title, 'author', username, 'url', '/post/' || new.id,
        'created_at', strftime('%Y-%m-%dT%H:%M:%SZ', new.created_at / 1000, 'unixepoch'))
    FROM users WHERE id = new.author_id;
END""",
    """CREATE TRIGGER live_events_trim AFTER INSERT ON live_events
WHEN new.id % 100 = 0 BEGIN
    DELETE FROM live_events WHERE id <= new.id - 1000;
END""",
)


def upgrade() -> None:
    op.create_table(
        "live_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_live_events"),
        sqlite_autoincrement=True,
    )
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER entries_live")
    op.drop_table("live_events")
