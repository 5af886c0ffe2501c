"""Commands that are coroutines: awaited, in the app, closed, and honest about what went wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator
from inspect import getdoc
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from quart import Blueprint, Quart, current_app
from quart.cli import ScriptInfo

from qapp.ext import cli
from qapp.ext.cli import AsyncGroup, serving
from tests.processes import PATIENCE_S, ROOT, SCRIPTS


@pytest.fixture
def app() -> Quart:
    """An app with a group for commands, which notes what it opens and closes."""
    app = Quart("tea")
    app.cli = AsyncGroup("tea")
    app.extensions["noted"] = []

    @app.while_serving
    async def kettle() -> AsyncGenerator[None, None]:
        app.extensions["noted"].append("open")
        try:
            yield
        finally:
            app.extensions["noted"].append("closed")

    return app


def run(app: Quart, *words: str) -> Result:
    """Run a command of an app as `quart` would."""
    return CliRunner().invoke(
        app.cli, words, obj=ScriptInfo(create_app=lambda: app, set_debug_flag=False)
    )


def test_a_coroutine_is_awaited_in_the_app(app: Quart) -> None:
    @app.cli.command("brew")
    @click.argument("kind")
    @click.option("--cups", default=1)
    async def brew(kind: str, cups: int) -> None:
        """Make tea."""
        await asyncio.sleep(0)
        click.echo(f"{cups} {kind} {current_app.name} {app.extensions['noted']}")

    result = run(app, "brew", "green", "--cups", "2")
    assert (result.output, result.exit_code) == ("2 green tea ['open']\n", 0)
    assert app.extensions["noted"] == ["open", "closed"]
    assert "Make tea." in run(app, "--help").output
    assert "--cups" in run(app, "brew", "--help").output


def test_a_plain_function_is_called_as_ever(app: Quart) -> None:
    @app.cli.command("plain")
    def plain() -> None:
        click.echo("plain")

    assert run(app, "plain").output == "plain\n"
    assert app.extensions["noted"] == []


def test_brackets_may_be_left_out(app: Quart) -> None:
    @app.cli.command
    async def brew() -> None:
        click.echo("brewed")

    assert run(app, "brew").output == "brewed\n"


def test_a_group_below_takes_coroutines_too(app: Quart) -> None:
    @app.cli.group("pot")
    def pot() -> None:
        pass

    @pot.command("fill")
    async def fill() -> None:
        click.echo("full")

    assert run(app, "pot", "fill").output == "full\n"


@pytest.mark.parametrize(("group", "words"), [("pot", ["pot", "fill"]), (None, ["fill"])])
def test_a_blueprints_commands_may_be_coroutines(
    app: Quart, group: str | None, words: list[str]
) -> None:
    blueprint = Blueprint("kitchen", __name__, cli_group=group)

    @blueprint.cli.command("fill")
    async def fill() -> None:
        click.echo(f"full in {current_app.name}")

    app.register_blueprint(blueprint)
    assert run(app, *words).output == "full in tea\n"


def test_a_group_that_is_filled_later_takes_coroutines(app: Quart) -> None:
    pot = click.Group("pot")
    app.cli.add_command(pot)

    @pot.command("fill")
    async def fill() -> None:
        click.echo("full")

    assert "fill" in run(app, "pot", "--help").output
    assert run(app, "pot", "fill").output == "full\n"


def test_a_plain_function_is_given_the_context_where_it_asks(app: Quart) -> None:
    @app.cli.command("plain", with_appcontext=True)
    def plain() -> None:
        click.echo(current_app.name)

    @app.cli.command("brew", with_appcontext=True)
    async def brew() -> None:
        click.echo(current_app.name)

    assert run(app, "plain").output == "tea\n"
    assert run(app, "brew").output == "tea\n"


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (ValueError("no water"), "Error: no water", 1),
        (KeyError(), "Error: KeyError", 1),
        (click.ClickException("no pot"), "Error: no pot", 1),
        (click.UsageError("no kind"), "no kind", 2),
        (click.Abort(), "Aborted!", 1),
    ],
)
def test_an_error_is_one_line(app: Quart, error: Exception, line: str, status: int) -> None:
    @app.cli.command("brew")
    async def brew() -> None:
        raise error

    result = run(app, "brew")
    assert result.output.splitlines()[-1].endswith(line)
    assert "Traceback" not in result.output
    assert result.exit_code == status
    assert app.extensions["noted"] == ["open", "closed"]


def test_an_exit_status_is_kept(app: Quart) -> None:
    @app.cli.command("brew")
    @click.pass_context
    def plain(context: click.Context) -> None:
        context.exit(3)

    @app.cli.command("quit")
    async def leave() -> None:
        click.get_current_context().exit(4)

    assert run(app, "brew").exit_code == 3
    assert run(app, "quit").exit_code == 4


def test_in_debug_mode_the_error_itself_is_raised(app: Quart) -> None:
    @app.cli.command("brew")
    async def brew() -> None:
        raise ValueError("no water")

    app.debug = True
    assert isinstance(run(app, "brew").exception, ValueError)


def test_what_can_not_be_opened_is_told_and_the_rest_is_closed(app: Quart) -> None:
    @app.while_serving
    async def broken() -> AsyncGenerator[None, None]:
        if app.extensions["noted"]:
            raise OSError("the cup leaks")
        yield

    @app.while_serving
    async def never() -> AsyncGenerator[None, None]:
        app.extensions["noted"].append("never")
        yield

    @app.cli.command("brew")
    async def brew() -> None:
        click.echo("brewed")

    app.logger.disabled = True
    result = run(app, "brew")
    assert result.output == "Error: the cup leaks\n"
    assert app.extensions["noted"] == ["open", "closed"]


async def test_an_app_is_served_for_a_while(app: Quart) -> None:
    async with serving(app):
        assert app.extensions["noted"] == ["open"]
    assert app.extensions["noted"] == ["open", "closed"]


PROGRAM = """
import asyncio, click
from quart import Quart
from qapp.ext.cli import AsyncGroup

app = Quart("tea")
app.cli = AsyncGroup("tea")

@app.while_serving
async def kettle():
    try:
        yield
    finally:
        click.echo("closed")

@app.cli.command("wait")
async def wait():
    click.echo("waiting")
    await asyncio.Event().wait()
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 1)])
def test_a_signal_ends_it_with_everything_closed(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    (tmp_path / "pot.py").write_text(PROGRAM)
    with subprocess.Popen(
        [SCRIPTS / "quart", "--app", "pot", "wait"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert out == "closed\n"
    assert process.returncode == status


def test_the_app_of_the_docstring_runs(tmp_path: Path) -> None:
    text = getdoc(cli) or ""
    lines = [line for line in text.splitlines() if line.startswith("    ") or not line]
    (tmp_path / "tea.py").write_text(textwrap.dedent("\n".join(lines)))
    result = subprocess.run(
        [sys.executable, "-m", "quart", "--app", "tea", "brew", "green"],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (result.stdout, result.stderr, result.returncode) == ("green tea\n", "", 0)
