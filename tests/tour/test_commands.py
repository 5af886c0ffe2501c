"""Every command that a chapter shows does what it is shown for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.processes import PATIENCE_S, ROOT, SCRIPTS, environment, wait_for
from tests.serving import free_port

CHAPTERS = ROOT / "qapp" / "tour" / "templates" / "tour" / "chapters"
SHOWN = re.compile(r"""\bcommand\((["'])(.*?)\1\)""")
COMMANDS = sorted(
    {match[2] for path in CHAPTERS.glob("*.html") for match in SHOWN.finditer(path.read_text())}
)
SERVERS = [line for line in COMMANDS if " run" in line or line.startswith("hypercorn")]


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Path:
    """A copy of the project's top, with an instance that has served before."""
    for path in ROOT.iterdir():
        if path.name in ("qapp", "tests", "hypercorn.toml", "pyproject.toml"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "instance").mkdir()
    shutil.copy(migrated, tmp_path / "instance")
    return tmp_path


def parsed(line: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return a command's words and environment."""
    words = shlex.split(line)
    environ = environment(folder / "instance")
    environ["PATH"] = f"{SCRIPTS}{os.pathsep}{environ['PATH']}"
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environ[name] = value
    return words, environ


@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in SERVERS])
def test_a_command_ends_well(folder: Path, line: str) -> None:
    words, environ = parsed(line, folder)
    result = subprocess.run(
        words,
        check=False,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("line", SERVERS)
def test_a_server_answers_until_it_is_stopped(folder: Path, line: str) -> None:
    words, environ = parsed(line, folder)
    port = free_port()
    words += ["-b", f"127.0.0.1:{port}"] if words[0] == "hypercorn" else ["--port", str(port)]
    log = folder / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            words, cwd=folder, env=environ, stdout=out, stderr=out, start_new_session=True
        ) as process,
    ):

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            except HTTPError:
                return True  # an answer is an answer
            except OSError:
                return False
            return True

        try:
            wait_for(answers, f"an answer from {line}")
        finally:
            # A reloader's child too.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE_S)


def test_there_are_commands() -> None:
    assert len(SERVERS) >= 4
    assert len(COMMANDS) - len(SERVERS) >= 5
