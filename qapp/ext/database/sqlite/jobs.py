"""What waits for a connection: statements, and the callers that wait for their outcome."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qapp.ext.database.contract import Statement
from qapp.ext.database.errors import DatabaseBusy, DatabaseError


class Limits(NamedTuple):
    """How long things may take in the thread, in seconds.

    :ivar slow_s: what takes longer is told to the log, without its values; 0 tells nothing.
    """

    statement_s: float = 10.0
    lock_s: float = 5.0
    slow_s: float = 0.0


@dataclass(frozen=True)
class Options:
    """How an engine is sized: numbers of jobs, and seconds."""

    readers: int = 2
    most_waiting_reads: int = 2000
    most_waiting_writes: int = 2000
    wait_s: float = 10.0
    close_s: float = 10.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if min(self.readers, self.most_waiting_reads, self.most_waiting_writes) < 1:
            raise ValueError("readers, most_waiting_reads and most_waiting_writes are at least 1")


@dataclass(eq=False, slots=True)
class Job:
    """A statement that waits, and the callers that wait for its outcome."""

    statement: Statement
    loop: asyncio.AbstractEventLoop
    since: float = field(init=False)
    waiters: list[asyncio.Future[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.since = self.loop.time()

    def join(self) -> asyncio.Future[Any]:
        """Return a new future for the outcome: each caller has its own, as one may be cancelled."""
        future = self.loop.create_future()
        self.waiters.append(future)
        return future

    def answer(self, outcome: Any) -> None:
        """Hand the outcome to every caller that still waits, a list to each as its own."""
        for future in self.waiters:
            if not future.done():
                settle(future, outcome)
                if isinstance(outcome, list) and len(self.waiters) > 1:
                    outcome = outcome.copy()

    def is_wanted(self, wait_s: float) -> bool:
        """Tell whether to run it still; a caller that waited longer than `wait_s` is told so."""
        for future in self.waiters:
            if not future.done():
                break
        else:
            return False
        if self.loop.time() - self.since > wait_s:
            self.answer(DatabaseBusy(f"waited longer than {wait_s:g} s"))
            return False
        return True


def settle(future: asyncio.Future[Any], outcome: Any) -> None:
    """Set a future's result or, if the outcome is an error, an exception of its own."""
    if isinstance(outcome, DatabaseError):
        future.set_exception(copy.copy(outcome))
    else:
        future.set_result(outcome)
