"""`qapp db`: the database's schema, as `flask db` has it, and its backups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

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


@db_group.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the schema up to REVISION, by default this version's."""
    migrations.upgrade(database_path(), revision, click.echo)


@db_group.command("downgrade", context_settings={"ignore_unknown_options": True})  # -1
@click.argument("revision", default="-1")
def downgrade(revision: str) -> None:
    """Bring the schema back to REVISION, by default by one; "base" removes everything."""
    migrations.downgrade(database_path(), revision, click.echo)


@db_group.command("current")
def current() -> None:
    """Print the schema's revision."""
    click.echo(migrations.current(database_path()) or "empty")


@db_group.command("history")
def history() -> None:
    """List the migrations, newest first, and where the database is."""
    present = migrations.current(database_path())
    for migration in migrations.history():
        here = "  ← the database" if migration.revision == present else ""
        click.echo(f"{migration.revision}  {migration.text}{here}")


@db_group.command("heads")
def heads() -> None:
    """List the migrations that none follows."""
    for migration in migrations.heads():
        click.echo(f"{migration.revision}  {migration.text}")


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
@click.argument("revision")
def stamp(revision: str) -> None:
    """Say that the schema is at REVISION; nothing is changed in it."""
    migrations.stamp(database_path(), revision)


@db_group.command("revision")
@click.option("--message", "-m", required=True, help="What the migration does.")
@click.option("--autogenerate", is_flag=True, help="Write what differs from the models.")
def revision(message: str, autogenerate: bool) -> None:
    """Write a new migration."""
    click.echo(migrations.revise(database_path(), message, autogenerate=autogenerate))


@db_group.command("migrate")
@click.option("--message", "-m", required=True, help="What the migration does.")
def migrate(message: str) -> None:
    """Write a new migration of what differs from the models."""
    click.echo(migrations.revise(database_path(), message, autogenerate=True))


@db_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Copy the database to the new FILE; the site may run."""
    back_up(database_path(), file)
