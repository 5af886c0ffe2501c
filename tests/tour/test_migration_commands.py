"""The commands that the chapter on migrations sets side by side."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from qapp.db_commands import db_group
from tests.processes import PATIENCE_S, environment

from .test_commands import CHAPTERS

SHOWN = (CHAPTERS / "migrations.html").read_text()
FLASK = re.findall(r"""["'](flask db .+?)["'], """, SHOWN)
HERE = re.findall(r"""["'](qapp db .+?)["'], """, SHOWN)

APPLICATION = """
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class Student(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(100), nullable=False)


def create_app():
    app = Flask(__name__, instance_path=__file__.removesuffix("app.py") + "instance")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///students.db"
    db.init_app(app)
    Migrate(app, db)
    return app
"""
# One process for all of them: to import everything takes longer than any of them.
RUNNER = """
import shlex, sys
from app import create_app
for line in sys.argv[1:]:
    result = create_app().test_cli_runner().invoke(args=shlex.split(line)[1:])
    assert result.exit_code == 0, f"{line}: {result.output} {result.exception!r}"
"""


def test_the_flask_commands_do_what_they_are_shown_for(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    result = subprocess.run(
        [sys.executable, "-c", RUNNER, *FLASK],
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "migrations" / "versions").glob("*.py"))) == 2


@pytest.mark.parametrize("line", HERE)
def test_the_commands_here_are_there(line: str) -> None:
    _, _, name, *words = shlex.split(line)
    command = db_group.commands[name]
    assert isinstance(command.make_context(name, words), click.Context)


def test_each_has_its_counterpart() -> None:
    assert len(FLASK) == 13
    assert {line.removeprefix("qapp") for line in HERE} >= {
        line.removeprefix("flask") for line in FLASK if line != "flask db init"
    }
