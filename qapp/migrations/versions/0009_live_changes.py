"""Live readers are told of changed and deleted entries, and of the students."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TRIGGERS = (
    """CREATE TRIGGER entries_live_change AFTER UPDATE OF title, html ON entries BEGIN
    INSERT INTO live_events (channel, kind, data)
    SELECT 'entries', 'changed', json_object(
        'id', new.id, 'title', new.title, 'author', username, 'url', '/post/' || new.id,
        'updated_at', strftime('%Y-%m-%dT%H:%M:%SZ', new.updated_at / 1000, 'unixepoch'))
    FROM users WHERE id = new.author_id;
END""",
    """CREATE TRIGGER entries_live_remove AFTER DELETE ON entries BEGIN
    INSERT INTO live_events (channel, kind, data)
    VALUES ('entries', 'deleted', json_object('id', old.id));
END""",
    """CREATE TRIGGER students_live_add AFTER INSERT ON students
WHEN (SELECT kind FROM live_events ORDER BY id DESC LIMIT 1) IS NOT 'many' BEGIN
    INSERT INTO live_events (channel, kind, data)
    VALUES ('students', 'changed', json_object('id', new.id));
END""",
    """CREATE TRIGGER students_live_change AFTER UPDATE ON students BEGIN
    INSERT INTO live_events (channel, kind, data)
    VALUES ('students', 'changed', json_object('id', new.id));
END""",
    """CREATE TRIGGER students_live_remove AFTER DELETE ON students BEGIN
    INSERT INTO live_events (channel, kind, data)
    VALUES ('students', 'changed', json_object('id', old.id));
END""",
)
NAMES = (
    "entries_live_change",
    "entries_live_remove",
    "students_live_add",
    "students_live_change",
    "students_live_remove",
)


def upgrade() -> None:
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    for name in NAMES:
        op.execute(f"DROP TRIGGER {name}")
