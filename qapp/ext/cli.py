"""Commands that may be coroutines: awaited, in the app's context, with all that it opens.

Quart calls an `async def` command, drops the coroutine and exits with 0. Here it runs:

    import click
    from quart import Quart
    from qapp.ext.cli import AsyncGroup

    app = Quart("tea")
    app.cli = AsyncGroup("tea")

    @app.cli.command("brew")
    @click.argument("kind")
    async def brew(kind: str) -> None:
        click.echo(f"{kind} tea")

A plain function runs as it does in Quart. An error ends a coroutine's command with one line and
exit status 1; in debug mode, with its traceback.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar

import click
from quart import Quart
from quart.cli import ScriptInfo
from quart.cli import with_appcontext as in_context

P = ParamSpec("P")
T = TypeVar("T")

# What a person is told in one line; what click itself raises says more than that.
TOLD: tuple[type[BaseException], ...] = (Exception,)
CLICKS = (click.ClickException, click.exceptions.Exit, click.Abort)


class AsyncGroup(click.Group):
    """A group of commands of which any may be an `async def`, those of groups below it too.

    So may those that are added to it ready-made, as a blueprint's `cli` is.
    """

    group_class = type  # a group made below it is of the same kind

    def command(self, *args: Any, with_appcontext: bool = False, **kwargs: Any) -> Any:
        """Make a command of a function, as `click.Group.command` does.

        :param with_appcontext: whether a plain function runs in the app's context, as Quart has it;
            a coroutine always does.
        """
        make = super().command
        if args and callable(args[0]):  # a decorator without brackets
            return make(*args, **kwargs)

        def decorator(function: Callable[..., Any]) -> click.Command:
            if with_appcontext and not iscoroutinefunction(function):
                function = in_context(function)
            command: click.Command = make(*args, **kwargs)(function)
            return command

        return decorator

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, or a group with all in it."""
        _await_in_app(cmd)
        super().add_command(cmd, name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; a plain group may have got more since it was added."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _await_in_app(command)
        return command


def _await_in_app(command: click.Command) -> None:
    if iscoroutinefunction(command.callback):
        command.callback = in_app(command.callback)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _await_in_app(below)


def in_app(function: Callable[P, Awaitable[T]]) -> Callable[P, T]:
    """Return a plain function for click that awaits a coroutine function in the app.

    The app is the one that `quart --app`, or the context's `ScriptInfo`, names. SIGTERM and
    Ctrl-C cancel the coroutine; what the app has opened is closed then too.
    """

    @click.pass_context
    def called(context: click.Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        app: Quart = context.ensure_object(ScriptInfo).load_app()
        try:
            return asyncio.run(_awaited(app, function, *args, **kwargs))
        except asyncio.CancelledError:
            sys.exit(128 + signal.SIGTERM)
        except CLICKS:
            raise
        except TOLD as error:
            if app.debug:
                raise
            raise click.ClickException(str(error) or type(error).__name__) from error

    return wraps(function)(called)


async def _awaited(
    app: Quart, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    task = asyncio.current_task()
    with suppress(NotImplementedError):  # Windows has no such signal
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with serving(app), app.app_context():
        return await function(*args, **kwargs)


@asynccontextmanager
async def serving(app: Quart) -> AsyncIterator[None]:
    """Open what an app opens before it serves, and close it afterwards.

    If one part can't be opened, those before it are closed and its error is raised.
    """
    try:
        await app.startup()
    except BaseException:
        for opened in reversed(app.while_serving_gens):
            await opened.aclose()
        raise
    try:
        yield
    finally:
        await app.shutdown()
