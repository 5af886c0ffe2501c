"""What the tables do by themselves in SQLite: keep the search's index, and tell live readers."""

from __future__ import annotations

from typing import Final

# SQLite's full-text index over the entries, kept by triggers so that nothing can forget it.
SEARCH_INDEX: Final = (
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


# Readers are told of each new entry, whoever adds it: in its own statement, so that an insert stays
# one write. The address is that below the site's root.
LIVE_ENTRIES: Final = """CREATE TRIGGER entries_live AFTER INSERT ON entries BEGIN
    INSERT INTO live_events (channel, kind, data)
    SELECT 'entries', 'entry', json_object(
        'id', new.id, 'title', new.title, 'author', username, 'url', '/post/' || new.id,
        'created_at', strftime('%Y-%m-%dT%H:%M:%SZ', new.created_at / 1000, 'unixepoch'))
    FROM users WHERE id = new.author_id;
END"""

# And of what is changed or deleted, in the same way.
LIVE_CHANGED_ENTRIES: Final = (
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
)

# Who reads the list of students is told that it changed. Of many that one transaction adds he is
# told once, by who adds them: behind the event `many` (see qapp.students.service) each is silent.
LIVE_STUDENTS: Final = (
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

# What is older than qapp.ext.live.KEPT ids goes, a hundred at a time.
LIVE_TRIM: Final = """CREATE TRIGGER live_events_trim AFTER INSERT ON live_events
WHEN new.id % 100 = 0 BEGIN
    DELETE FROM live_events WHERE id <= new.id - 1000;
END"""
