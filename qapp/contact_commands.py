"""`qapp contact`: the domains whose addresses the contact form does not take."""

from __future__ import annotations

import re

import click

from .contact import queries
from .contact.forms import DOMAIN
from .db_commands import with_database
from .ext.database import Database


def domain_of(_: click.Context, __: click.Parameter, text: str) -> str:
    """Return a domain as the addresses that the form takes have it."""
    try:
        domain = text.strip().lower().encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not re.match(DOMAIN, domain):
        raise click.BadParameter("A domain is written as in example.org.")
    return domain


DOMAIN_ARGUMENT = click.argument("domain", callback=domain_of)


@click.group("contact")
def contact_group() -> None:
    """The domains that the contact form refuses."""


@contact_group.command("block")
@DOMAIN_ARGUMENT
def block(domain: str) -> None:
    """Take no more addresses of DOMAIN; those of its subdomains are others."""

    async def work(db: Database) -> None:
        await queries.add_blocked_domain(db, domain=domain)

    with_database(work)


@contact_group.command("unblock")
@DOMAIN_ARGUMENT
def unblock(domain: str) -> None:
    """Take addresses of DOMAIN again."""

    async def work(db: Database) -> None:
        if not await queries.remove_blocked_domain(db, domain=domain):
            raise click.ClickException(f"{domain} was not blocked.")

    with_database(work)


@contact_group.command("blocked")
def blocked() -> None:
    """List the domains that are refused."""

    async def work(db: Database) -> None:
        for domain in await queries.list_blocked_domains(db):
            click.echo(domain)

    with_database(work)
