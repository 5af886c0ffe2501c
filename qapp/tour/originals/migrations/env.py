"""What Alembic runs: the migrations, on the application's database."""

from __future__ import annotations

from alembic import context
from flask import current_app

migrate = current_app.extensions["migrate"]


def include_name(name: str | None, kind: str, _: object) -> bool:
    """Leave out the tables of the blog, which a script makes."""
    return kind != "table" or name in migrate.db.metadata.tables


with migrate.db.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=migrate.db.metadata,
        include_name=include_name,
        **migrate.configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()
