"""What of this site is measured, beside what `qapp.ext.metrics` measures of every app."""

from __future__ import annotations

from qapp.ext.metrics import counter, gauge
from qapp.extensions import db, live, pages

FIGURES = (
    counter("database_reads_total", "Reads sent to a thread.", lambda: db.counts.reads),
    counter("database_read_trips_total", "Trips these took.", lambda: db.counts.trips),
    counter("database_writes_total", "Writes sent to be committed.", lambda: db.counts.writes),
    counter("database_commits_total", "Commits these were sent for.", lambda: db.counts.commits),
    counter(
        "database_transactions_total",
        "Transactions of several statements that were committed.",
        lambda: db.counts.transactions,
    ),
    gauge(
        "database_reads_waiting",
        "Reads that wait for a connection.",
        lambda: db.counts.waiting_reads,
    ),
    gauge(
        "database_writes_waiting",
        "Writes and transactions that wait for the writer.",
        lambda: db.counts.waiting_writes,
    ),
    counter("page_cache_hits_total", "Pages that were there.", lambda: pages.counts.hits),
    counter("page_cache_misses_total", "Pages that were made.", lambda: pages.counts.misses),
    counter(
        "page_cache_waits_total",
        "Requests that waited for a page which another had asked for.",
        lambda: pages.counts.waits,
    ),
    counter(
        "page_cache_drops_total",
        "Pages dropped because the data changed.",
        lambda: pages.counts.drops,
    ),
    counter(
        "page_cache_evictions_total",
        "Pages dropped to make room.",
        lambda: pages.counts.evictions,
    ),
    gauge("page_cache_bytes", "What the pages that are kept take.", lambda: pages.counts.bytes),
    gauge("live_readers", "Live streams that are open.", lambda: live.readers),
)
