"""Post the contact form by 500 clients at once while the mail server takes 200 ms for each message.

Two workers, and a mail server in this process which notes the Message-ID of all that it takes.

1. Rounds in turn against an instant and a slow server: if a request waited for the server, the
   answers of the slow rounds would be later.
2. The server is away while clients post, and comes back.
3. `kill -9` of all workers in the middle of the delivery, and a restart. Half of them have a
   server that answers for a message from its final dot on (as Postfix does, who has it in his queue
   before he says so), half one that does so with its answer, and forgets it if nobody is there to
   hear that. Of what was handed over and not yet answered for nobody can know whether the server
   has it. So both ways are measured, which `MAIL_OUTBOX_RESEND` chooses between:

   - off: each message comes once, or is listed as given up; then `qapp mail retry` sends the rest.
   - on: each message comes; one in doubt perhaps twice, by the same Message-ID.

   Nobody is in doubt about more than a kill has connections open. The leases of the killed are
   ended by hand, or each round would wait for two minutes.

    python -m tests.bench.mail --clients 500 --rounds 3 --kills 20
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.bench.mail_kills import kill_and_count
from tests.bench.mail_parts import SlowServer, more_than_once, post_at_once, until_none_waits
from tests.bench.table import Line, show
from tests.serving import Server

WORKERS = 2
TAKES_S = 0.2
AWAY_CLIENTS = 150
# How much later than with an instant server the answers may be: the noise of a machine whose two
# processors are shared by clients, workers and mail server.
MOST_RATIO = 1.5


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
        await until_none_waits(path)
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
                await until_none_waits(path)
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
        await until_none_waits(site.folder / "qapp.db")
    lost = len(posted.subjects - {each.subject for each in mail.received})
    double = more_than_once(mail.received, lambda each: each.subject)
    slowest_s = max(posted.seconds)
    return [
        Line("server away: posts not answered", shown(posted.failed), "0", not posted.failed),
        Line("slowest answer", f"{slowest_s:.2f} s", "< 5 s", slowest_s < 5),
        Line("lost, double", f"{lost}, {double}", "0, 0", lost == double == 0),
        Line("all there after it is back for", f"{all_s:.1f} s", "", True),
    ]


async def measure(folder: Path, clients: int, rounds: int, kills: int) -> list[Line]:
    """Run the three parts; `rounds` of the first two, if any."""
    mail = SlowServer()
    lines: list[Line] = []
    for resend in ("on", "off"):
        (folder / resend).mkdir()
        site = Server(
            folder / resend,
            workers=WORKERS,
            MAIL_BACKEND="smtp",
            MAIL_PORT=str(mail.port),
            MAIL_OUTBOX_RESEND=resend,
        )
        with site:
            if rounds and resend == "on":
                lines += await at_once(site, mail, clients, rounds)
                lines += await away(site, mail)
            mail.takes_s = TAKES_S
            for mail.answers_from_dot in (True, False):
                lines += await kill_and_count(site, mail, kills // 4, resends=resend == "on")
            is_clean = site.stop() == 0
        lines.append(Line("exit status 0 at the end", str(is_clean), "True", is_clean))
    return lines


def main() -> int:
    """Run the parts and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3, help="of the first part; 0: kills only")
    parser.add_argument("--kills", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = asyncio.run(
            measure(Path(folder), arguments.clients, arguments.rounds, arguments.kills)
        )
    title = f"{arguments.clients} clients, {WORKERS} workers, a server of {TAKES_S * 1000:.0f} ms"
    return show(title, lines)


if __name__ == "__main__":
    sys.exit(main())
