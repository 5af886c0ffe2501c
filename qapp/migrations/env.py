"""What Alembic runs: the migrations, on the connection that it is handed."""

from __future__ import annotations

from alembic import context

from qapp.migrations import include_name
from qapp.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=include_name,
    render_as_batch=True,  # SQLite changes a table by making it anew
    compare_server_default=True,
)
context.run_migrations()
