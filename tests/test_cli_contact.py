"""`qapp contact`: the domains whose addresses the contact form does not take."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qapp.cli import cli
from qapp.config import Settings
from tests.conftest import Visitor
from tests.contact.test_views import FORM

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on a database without any domain."""
    shutil.copy(migrated, tmp_path / "qapp.db")
    monkeypatch.setenv("QAPP_INSTANCE_PATH", str(tmp_path))
    return lambda *words: CliRunner().invoke(cli, ["contact", *words])


def test_domains_are_blocked_listed_and_unblocked(run: Run) -> None:
    assert (run("blocked").output, run("blocked").exit_code) == ("", 0)
    for domain in ("spam.example", "Ads.Example", "müller.example", "spam.example"):
        assert (run("block", domain).output, run("block", domain).exit_code) == ("", 0)
    assert run("blocked").output.splitlines() == [
        "ads.example",
        "spam.example",
        "xn--mller-kva.example",
    ]
    assert run("unblock", "ADS.example").exit_code == 0
    assert "ads.example" not in run("blocked").output
    refused = run("unblock", "ads.example")
    assert (refused.exit_code, refused.output) == (1, "Error: ads.example was not blocked.\n")


@pytest.mark.parametrize(
    "word", ["", "spam", "@spam.example", "a.-", "a b.c", ".", "a..b", "x" * 99]
)
def test_what_is_no_domain_is_refused(run: Run, word: str) -> None:
    refused = run("block", word)
    assert refused.exit_code == 2
    assert "A domain is written as in example.org." in refused.output
    assert run("blocked").output == ""


async def test_a_blocked_domain_is_refused_by_the_form_that_runs(
    visitor: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {**FORM, "email": "asha@SPAM.example"}
    assert (await visitor.post("/contact", form)).status_code == 200
    monkeypatch.setenv("QAPP_INSTANCE_PATH", str(settings.INSTANCE_PATH))
    for command, status in (("block", 422), ("unblock", 200)):
        arguments = ["contact", command, "spam.example"]
        done = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
        assert done.exit_code == 0, done.output
        assert (await visitor.post("/contact", form)).status_code == status
