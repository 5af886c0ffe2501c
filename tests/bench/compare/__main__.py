"""Compare the site with the Flask application that does the same, in one run on this machine.

qapp under Hypercorn, and under granian, so that one sees what the server costs; the Flask original
of the blog under gunicorn; an empty Quart view and a bare ASGI function under Hypercorn as
yardsticks. wrk drives them in turn. The result is printed, and written as Markdown, as a chart and
into the README; so are, with --all, the programs that take longer: 8 000 live readers, a million
entries, memory over ten minutes.

    python -m tests.bench.compare --all
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import wrk
from tests.bench.compare.chart import svg
from tests.bench.compare.programs import PROGRAMS
from tests.bench.compare.report import Conditions, embedded, markdown, table
from tests.bench.compare.run import Progress, Result, errors, lines, measure, work_s
from tests.bench.compare.sides import all_sides
from tests.bench.compare.work import FLASK, QAPP, WORKS, Work
from tests.bench.table import Line, show
from tests.processes import ROOT

# What the README shows is kept beside the program that made it.
KEPT = Path(__file__).parent
README = ROOT / "README.md"
NEEDED = ("gunicorn", "granian", "locust")
# So far apart may the sizes of the two front pages be.
MOST_DIFFERENCE = 0.03


def main() -> int:
    """Measure, print and write."""
    arguments = read_arguments()
    require()
    chosen = arguments.only or [work.key for work in WORKS]
    if arguments.all:
        chosen = [each.key for each in (*WORKS, *PROGRAMS)]
    works = [work for work in WORKS if work.key in chosen]
    programs = [program for program in PROGRAMS if program.key in chosen]
    seconds, rounds = arguments.seconds, arguments.rounds
    progress = Progress(
        sum(work_s(work, seconds, rounds) for work in works)
        + sum(program.takes_s for program in programs)
    )
    found: list[Line] = []
    conditions: list[str] = []
    results: list[Result] = []
    if works:
        conditions, results = compare(works, seconds, rounds, progress)
        found += [line for result in results for line in lines(result)]
        found.append(errors(results))
    for program in programs:
        progress.tell(program.title)
        found += program.lines()
        progress.step(program.takes_s)
    progress.tell("done")
    print("\n".join([*conditions, *table(results)]))
    status = show("\nqapp under Hypercorn, and what is required of it", found)
    if arguments.output or not arguments.only:
        write(arguments.output, markdown(conditions, results, found), svg(results))
    return status


def read_arguments() -> argparse.Namespace:
    """Read the command's options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    keys = [each.key for each in (*WORKS, *PROGRAMS)]
    parser.add_argument("--seconds", type=float, default=5, help="the length of a run (5)")
    parser.add_argument("--rounds", type=int, default=5, help="how many runs of each side (5)")
    parser.add_argument("--all", action="store_true", help="what takes longer, too")
    parser.add_argument("--only", action="append", choices=keys, help="only this; repeatable")
    parser.add_argument(
        "--output",
        type=Path,
        help="where comparison.md and comparison.svg go (by default beside this program and into "
        "the README; with --only nowhere)",
    )
    arguments = parser.parse_args()
    if arguments.seconds <= 0 or arguments.rounds < 1:
        parser.error("it takes a round, and time for it")
    if arguments.all and arguments.only:
        parser.error("either --all or --only")
    return arguments


def require() -> None:
    """End the comparison where something is missing, and say how to get it."""
    wrk.require()
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        sys.exit(f"this needs {' and '.join(missing)}: pip install -e '.[bench]'")


def compare(
    works: Sequence[Work], seconds: float, rounds: int, progress: Progress
) -> tuple[list[str], list[Result]]:
    """Start all sides, and drive them; return under which conditions, and what was measured."""
    load = os.getloadavg()[0]
    names = {FLASK, *(name for work in works for name in work.sides)}
    with (
        tempfile.TemporaryDirectory() as folder,
        all_sides(Path(folder), names, progress.tell) as sides,
    ):
        sizes = sides[QAPP].page_bytes(), sides[FLASK].page_bytes()
        if abs(sizes[0] / sizes[1] - 1) > MOST_DIFFERENCE:
            sys.exit(f"not the same page: {sizes[0]:,} and {sizes[1]:,} bytes")
        results = [
            measure(work, sides, seconds=seconds, rounds=rounds, progress=progress)
            for work in works
        ]
    return Conditions(seconds, rounds, sizes, load).lines(), results


def write(folder: Path | None, page: str, chart: str) -> None:
    """Keep the comparison in a folder; without one where the README shows it from, and there."""
    kept = folder or KEPT
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "comparison.md").write_text(page)
    (kept / "comparison.svg").write_text(chart)
    if folder is None:
        README.write_text(embedded(README.read_text(), page))
    print(f"\nWritten: comparison.md and comparison.svg in {kept}{'' if folder else ', README.md'}")


if __name__ == "__main__":
    sys.exit(main())
