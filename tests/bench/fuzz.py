"""Requests that schemathesis makes up of the API's document, sent to the real server.

Twice: with a token that may write, and by nobody. Every operation, all checks: no answer is a
server error, or one that the document does not allow. Where a check can't hold, `CONFIG` says why.

    python -m tests.bench.fuzz --examples 2000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from qapp.api.published import PATH
from tests.bench.table import Line, show
from tests.serving import PASSWORD, ROOT, Server

# What is added to schemathesis' own list of the statuses that data which fits the document may get
# is what only the database, or a look into the file, can know.
CONFIG = """
hooks = "tests.bench.fuzz_hooks"

# An If-Match that is made up is of a version that was never there: 412. One that is missing is a
# status of its own, 428 (RFC 6585, 3).
[[operations]]
include-operation-id = [
    "changeEntry", "removeEntry", "changeStudent", "removeStudent", "removeFile",
]
[operations.checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "412"]
negative_data_rejection.expected-statuses = [
    "400", "401", "403", "404", "405", "406", "412", "415", "422", "428",
]
missing_required_header.expected-statuses = ["401", "403", "422", "428"]

# And so for the content of a file, of which one may also ask for a part that it has not.
[[operations]]
include-operation-id = "getFileContent"
[operations.checks]
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "404", "412", "416"]

# What is made up is never the picture, PDF or text that its name says: 422.
[[operations]]
include-operation-id = "addFile"
[operations.checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "422"]
"""


class Run(NamedTuple):
    """What came of the requests: how many there were, of how many operations, what was wrong."""

    requests: int
    operations: int
    tested: int
    faults: int
    said: str


@contextmanager
def served(folder: Path) -> Iterator[tuple[Server, str]]:
    """Serve a site that has something of everything; yield also alice's token."""
    server = Server(folder, workers=1)
    server.command("user", "add", "alice", stdin=f"{PASSWORD}\n")
    server.command("demo", "--entries", "25")
    made = [
        server.command("token", "add", "alice", "--name", name, "--scope", "write").strip()
        for name in ("in use", "spare")
    ]
    with server:
        yield server, made[0]


def fuzz(server: Server, token: str | None, *, examples: int) -> Run:
    """Send requests, the same each time that the site is the same; by nobody without a token.

    :param examples: how many are made up of each operation at random, beside those that each rule
        of the document asks for and sequences of operations.
    """
    (server.folder / "schemathesis.toml").write_text(CONFIG)
    report = server.folder / "schemathesis.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(server.folder / "schemathesis.toml")),
            *("run", f"{server.url}/openapi.json", "--url", server.url, "--checks", "all"),
            *("--exclude-path", "/live"),  # a stream without end
            *("--max-examples", str(examples), "--continue-on-failure"),
            *("--seed", "1", "--generation-deterministic"),
            *("--report", "json", "--report-json-path", str(report), "--no-color"),
            *(("--header", f"Authorization: Bearer {token}") if token else ()),
        ],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if not report.exists():
        raise RuntimeError(f"schemathesis did not run:\n{done.stdout}")
    found = json.loads(report.read_text())
    faults = sum(failure["count"] for failure in found["failures"]) + len(found["errors"])
    return Run(
        found["test_cases"]["generated"],
        found["operations"]["selected"],
        found["operations"]["tested"],
        faults if found["complete"] else max(faults, 1),
        done.stdout,
    )


def lines_of(who: str, run: Run, least: int) -> list[Line]:
    """Return what a table says of a run."""
    return [
        Line(f"requests {who}", f"{run.requests:,}", f"≥ {least:,}", run.requests >= least),
        Line(
            f"operations {who}", f"{run.tested}", f"{run.operations}", run.tested == run.operations
        ),
        Line(f"answers {who} with faults", f"{run.faults}", "0", run.faults == 0),
    ]


def main() -> int:
    """Send and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="requests each way, at least")
    least = parser.parse_args().examples
    operations = sum(len(methods) for methods in json.loads(PATH.read_bytes())["paths"].values())
    lines = []
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (server, token):
        for who, sent in (("with a token", token), ("by nobody", None)):
            run = fuzz(server, sent, examples=-(-least // operations))
            lines += lines_of(who, run, least)
            if run.faults:
                print(run.said)
    return show("schemathesis, all checks, 1 worker", lines)


if __name__ == "__main__":
    sys.exit(main())
