"""What the README and the deployment files say is so."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from click import Group

from qapp.cli import cli
from qapp.config import PREFIX, Settings
from tests.bench.compare.report import embedded
from tests.serving import ROOT, server_with_user

README = (ROOT / "README.md").read_text()


def test_the_settings_are_all_listed_with_their_defaults() -> None:
    rows = re.findall(r"^\| `(QAPP_\w+)` \| (.*) \| (.*) \|$", README, re.MULTILINE)
    assert rows == [
        (f"{PREFIX}{field.name}", field.metadata["shown"], field.metadata["meaning"])
        for field in dataclasses.fields(Settings)
    ]


def test_every_command_shown_exists() -> None:
    shown = re.findall(r"^\.venv/bin/qapp (\w+)(?: (\w+))?", README, re.MULTILINE)
    assert len(shown) >= 7
    for name, below in shown:
        command = cli.commands[name]
        if isinstance(command, Group):
            assert below in command.commands


def test_the_example_of_the_data_layer_runs_by_itself(tmp_path: Path) -> None:
    code = next(
        block
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
        if "Database(" in block
    ).replace("/tmp/tea.db", f"{tmp_path}/tea.db")  # noqa: S108
    imports, body = code.split("\n\n", 1)
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    program = f"import asyncio\n{imports}\nasync def main():\n{indented}\nasyncio.run(main())\n"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "green 97\n"


def test_the_client_of_the_api_does_what_it_says(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = next(block for block in blocks if "httpx" in block)
    assert code.count("\n") <= 16
    with server_with_user(tmp_path, "alice", workers=1) as server:
        token = server.command("token", "add", "alice", "--name", "laptop", "--scope", "write")
        program = code.replace("http://127.0.0.1:8000", server.url)
        for _ in range(2):  # sent again, it adds nothing; but its change is refused by the old tag
            result = subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "TOKEN": token.strip()},
                capture_output=True,
                text=True,
                check=True,
            )
            assert re.fullmatch(r"Green tea \d{4}-\d\d-\d\dT\S+Z\n", result.stdout)


def test_the_comparison_shown_is_the_one_that_was_printed() -> None:
    page = (ROOT / "tests" / "bench" / "compare" / "comparison.md").read_text()
    assert embedded(README, page) == README


def test_the_commands_of_continuous_integration_are_the_readmes() -> None:
    assert len(re.findall(r"^python3 -m venv .venv && .*pytest ", README, re.MULTILINE)) == 1
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_lock_holds_every_dependency_with_hashes_and_no_index() -> None:
    lock = (ROOT / "deploy" / "requirements.lock").read_text()
    with (ROOT / "pyproject.toml").open("rb") as file:
        dependencies = tomllib.load(file)["project"]["dependencies"]
    locked = re.findall(r"^([a-z0-9_-]+)==\S", lock, re.MULTILINE)
    for dependency in dependencies:
        name = re.match(r"[a-zA-Z0-9-]+", dependency)
        assert name is not None
        assert name[0].lower() in locked
    blocks = re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(locked)
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"://|--index|--find-links|--extra-index", lock)


def test_no_file_leads_to_another_site_for_a_script_or_style() -> None:
    for template in (ROOT / "qapp" / "templates").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r'(src|href)="(https?:)?//', text), template
        assert not re.search(r"<script>|<style|\bstyle=|\son\w+=", text), template
