"""What Alembic runs: the migrations, on the connection that it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from alembic import context
from alembic.runtime.migration import RevisionStep

from qapp.migrations import include_name
from qapp.models import metadata

connection = context.config.attributes["connection"]
tell = context.config.attributes["tell"]


def told(plan: Callable[..., Iterable[RevisionStep]]) -> Callable[..., Iterator[RevisionStep]]:
    """Tell of each migration before it is run, and when it has run."""

    def steps(*args: Any) -> Iterator[RevisionStep]:
        for step in plan(*args):
            before, after = step.from_revisions_no_deps, step.to_revisions_no_deps
            arrow = f"{', '.join(before) or 'empty'} → {', '.join(after) or 'empty'}"
            tell(f"{arrow}  {step.doc}")
            yield step
            tell(f"{arrow}  done")

    return steps


context.configure(
    connection=connection,
    dialect_name="sqlite",
    target_metadata=metadata,
    include_name=include_name,
    render_as_batch=True,  # SQLite changes a table by making it anew
    compare_server_default=True,
    literal_binds=connection is None,
)
migrations = context.get_context()
if tell and migrations._migrations_fn:
    # Alembic calls a hook when a migration has run, and none before: but it takes the next from
    # this only then.
    migrations._migrations_fn = told(migrations._migrations_fn)
context.run_migrations()
