"""Post the contact form by 500 clients at once while the mail server takes 200 ms for each message.

Two workers, and a mail server in this process which notes the Message-ID of all that it takes.

1. Rounds in turn against an instant and a slow server: if a request waited for the server, the
   answers of the slow rounds would be later.
2. The server is away while clients post, and comes back.
3. `kill -9` of all workers in the middle of the delivery, and a restart. Half of the rounds have a
   server that answers for a message from its final dot on (as Postfix does, who has it in his queue
   before he says so), half one that does so with its answer, and forgets it if nobody is there to
   hear that. What was accepted and could not be recorded any more is sent again, by the same
   Message-ID: such messages are counted, and not more than a kill has connections open. The leases
   of the killed are ended by hand, or each round would wait for two minutes.

    python -m tests.bench.mail --clients 500 --rounds 3 --kills 10
"""

from __future__ import annotations

import argparse
import asyncio
import html
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, Envelope

from qapp.ext.database.driver import sqlite
from qapp.ext.mail.settings import DEFAULTS
from tests.bench.table import Line, show
from tests.client import TOKEN, Client
from tests.serving import Server, free_port

WORKERS = 2
TAKES_S = 0.2
AWAY_CLIENTS = 150
KILL_CLIENTS = 100
PATIENCE_S = 300
HEADER = re.compile(rb"^(Message-ID|Subject): *(\S.*?)\r\n", re.MULTILINE | re.IGNORECASE)
# How much later than with an instant server the answers may be: the noise of a machine whose two
# processors are shared by clients, workers and mail server.
MOST_RATIO = 1.5
FORM = {
    "gender": "F",
    "address": "14 MG Road\r\nBengaluru",
    "email": "asha@example.org",
    "age": "30",
    "language": "py",
}


class Received(NamedTuple):
    """A message that the server took."""

    subject: str
    message_id: str


