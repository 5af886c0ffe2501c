"""The figures as Prometheus reads them: https://prometheus.io/docs/instrumenting/exposition_formats

By hand: its own client shares figures between processes by files that are named in the environment
before it is imported, and takes a lock for each step of a counter; what is left is this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from .figures import HISTOGRAM, Family, Layout
from .tracks import Track

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(prefix: str, layout: Layout, tracks: Sequence[Track]) -> str:
    """Write all figures of all workers; the label `worker` is a process's id."""
    return "".join(f"{line}\n" for line in _lines(prefix, layout, tracks))


def _lines(prefix: str, layout: Layout, tracks: Sequence[Track]) -> Iterator[str]:
    for family in layout.families:
        name = f"{prefix}_{family.name}"
        yield f"# HELP {name} {family.meaning}"
        yield f"# TYPE {name} {family.kind}"
        for track in tracks:
            columns = layout[family.name]
            values = track.last[columns.start : columns.stop]
            worker = f'worker="{track.pid}"'
            if family.kind == HISTOGRAM:
                yield from _histogram(name, family, worker, values)
                continue
            for part, value in zip(family.parts, values, strict=True):
                label = f',{family.label}="{part}"' if family.label else ""
                yield f"{name}{{{worker}{label}}} {_number(value)}"


def _histogram(name: str, family: Family, worker: str, values: Sequence[float]) -> Iterator[str]:
    total, *counts = values
    sums = list(accumulate(counts))
    for bound, below in zip((*family.parts, "+Inf"), sums, strict=True):
        yield f'{name}_bucket{{{worker},le="{bound}"}} {_number(below)}'
    yield f"{name}_sum{{{worker}}} {_number(total)}"
    yield f"{name}_count{{{worker}}} {_number(sums[-1])}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
