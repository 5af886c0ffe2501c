"""Compare every chapter with Flask: `python -m tests.parity [--table | --write]`.

`--table` prints the README's table, `--write` keeps the result for the chapters' pages.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from qapp.tour.proof import PROOF

from .compare import run_all
from .report import as_json, table
from .scenarios import SCENARIOS


def main() -> int:
    """Run all scenarios; the exit status tells whether they agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("--table", action="store_true", help="print the README's table")
    parser.add_argument("--write", action="store_true", help="keep the result for the pages")
    parser.add_argument("chapters", nargs="*", help="only these chapters, by their slugs")
    arguments = parser.parse_args()
    if arguments.write and arguments.chapters:
        parser.error("--write keeps the result of all chapters: name none")
    chosen = [s for s in SCENARIOS if not arguments.chapters or s.chapter in arguments.chapters]
    outcomes = asyncio.run(run_all(chosen))
    faults = [f"{o.scenario}\n{fault}" for o in outcomes for fault in o.faults]
    if faults:
        print(*faults, sep="\n\n", file=sys.stderr)
    elif arguments.write:
        PROOF.write_text(as_json(outcomes))
    if arguments.table:
        print(table(outcomes))
    else:
        steps = sum(len(outcome.compared) for outcome in outcomes)
        print(f"{steps} steps in {len(outcomes)} scenarios, {len(faults)} unlisted differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
