"""What an engine has done, for those who watch it."""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """What an engine has done since it was connected, and what waits for it.

    :ivar reads: the reads that were sent to a thread; equal ones that waited together are one.
    :ivar trips: how many trips those took.
    :ivar writes: the writes that were sent to be committed, transactions aside.
    :ivar commits: how many commits those were sent for.
    :ivar transactions: the transactions that were committed.
    :ivar waiting_reads: how many reads wait for a connection.
    :ivar waiting_writes: how many writes and transactions wait for the writer.
    """

    reads: int = 0
    trips: int = 0
    writes: int = 0
    commits: int = 0
    transactions: int = 0
    waiting_reads: int = 0
    waiting_writes: int = 0
