"""`qapp db`: the database's schema, as `flask db` has it, and its backups.

Of `flask db` there is no `init` and `list-templates`, as the migrations are there; no
`--directory`, `--version-path` and `--multidb`, as there is one folder and one database; no `-x`
and `--tag`, as nothing here reads them; and no `-v`, for which there is `show`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from . import create_app, migrations
from .ext.database import Database, sqlite_path
from .ext.database.backup import back_up


def database_path() -> Path:
    """Return the file of the database that the settings name."""
    app = create_app()
    return sqlite_path(app.config["DATABASE_URL"], Path(app.instance_path))


def with_database(work: Callable[[Database], Awaitable[None]]) -> None:
    """Do some work with the database, its schema brought up to date first."""
    path = database_path()
    migrations.upgrade(path)

    async def connected() -> None:
        async with Database(url=f"sqlite:///{path}") as db:
            await work(db)

    asyncio.run(connected())


@click.group("db")
def db_group() -> None:
    """The database: its schema and its backups."""


SQL = click.option("--sql", is_flag=True, help="Print the SQL instead of running it.")


@db_group.command("upgrade")
@click.argument("revision", default="head")
@SQL
def upgrade(revision: str, sql: bool) -> None:
    """Bring the schema up to REVISION, by default this version's.

    Of SQL there is that from an empty database on, or that of a range: 0002:0004.
    """
    if sql:
        click.echo(migrations.upgrade_sql(revision), nl=False)
    else:
        migrations.upgrade(database_path(), revision, click.echo)


@db_group.command("downgrade", context_settings={"ignore_unknown_options": True})  # -1
@click.argument("revision", default="-1")
@SQL
def downgrade(revision: str, sql: bool) -> None:
    """Bring the schema back to REVISION, by default by one; "base" removes everything.

    SQL needs a range: 0004:0002.
    """
    if sql:
        click.echo(migrations.downgrade_sql(revision), nl=False)
    else:
        migrations.downgrade(database_path(), revision, click.echo)


@db_group.command("current")
def current() -> None:
    """Print the schema's revision."""
    click.echo(migrations.current(database_path()) or "empty")


@db_group.command("history")
@click.option(
    "--rev-range", "-r", metavar="FIRST:LAST", help='Which; "current" is the database\'s.'
)
def history(rev_range: str | None) -> None:
    """List the migrations, newest first, and where the database is."""
    present = migrations.current(database_path())
    ends = (rev_range or ":").split(":")
    if len(ends) != 2:
        raise click.UsageError("A range is FIRST:LAST, of which one may be left out.")
    first, last = (present or "base" if end == "current" else end for end in ends)
    for migration in migrations.history(first or "base", last or "heads"):
        here = "  ← the database" if migration.revision == present else ""
        click.echo(f"{migration.revision}  {migration.text}{here}")


@db_group.command("heads")
def heads() -> None:
    """List the migrations that none follows."""
    for migration in migrations.heads():
        click.echo(f"{migration.revision}  {migration.text}")


@db_group.command("branches")
def branches() -> None:
    """List the migrations that more than one follows."""
    for migration in migrations.history():
        if len(migration.followers) > 1:
            followers = ", ".join(migration.followers)
            click.echo(f"{migration.revision}  {migration.text}  → {followers}")


@db_group.command("show")
@click.argument("revision", default="head")
def show(revision: str) -> None:
    """Print the migration REVISION, by default the newest."""
    migration = migrations.find(revision)
    click.echo(f"{migration.path}\n\n{migration.source}", nl=False)


@db_group.command("check")
def check() -> None:
    """Fail if the models say something else than the database."""
    if difference := migrations.check(database_path()):
        raise click.ClickException(f"{difference} Write it by: qapp db migrate -m …")
    click.echo("The models and the database agree.")


@db_group.command("stamp")
@click.argument("revision", default="head")
@click.option("--purge", is_flag=True, help="Forget the revision it is at, known or not.")
def stamp(revision: str, purge: bool) -> None:
    """Say that the schema is at REVISION; nothing is changed in it."""
    migrations.stamp(database_path(), revision, purge=purge)


def new_migration(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of what writes a migration; a `New` is made of them."""

    @wraps(function)
    def called(
        message: str | None, rev_id: str | None, branch_label: str | None, **others: Any
    ) -> None:
        function(new=migrations.New(message, rev_id, branch_label), **others)

    for option in (
        click.option("--rev-id", help="Its revision, else one that chance makes."),
        click.option("--branch-label", help="A name for the branch that it begins."),
        click.option("--message", "-m", help="What it does."),
    ):
        called = option(called)
    return called


HEAD = click.option("--head", default="head", help="The revision that it follows.")
SPLICE = click.option("--splice", is_flag=True, help="Others may follow that revision too.")


@db_group.command("revision")
@new_migration
@click.option("--autogenerate", is_flag=True, help="Write what differs from the models.")
@HEAD
@SPLICE
def revision(new: migrations.New, autogenerate: bool, head: str, splice: bool) -> None:
    """Write a new migration."""
    path = database_path()
    click.echo(migrations.revise(path, new, autogenerate=autogenerate, head=head, splice=splice))


@db_group.command("migrate")
@new_migration
@HEAD
@SPLICE
def migrate(new: migrations.New, head: str, splice: bool) -> None:
    """Write a new migration of what differs from the models."""
    path = database_path()
    click.echo(migrations.revise(path, new, autogenerate=True, head=head, splice=splice))


@db_group.command("merge")
@click.argument("revisions", nargs=-1, required=True)
@new_migration
def merge(revisions: tuple[str, ...], new: migrations.New) -> None:
    """Write a migration that follows several REVISIONS, or "heads"."""
    click.echo(migrations.merge(revisions, new))


@db_group.command("edit")
@click.argument("revision", default="head")
def edit(revision: str) -> None:
    """Open the migration REVISION, by default the newest, in $EDITOR."""
    click.edit(filename=str(migrations.find(revision).path))


@db_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Copy the database to the new FILE; the site may run."""
    back_up(database_path(), file)
