"""The `qapp` command.

Its commands may be `async def`: such a one runs in the app, with all that it opens. Those that need
but the database, and are not to deliver mail meanwhile, do their work by `with_database`.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import TextIO

import click
from hypercorn.config import Config
from hypercorn.run import run as serve
from quart.cli import ScriptInfo, routes_command, shell_command

from . import create_app, migrations, prepare_database
from .accounts import queries, service
from .api import published
from .config import PREFIX, ConfigError, Settings
from .contact_commands import contact_group
from .db_commands import db_group, with_database
from .demo import fill
from .ext.cli import AsyncGroup
from .ext.database import Database, DatabaseError
from .ext.mail import upkeep
from .token_commands import token_group
from .web.api import document_of
from .web.templating import iso_time, now_ms

# There are names for more, but the demo is of a site, not of a nation.
MOST_USERS = 100_000


@click.command("run")
@click.option("--host", "-h", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", "-p", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port."
)
@click.option("--debug/--no-debug", default=False, help="Reload on changes, show tracebacks.")
def run_command(host: str, port: int, debug: bool) -> None:
    """Serve for development, with one worker."""
    if debug:
        os.environ[f"{PREFIX}DEBUG"] = "on"
    # What is wrong is found here: from a worker's end Hypercorn makes the exit status 0.
    prepare_database(create_app())
    config = Config()
    config.application_path = "qapp.asgi:app"
    config.bind = [f"{host}:{port}"]
    config.use_reloader = debug
    config.accesslog = "-"
    config.access_log_format = '%(h)s "%(r)s" %(s)s %(b)s %(L)s'
    try:
        sys.exit(serve(config))
    except (OSError, UnicodeError) as error:
        raise click.ClickException(f"{config.bind[0]}: {error}") from error


@click.command("settings")
def settings_command() -> None:
    """List every setting with its default and meaning."""
    for field in dataclasses.fields(Settings):
        click.secho(f"{PREFIX}{field.name}", bold=True)
        click.echo(f"    {field.metadata['meaning']}")
        click.echo(f"    default: {field.metadata['shown']}")
        click.echo(f"    allowed: {field.metadata['kind'].allowed}")


@click.command("openapi")
@click.argument(
    "file", type=click.File("w", encoding="utf-8", atomic=True), default=str(published.PATH)
)
def openapi_command(file: TextIO) -> None:
    """Write the API's OpenAPI document to FILE, by default to the copy that the site sends."""
    file.write(published.text_of(document_of(create_app())))


@click.command("demo")
@click.option("--entries", type=click.IntRange(0), default=200, show_default=True)
@click.option("--users", type=click.IntRange(1, MOST_USERS), default=20, show_default=True)
def demo_command(entries: int, users: int) -> None:
    """Fill the database with believable entries."""

    async def work(db: Database) -> None:
        with click.progressbar(length=entries, label="Entries", show_pos=True) as bar:
            try:
                await fill(
                    db, entry_count=entries, user_count=users, now_ms=now_ms(), advance=bar.update
                )
            except ValueError as error:
                raise click.ClickException(str(error)) from error

    with_database(work)


@click.group("user")
def user_group() -> None:
    """The users."""


@user_group.command("add")
@click.argument("name")
def user_add(name: str) -> None:
    """Add the user NAME; the password is asked for, or read from standard input."""
    if fault := service.username_fault(name):
        raise click.ClickException(fault)
    password_hash = service.hash_password(ask_password())

    async def work(db: Database) -> None:
        try:
            await queries.add_user(db, username=name, password_hash=password_hash, now_ms=now_ms())
        except queries.UsernameTaken:
            raise click.ClickException(f"There is a user {name} already.") from None

    with_database(work)


@user_group.command("passwd")
@click.argument("name")
def user_passwd(name: str) -> None:
    """Change the password of the user NAME, and end all the user's logins."""
    password_hash = service.hash_password(ask_password())

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            user = await queries.get_credentials(tx, username=name)
            if user is None:
                raise click.ClickException(f"There is no user {name}.")
            await queries.change_password_hash(tx, user_id=user.id, password_hash=password_hash)
            await queries.remove_logins(tx, user_id=user.id)

    with_database(work)


@user_group.command("delete")
@click.argument("name")
@click.confirmation_option(prompt="The user's entries are deleted too. Go on?")
def user_delete(name: str) -> None:
    """Delete the user NAME and all that the user wrote."""

    async def work(db: Database) -> None:
        if not await queries.remove_user(db, username=name):
            raise click.ClickException(f"There is no user {name}.")

    with_database(work)


@user_group.command("list")
def user_list() -> None:
    """List the users, with the time they registered."""

    async def work(db: Database) -> None:
        for user in await queries.list_users(db):
            click.echo(f"{user.username}\t{iso_time(user.created_at)}")

    with_database(work)


@click.group("mail")
def mail_group() -> None:
    """The mail that waits, or was given up."""


@mail_group.command("list")
@click.option("--failed", is_flag=True, help="Only what was given up.")
def mail_list(failed: bool) -> None:
    """List the outbox, oldest first."""

    async def work(db: Database) -> None:
        after = 0
        while entries := await upkeep.list_entries(db, only_failed=failed, after=after):
            for entry in entries:
                state = f"given up: {entry.last_error}" if entry.failed_ms else "waits"
                due = iso_time(entry.due_ms)
                to = ", ".join(entry.recipients)
                click.echo(f"{entry.id}\t{due}\t{to}\t{entry.subject}\t{state}")
            after = entries[-1].id

    with_database(work)


@mail_group.command("retry")
@click.argument("number", type=click.IntRange(1), required=False)
def mail_retry(number: int | None) -> None:
    """Try what was given up anew: message NUMBER, or all."""

    async def work(db: Database) -> None:
        count = await upkeep.retry(db, now_ms=now_ms(), number=number)
        if number is not None and not count:
            raise click.ClickException(f"Message {number} was not given up.")
        click.echo(f"{count} message{'' if count == 1 else 's'} will be tried anew.")

    with_database(work)


@mail_group.command("preview")
@click.argument("number", type=click.IntRange(1))
def mail_preview(number: int) -> None:
    """Print message NUMBER as it is sent."""

    async def work(db: Database) -> None:
        try:
            message = await upkeep.preview(db, number)
        except LookupError as error:
            raise click.ClickException(str(error)) from None
        click.echo(message.as_string(), nl=False)

    with_database(work)


def ask_password() -> str:
    """Return a password that may be one: typed twice, or a line of standard input."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        try:
            password = sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise click.ClickException("The password is not encoded in UTF-8.") from None
    if fault := service.password_fault(password):
        raise click.ClickException(fault)
    return password


@click.group(cls=AsyncGroup)
@click.version_option(package_name="qapp", prog_name="qapp")
@click.pass_context
def cli(context: click.Context) -> None:
    """The site: run it, look into it, look after it."""
    # What Quart's own commands, shell and routes, find the app by.
    context.obj = ScriptInfo(create_app=create_app, set_debug_flag=False)


for command in (
    run_command,
    shell_command,
    routes_command,
    settings_command,
    openapi_command,
    demo_command,
    db_group,
    user_group,
    token_group,
    mail_group,
    contact_group,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; what a person can mend is one line, with exit status 1."""
    try:
        cli.main(prog_name="qapp")
    except (ConfigError, DatabaseError, migrations.SchemaError) as error:
        sys.exit(f"qapp: {error}")
