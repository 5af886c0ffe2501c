"""What Alembic runs: the migrations, on the connection that it is handed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script.base import Script

from qapp.migrations import include_name
from qapp.models import metadata

tell = context.config.attributes["tell"]


def applied(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    """Tell of a migration that has run."""
    before, after = step.source_revision_ids, step.destination_revision_ids
    text = step.up_revision.doc if isinstance(step.up_revision, Script) else ""
    tell(f"{''.join(before) or 'empty'} → {''.join(after) or 'empty'}  {text}")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=include_name,
    render_as_batch=True,  # SQLite changes a table by making it anew
    compare_server_default=True,
    on_version_apply=applied if tell else None,
)
context.run_migrations()
