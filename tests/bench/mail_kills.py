"""Part 3 of `tests.bench.mail`: kill all workers in the middle of the delivery."""

from __future__ import annotations

import asyncio
import random
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from qapp.ext.database.driver import sqlite
from qapp.ext.mail.queue import INTERRUPTED
from qapp.ext.mail.settings import DEFAULTS
from tests.bench.mail_parts import (
    SlowServer,
    in_outbox,
    more_than_once,
    post_at_once,
    until_none_waits,
)
from tests.bench.table import Line
from tests.serving import Server

KILL_CLIENTS = 100


def given_up(path: Path) -> set[str]:
    """Return the subjects of what was given up because the server may have it."""
    with closing(sqlite.connect(str(path), timeout=30)) as connection:
        rows = connection.execute(
            "SELECT subject FROM outbox WHERE failed_ms IS NOT NULL AND last_error = ?",
            (INTERRUPTED,),
        )
        return {subject for (subject,) in rows}


class Killed(NamedTuple):
    """What became of the posts around some kills, before a person did anything.

    :ivar asked: the subjects of those that were answered.
    :ivar held: how many messages the processes held when they were killed.
    :ivar listed: the subjects of what was given up, for a person to decide.
    """

    asked: set[str]
    held: int
    listed: set[str]


async def kill(site: Server, mail: SlowServer, rounds: int, name: str) -> Killed:
    """Kill all workers in the middle of the delivery, again and again."""
    path = site.folder / "qapp.db"
    asked: set[str] = set()
    held = 0
    for number in range(rounds):
        posting = asyncio.create_task(post_at_once(site.port, f"{name}-{number}", KILL_CLIENTS))
        while not any(f"{name}-{number}-" in each.subject for each in mail.received):
            mail.changed.clear()
            await mail.changed.wait()
        await asyncio.sleep(random.uniform(0, 2))
        await asyncio.to_thread(site.kill)
        asked |= (await posting).subjects
        # Who was killed claims no more; as if their leases' two minutes were over.
        held += await asyncio.to_thread(
            in_outbox, path, "UPDATE outbox SET due_ms = 0 WHERE lease IS NOT NULL"
        )
        await asyncio.to_thread(site.start)
        await until_none_waits(path)
    return Killed(asked, held, await asyncio.to_thread(given_up, path))


async def kill_and_count(
    site: Server, mail: SlowServer, rounds: int, *, resends: bool
) -> list[Line]:
    """Kill; compare what was asked for with what came and what is listed; retry that.

    :param resends: whether `MAIL_OUTBOX_RESEND` is on.
    """
    mail.received.clear()
    async with mail.listening():
        killed = await kill(site, mail, rounds, f"kill-{mail.answers_from_dot}")
        came = {each.subject for each in mail.received}
        again = more_than_once(mail.received, lambda each: each.message_id)
        double = more_than_once(sorted(set(mail.received)), lambda each: each.subject)
        await asyncio.to_thread(site.command, "mail", "retry")
        await mail.has(killed.listed)
        await until_none_waits(site.folder / "qapp.db")
    lost = len(killed.asked - came - killed.listed)
    left = len(killed.asked - {each.subject for each in mail.received})
    most = rounds * site.workers * int(DEFAULTS["MAIL_OUTBOX_CONNECTIONS"])
    most_again, most_listed = (most, 0) if resends else (0, most)
    listed, posts = len(killed.listed), len(killed.asked)
    when = "from the dot on" if mail.answers_from_dot else "with its answer"
    title = f"resend {'on' if resends else 'off'}, server has it {when}: {rounds} kills, of posts"
    return [
        Line(title, str(posts), "> 0", posts > 0),
        Line("in hand when their process was killed", str(killed.held), "> 0", killed.held > 0),
        Line("lost: neither came nor listed", str(lost), "0", lost == 0),
        Line("one post by two Message-IDs", str(double), "0", double == 0),
        Line("came twice", str(again), f"<= {most_again}", again <= most_again),
        Line(
            "in doubt, so given up and listed",
            str(listed),
            f"<= {most_listed}",
            listed <= most_listed,
        ),
        Line("not there after `qapp mail retry`", str(left), "0", left == 0),
    ]
