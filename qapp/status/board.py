"""What the operator's page shows: charts of what workers do, and a line for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from qapp.ext.metrics.report import (
    RECENT_S,
    SILENT_S,
    Report,
    Series,
    newest,
    percentiles,
    ratio,
    recent,
    recent_percentile,
)

from .charts import Chart, Values, chart, count, megabytes, milliseconds, percent, shown

ANSWERS = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Worker(NamedTuple):
    """A line of the table.

    :ivar began_at: in milliseconds since 1970.
    :ivar silent_s: for how many seconds nothing was heard of it; 0 while that is usual.
    :ivar numbers: of each column its title and its text.
    """

    pid: int
    began_at: int
    silent_s: int
    numbers: tuple[tuple[str, str], ...]


class Board(NamedTuple):
    """The page.

    :ivar pid: the one worker whose charts these are; None: all together.
    :ivar is_gone: whether there is no such worker.
    """

    pid: int | None
    is_gone: bool
    charts: tuple[Chart, ...]
    workers: tuple[Worker, ...]


def board_of(report: Report, *, pid: int | None) -> Board:
    """Work out the page, in some milliseconds a worker.

    :param pid: of the worker whose charts are wanted; None: all together.
    """
    shown_report, is_gone = report, False
    if pid is not None:
        track = next((track for track in report.tracks if track.pid == pid), None)
        is_gone = track is None
        shown_report = report if track is None else report.of(track)
    workers = tuple(
        Worker(
            track.pid,
            int(track.began_at * 1000),
            int(track.silent_s) if track.silent_s > SILENT_S else 0,
            numbers(report.of(track, RECENT_S)),
        )
        for track in report.tracks
    )
    return Board(pid, is_gone, () if is_gone else charts(shown_report), workers)


def charts(report: Report) -> tuple[Chart, ...]:
    """Draw everything, of all the processes of a report together."""
    took = report.counts("http_request_duration_seconds")
    reads, trips = report.rate("database_reads_total"), report.rate("database_read_trips_total")
    writes, commits = report.rate("database_writes_total"), report.rate("database_commits_total")
    return (
        chart(
            "Requests a second",
            count,
            rate("all", report.rate("http_requests_total", *ANSWERS)),
            rate("failed (5xx)", report.rate("http_requests_total", "5xx")),
        ),
        chart(
            "Time to the answer",
            milliseconds,
            Values("half within", percentiles(took, 0.5), recent_percentile(took, 0.5)),
            Values("99 % within", percentiles(took, 0.99), recent_percentile(took, 0.99)),
        ),
        chart("Requests under way", count, level("", report.level("http_requests_waiting"))),
        chart(
            "Longest lag of the loop",
            milliseconds,
            level("", report.level("event_loop_longest_lag_seconds", max), max),
        ),
        chart("Reads a trip", count, rate("", ratio(reads, trips))),
        chart("Writes a commit", count, rate("", ratio(writes, commits))),
        chart(
            "Waiting for the database",
            count,
            level("reads", report.level("database_reads_waiting")),
            level("writes", report.level("database_writes_waiting")),
        ),
        chart("Pages from the cache", percent, rate("", hits(report))),
        chart("Live readers", count, level("", report.level("live_readers"))),
        chart("Processor", percent, rate("", report.rate("cpu_seconds_total"))),
        chart("Memory", megabytes, level("", report.level("resident_memory_bytes"))),
    )


def numbers(report: Report) -> tuple[tuple[str, str], ...]:
    """Return the columns of one worker."""
    took = report.counts("http_request_duration_seconds")
    lag = level("", report.level("event_loop_longest_lag_seconds"), max)
    return (
        ("Requests/s", shown(recent(report.rate("http_requests_total", *ANSWERS)), count)),
        ("Half within", shown(recent_percentile(took, 0.5), milliseconds)),
        ("99 % within", shown(recent_percentile(took, 0.99), milliseconds)),
        ("Under way", shown(newest(report.level("http_requests_waiting")), count)),
        ("Loop lag", shown(lag.now, milliseconds)),
        ("From cache", shown(recent(hits(report)), percent)),
        ("Live readers", shown(newest(report.level("live_readers")), count)),
        ("Processor", shown(recent(report.rate("cpu_seconds_total")), percent)),
        ("Memory", shown(newest(report.level("resident_memory_bytes")), megabytes)),
    )


def hits(report: Report) -> Series:
    """Return the share of the pages that were there, of those that may be kept."""
    found = report.rate("page_cache_hits_total")
    others = (report.rate(f"page_cache_{name}_total") for name in ("misses", "waits"))
    asked = [
        None if one is None else one + sum(rest) for one, *rest in zip(found, *others, strict=True)
    ]
    return ratio(found, asked)


def rate(label: str, series: Series) -> Values:
    """Return a line whose newest value is the mean of the last seconds."""
    return Values(label, series, recent(series))


def level(label: str, series: Series, now: Callable[[list[float]], float] | None = None) -> Values:
    """Return a line whose newest value is the last one, or what `now` makes of the last ones."""
    known = [value for value in series[-RECENT_S:] if value is not None]
    if now is not None and known:
        return Values(label, series, now(known))
    return Values(label, series, newest(series))
