"""Compare the site with the Flask application that does the same, in one run on this machine.

qapp under Hypercorn, and under granian, so that one sees what the server costs; the Flask original
of the blog under gunicorn; an empty Quart view and a bare ASGI function under Hypercorn as
yardsticks. wrk drives them in turn. The result is printed, and written as Markdown and as a chart.

    python -m tests.bench.compare --seconds 5 --rounds 5
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.bench import wrk
from tests.bench.compare.chart import svg
from tests.bench.compare.report import Conditions, markdown, table
from tests.bench.compare.run import Progress, lines, measure, run_count
from tests.bench.compare.sides import Side, all_sides
from tests.bench.compare.work import FLASK, QAPP, WORKS
from tests.bench.table import show

# What the README shows is kept beside the program that made it.
KEPT = Path(__file__).parent
NEEDED = ("gunicorn", "granian")


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    keys = [work.key for work in WORKS]
    parser.add_argument("--seconds", type=float, default=5, help="the length of a run (5)")
    parser.add_argument("--rounds", type=int, default=5, help="how many runs of each side (5)")
    parser.add_argument("--only", action="append", choices=keys, help="only this work; repeatable")
    parser.add_argument(
        "--output",
        type=Path,
        help="where comparison.md and comparison.svg go (beside this program; with --only nowhere)",
    )
    arguments = parser.parse_args()
    require()
    works = [work for work in WORKS if work.key in (arguments.only or keys)]
    output: Path | None = arguments.output or (None if arguments.only else KEPT)
    progress = Progress(run_count(works, arguments.rounds))
    names = {FLASK, *(name for work in works for name in work.sides)}
    with (
        tempfile.TemporaryDirectory() as folder,
        all_sides(Path(folder), names, progress.tell) as sides,
    ):
        pages = (page_bytes(sides[QAPP]), page_bytes(sides[FLASK]))
        conditions = Conditions(arguments.seconds, arguments.rounds, pages)
        results = [
            measure(
                work,
                sides,
                seconds=arguments.seconds,
                rounds=arguments.rounds,
                progress=progress,
            )
            for work in works
        ]
        progress.tell("done")
    print("\n".join(conditions.lines()))
    print("\n".join(table(results)))
    found = [line for result in results for line in lines(result)]
    status = show("\nRatios, qapp under Hypercorn against the others", found)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "comparison.md").write_text(markdown(conditions, results, found))
        (output / "comparison.svg").write_text(svg(results))
        print(f"\nWritten: {output}/comparison.md, {output}/comparison.svg")
    return status


def require() -> None:
    """End the comparison where something is missing, and say how to get it."""
    wrk.require()
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        sys.exit(f"this needs {' and '.join(missing)}: pip install -e '.[bench]'")


def page_bytes(side: Side) -> int:
    """Return how long the front page is without a session."""
    with closing(http.client.HTTPConnection("127.0.0.1", side.port)) as connection:
        connection.request("GET", "/")
        return len(connection.getresponse().read())


if __name__ == "__main__":
    sys.exit(main())
