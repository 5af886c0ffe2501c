"""Bring a database's schema to the version this code needs, by Alembic.

Everything runs in one transaction that holds SQLite's write lock from its start: workers that start
together wait for the first, then find nothing to do, and a migration that is killed half-way leaves
nothing behind.
"""

from __future__ import annotations

import io
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from qapp.ext.database.driver import sqlite

LOCK_WAIT_S = 60


class SchemaError(Exception):
    """The schema can't be brought where it was asked to be; the text says why."""


def _config(connection: Connection | None = None) -> Config:
    # Alembic talks on two ways; what there is to say the `qapp` command says.
    config = Config(stdout=io.StringIO(), cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(path: Path) -> Iterator[Connection]:
    if not path.is_file():  # SQLite would make it, for everybody to read
        raise SchemaError(f"there is no database at {path}")
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite.connect(str(path), timeout=LOCK_WAIT_S, isolation_level=None),
        module=sqlite,
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
                raise SchemaError(f"the migration would leave {len(broken)} rows without parent")
            connection.exec_driver_sql("COMMIT")
    except DBAPIError as error:
        raise SchemaError(f"{path}: {error.orig}") from error
    except CommandError as error:
        raise SchemaError(str(error)) from error
    finally:
        engine.dispose()


def include_name(name: str | None, kind: str, _: object) -> bool:
    """Leave out the full-text index, which SQLAlchemy can't describe (see qapp.models)."""
    return not (kind == "table" and name is not None and name.startswith("entries_search"))


def head() -> str:
    """Return the revision that this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise SchemaError("there are no migrations")
    return revision


def upgrade(path: Path, revision: str = "head") -> None:
    """Bring the database at `path` up to a revision, making it when it is not there.

    :raises SchemaError: if the file can't be used, or was made by a newer version of the code.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise SchemaError(f"the database can't be made: {error}") from error
    with _locked(path) as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        script = ScriptDirectory.from_config(_config())
        if present is not None and present not in {
            known.revision for known in script.walk_revisions()
        }:
            raise SchemaError(f"{path} is at revision {present}, which this version does not know")
        command.upgrade(_config(connection), revision)


def downgrade(path: Path, revision: str) -> None:
    """Bring the database at `path` back to an earlier revision ("base": to nothing)."""
    with _locked(path) as connection:
        command.downgrade(_config(connection), revision)


def current(path: Path) -> str | None:
    """Return the revision of the database at `path`, None for one that is empty or not there."""
    if not path.exists():
        return None
    with _locked(path) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def revise(path: Path, message: str, *, autogenerate: bool) -> Path:
    """Write a new migration; with `autogenerate`, from what differs between models and database.

    Return the file's path.
    """
    with _locked(path) as connection:
        script = command.revision(_config(connection), message, autogenerate=autogenerate)
    if script is None or isinstance(script, list):
        raise SchemaError("no migration was written")
    return Path(script.path)