class SlowServer:
    """A mail server; `takes_s` is how long each message takes it.

    :ivar answers_from_dot: whether it has a message as soon as all of it is there.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.takes_s = 0.0
        self.answers_from_dot = False
        self.received: list[Received] = []
        self.changed = asyncio.Event()
        self.open: set[SMTP] = set()
        self.most_open = 0

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _: object, __: object, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        found = {name.lower(): value.decode() for name, value in HEADER.findall(envelope.content)}
        message = Received(found[b"subject"], found[b"message-id"])
        if self.answers_from_dot:
            self.take(message)
        await asyncio.sleep(self.takes_s)
        if not self.answers_from_dot:
            self.take(message)
        return "250 OK"

    def take(self, message: Received) -> None:
        """Note a message."""
        self.received.append(message)
        self.changed.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Be there, always at the same port."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Counted(self, loop), "127.0.0.1", self.port)
        try:
            yield
        finally:
            listener.close()
            for each in list(self.open):
                if isinstance(each.transport, asyncio.WriteTransport):
                    each.transport.abort()

    async def has(self, subjects: set[str]) -> None:
        """Wait until it took a message of each subject."""
        async with asyncio.timeout(PATIENCE_S):
            while not subjects <= {each.subject for each in self.received}:
                self.changed.clear()
                await self.changed.wait()


class Counted(SMTP):
    """A connection that its server counts."""

    def __init__(self, server: SlowServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, hostname="bench", loop=loop)
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.server.open.add(self)
        self.server.most_open = max(self.server.most_open, len(self.server.open))
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.open.discard(self)
        super().connection_lost(error)


class Posted(NamedTuple):
    """What became of many posts at once.

    :ivar subjects: of those that were answered, with the seconds that each took.
    :ivar failed: what the others met: another status, or a broken connection.
    """

    subjects: set[str]
    seconds: list[float]
    failed: Counter[str]


async def post_at_once(port: int, prefix: str, count: int) -> Posted:
    """Post the form by so many clients at once, each with its own session, token and connection."""
    clients = [Client(port) for _ in range(count)]
    subjects: set[str] = set()
    seconds: list[float] = []
    failed: Counter[str] = Counter()

    async def open_form(client: Client) -> None:
        match = TOKEN.search((await client.request("GET", "/contact")).text)
        assert match is not None
        client.token = html.unescape(match[1])
        # The server ends a connection that is idle for five seconds, perhaps just when it is used.
        client.close()

    async def post(client: Client, name: str) -> None:
        started = time.perf_counter()
        try:
            answer = await client.request("POST", "/contact", {"name": name, **FORM})
        except (OSError, EOFError) as error:
            failed[type(error).__name__] += 1
            return
        if answer.status != 200:
            failed[str(answer.status)] += 1
            return
        seconds.append(time.perf_counter() - started)
        subjects.add(f"Contact: {name}")

    try:
        await asyncio.gather(*map(open_form, clients))
        await asyncio.gather(*(post(each, f"{prefix}-{n}") for n, each in enumerate(clients)))
    finally:
        for client in clients:
            client.close()
    return Posted(subjects, seconds, failed)


def in_outbox(path: Path, sql: str, *values: Any) -> int:
    """Return a number from the outbox, or how many rows a statement changed."""
    with closing(sqlite.connect(str(path), timeout=30)) as connection:
        cursor = connection.execute(sql, values)
        row = cursor.fetchone() if sql.startswith("SELECT") else None
        connection.commit()
        return int(row[0]) if row else int(cursor.rowcount)


async def until_empty(path: Path) -> None:
    """Wait until the outbox is empty: what was sent is recorded too."""
    async with asyncio.timeout(PATIENCE_S):
        count = "SELECT count(*) FROM outbox"
        while await asyncio.to_thread(in_outbox, path, count):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.05)


def more_than_once(received: list[Received], key: Callable[[Received], str]) -> int:
    """Return how many messages too many came, by what they are known by."""
    return sum(count - 1 for count in Counter(map(key, received)).values())


def shown(failed: Counter[str]) -> str:
    """Return how many failed, and of what."""
    return f"{failed.total()} {dict(failed)}" if failed else "0"


async def at_once(site: Server, mail: SlowServer, clients: int, rounds: int) -> list[Line]:
    """Compare the answers beside an instant server with those beside a slow one."""
    path = site.folder / "qapp.db"
    median: dict[float, list[float]] = {0.0: [], TAKES_S: []}
    slowest: dict[float, list[float]] = {0.0: [], TAKES_S: []}
    asked: set[str] = set()
    failed: Counter[str] = Counter()
    async with mail.listening():
        await post_at_once(site.port, "warm", 50)
        await until_empty(path)
        mail.received.clear()
        for number in range(rounds):
            for takes_s in (0.0, TAKES_S):
                mail.takes_s = takes_s
                before, started = len(mail.received), time.perf_counter()
                posted = await post_at_once(site.port, f"{number}-{takes_s}", clients)
                answered_s = time.perf_counter() - started
                taken = len(mail.received) - before
                await mail.has(posted.subjects)
                all_s = time.perf_counter() - started
                await until_empty(path)
                median[takes_s].append(statistics.median(posted.seconds))
                slowest[takes_s].append(max(posted.seconds))
                asked |= posted.subjects
                failed.update(posted.failed)
                print(
                    f"{takes_s * 1000:3.0f} ms a message: answers: median "
                    f"{median[takes_s][-1]:.2f} s, slowest {slowest[takes_s][-1]:.2f} s; with the "
                    f"last one (after {answered_s:.1f} s) {taken} were delivered, "
                    f"all after {all_s:.1f} s, over {mail.most_open} connections"
                )
    lost = len(asked - {each.subject for each in mail.received})
    double = more_than_once(mail.received, lambda each: each.subject)
    lines = []
    for what, times in (("median", median), ("slowest", slowest)):
        instant, slow = (statistics.median(times[takes_s]) for takes_s in (0.0, TAKES_S))
        ratio = slow / instant
        lines.append(
            Line(
                f"answers, {what}: instant server, slow server",
                f"{instant:.2f} s, {slow:.2f} s ({ratio:.2f} x)",
                f"< {MOST_RATIO} x",
                ratio < MOST_RATIO,
            )
        )
    return [
        *lines,
        Line("posts not answered", shown(failed), "0", not failed),
        Line("posts answered", str(len(asked)), "> 0", bool(asked)),
        Line("of them lost, double", f"{lost}, {double}", "0, 0", lost == double == 0),
    ]


async def away(site: Server, mail: SlowServer) -> list[Line]:
    """Post while no server is there."""
    mail.received.clear()
    mail.takes_s = TAKES_S
    posted = await post_at_once(site.port, "away", AWAY_CLIENTS)
    await asyncio.sleep(5)  # so that the server is asked for in vain more than once
    started = time.perf_counter()
    async with mail.listening():
        await mail.has(posted.subjects)
        all_s = time.perf_counter() - started
        await until_empty(site.folder / "qapp.db")
    lost = len(posted.subjects - {each.subject for each in mail.received})
    double = more_than_once(mail.received, lambda each: each.subject)
    slowest_s = max(posted.seconds)
    return [
        Line("server away: posts not answered", shown(posted.failed), "0", not posted.failed),
        Line("slowest answer", f"{slowest_s:.2f} s", "< 5 s", slowest_s < 5),
        Line("lost, double", f"{lost}, {double}", "0, 0", lost == double == 0),
        Line("all there after it is back for", f"{all_s:.1f} s", "", True),
    ]


async def kill(
    site: Server, mail: SlowServer, rounds: int, *, answers_from_dot: bool
) -> list[Line]:
    """Kill all workers in the middle of the delivery, again and again."""
    path = site.folder / "qapp.db"
    mail.received.clear()
    mail.takes_s, mail.answers_from_dot = TAKES_S, answers_from_dot
    asked: set[str] = set()
    held = 0
    async with mail.listening():
        for number in range(rounds):
            name = f"kill-{answers_from_dot}-{number}"
            posting = asyncio.create_task(post_at_once(site.port, name, KILL_CLIENTS))
            while not any(name in each.subject for each in mail.received):
                mail.changed.clear()
                await mail.changed.wait()
            await asyncio.sleep(random.uniform(0, 2))
            await asyncio.to_thread(site.kill)
            posted = await posting
            asked |= posted.subjects
            # Who was killed claims no more; as if their leases' two minutes were over.
            held += await asyncio.to_thread(
                in_outbox, path, "UPDATE outbox SET due_ms = 0 WHERE lease IS NOT NULL"
            )
            await asyncio.to_thread(site.start)
            await mail.has(posted.subjects)
            await until_empty(path)
    lost = len(asked - {each.subject for each in mail.received})
    again = more_than_once(mail.received, lambda each: each.message_id)
    double = more_than_once(sorted(set(mail.received)), lambda each: each.subject)
    most = rounds * WORKERS * int(DEFAULTS["MAIL_OUTBOX_CONNECTIONS"])
    when = "from the dot on" if answers_from_dot else "with its answer"
    return [
        Line(
            f"{rounds} kills, server has it {when}: posts answered",
            str(len(asked)),
            "> 0",
            bool(asked),
        ),
        Line("held by a process when it was killed", str(held), "> 0", held > 0),
        Line("lost", str(lost), "0", lost == 0),
        Line("one post by two Message-IDs", str(double), "0", double == 0),
        Line("sent again by the same Message-ID", str(again), f"<= {most}", again <= most),
    ]


async def measure(folder: Path, clients: int, rounds: int, kills: int) -> list[Line]:
    """Run the three parts."""
    mail = SlowServer()
    site = Server(folder, workers=WORKERS, MAIL_BACKEND="smtp", MAIL_PORT=str(mail.port))
    with site:
        lines = await at_once(site, mail, clients, rounds)
        lines += await away(site, mail)
        for answers_from_dot in (True, False):
            lines += await kill(site, mail, kills // 2, answers_from_dot=answers_from_dot)
        is_clean = site.stop() == 0
    return [*lines, Line("exit status 0 at the end", str(is_clean), "True", is_clean)]


def main() -> int:
    """Run the parts and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3, help="of the first part")
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = asyncio.run(
            measure(Path(folder), arguments.clients, arguments.rounds, arguments.kills)
        )
    title = f"{arguments.clients} clients, {WORKERS} workers, a server of {TAKES_S * 1000:.0f} ms"
    return show(title, lines)


if __name__ == "__main__":
    sys.exit(main())
