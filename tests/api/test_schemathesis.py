"""Requests made up of the document: no answer is a server error, or one that it does not allow.

Few of each operation here; `python -m tests.bench.fuzz` makes up as many as are asked for.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.fuzz import fuzz, served


@pytest.mark.parametrize("is_known", [True, False], ids=["with a token", "by nobody"])
def test_made_up_requests_are_answered_as_documented(tmp_path: Path, is_known: bool) -> None:
    with served(tmp_path) as (server, token):
        run = fuzz(server, token if is_known else None, examples=1)
    assert run.faults == 0, run.said
    assert run.tested == run.operations > 20
