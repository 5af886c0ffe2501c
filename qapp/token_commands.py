"""`qapp token`: the tokens that programs log in with."""

from __future__ import annotations

import re

import click

from .accounts import queries, tokens
from .db_commands import with_database
from .ext.database import Database, Executor
from .web.templating import iso_time, now_ms

NAME = re.compile(rf"[^\x00-\x1f\ud800-\udfff]{{1,{tokens.LONGEST_NAME}}}")


@click.group("token")
def token_group() -> None:
    """The tokens of the API."""


@token_group.command("add")
@click.argument("user")
@click.option("--name", required=True, help="What the user knows it by.")
@click.option("--scope", type=click.Choice(tokens.SCOPES), required=True, help="What it may.")
@click.option(
    "--days",
    type=click.IntRange(1, tokens.LONGEST_DAYS),
    help="How long it lasts; by default until it is revoked.",
)
def token_add(user: str, name: str, scope: str, days: int | None) -> None:
    """Make a token of USER and print it; it is never shown again."""
    name = name.strip()
    if not NAME.fullmatch(name):
        raise click.ClickException(
            f"A token's name has 1 to {tokens.LONGEST_NAME} characters, all on one line."
        )

    async def work(db: Database) -> None:
        user_id = await find_user(db, user)
        try:
            made = await tokens.add_token(
                db, user_id=user_id, name=name, scope=scope, days=days, now_ms=now_ms()
            )
        except tokens.TokenNameTaken:
            raise click.ClickException(f"{user} has a token “{name}” already.") from None
        except tokens.TooManyTokens:
            raise click.ClickException(
                f"{user} has {tokens.MOST_TOKENS} tokens, which is as many as one may have."
            ) from None
        click.echo(made.text)

    with_database(work)


@token_group.command("list")
@click.argument("user")
def token_list(user: str) -> None:
    """List the tokens of USER: name, how it begins, scope, made, last used, and until when."""

    async def work(db: Database) -> None:
        for token in await tokens.list_tokens(db, user_id=await find_user(db, user)):
            used = "never used" if token.used_at is None else iso_time(token.used_at)
            until = "until revoked" if token.expires_at is None else iso_time(token.expires_at)
            made = iso_time(token.created_at)
            click.echo("\t".join((token.name, token.begins, token.scope, made, used, until)))

    with_database(work)


@token_group.command("revoke")
@click.argument("user")
@click.argument("name")
def token_revoke(user: str, name: str) -> None:
    """Revoke the token NAME of USER: from now on it is none."""

    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            user_id = await find_user(tx, user)
            for token in await tokens.list_tokens(tx, user_id=user_id):
                if token.name == name:
                    await tokens.remove_token(tx, user_id=user_id, token_id=token.id)
                    return
        raise click.ClickException(f"{user} has no token “{name}”.")

    with_database(work)


async def find_user(db: Executor, username: str) -> int:
    """Return the id of a user.

    :raises click.ClickException: if there is none of the name.
    """
    user = await queries.get_credentials(db, username=username)
    if user is None:
        raise click.ClickException(f"There is no user {username}.")
    return user.id
