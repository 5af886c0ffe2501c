"""Run scenarios on both sides and say what differs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from qapp.tour.proof import Difference, differences

from .exchange import MOST_REDIRECTS, Answer, Jar, followed, kept_of, send
from .normal import Observed, observe
from .scenario import Scenario, Step
from .sides import flask_side, side_here

# Most of a world's time is spent on starting and ending its servers.
AT_A_TIME = 4


class Ports(NamedTuple):
    """Where the two sides listen."""

    flask: int
    here: int


class Compared(NamedTuple):
    """A step that both sides answered.

    :ivar excused: the names of the differences that are meant and that it met.
    :ivar faults: what differs and is not meant to, a line each.
    """

    step: Step
    here: Answer
    excused: tuple[str, ...]
    faults: tuple[str, ...]


class Outcome(NamedTuple):
    """A scenario that was run."""

    scenario: Scenario
    compared: tuple[Compared, ...]

    @property
    def faults(self) -> list[str]:
        """What differs and is not meant to."""
        return [fault for compared in self.compared for fault in compared.faults]


async def run_all(scenarios: Iterable[Scenario]) -> list[Outcome]:
    """Run scenarios; those of the same two applications one after another on the same servers."""
    turns = asyncio.Semaphore(AT_A_TIME)
    ordered = sorted(scenarios, key=_world)
    groups = [(world, list(group)) for world, group in groupby(ordered, key=_world)]
    found = await asyncio.gather(
        *(_run_group(flask, here, group, turns) for (flask, here, _), group in groups)
    )
    return [outcome for outcomes in found for outcome in outcomes]


async def _run_group(
    flask: str, here: str, scenarios: list[Scenario], turns: asyncio.Semaphore
) -> list[Outcome]:
    async with turns, _both_sides(flask, here) as ports:
        return [await asyncio.to_thread(run, scenario, ports) for scenario in scenarios]


@asynccontextmanager
async def _both_sides(flask: str, here: str) -> AsyncIterator[Ports]:
    """Serve both sides, each with a folder of its own."""
    with TemporaryDirectory() as flask_folder, TemporaryDirectory() as here_folder:
        async with side_here(here, Path(here_folder)) as here_port:
            with flask_side(flask, Path(flask_folder)) as flask_port:
                yield Ports(flask_port, here_port)


def _world(scenario: Scenario) -> tuple[str, str, str]:
    return scenario.flask, scenario.here, str(scenario) if scenario.is_fresh else ""


def run(scenario: Scenario, ports: Ports) -> Outcome:
    """Run a scenario on both sides, step by step."""
    jars = Jar(), Jar()
    kept: tuple[dict[str, str], dict[str, str]] = {}, {}
    compared: list[Compared] = []
    for step in scenario.steps:
        follows: Step | None = step
        while follows is not None:
            assert len(compared) < len(scenario.steps) + MOST_REDIRECTS, "redirects in a circle"
            answers = []
            for side, port in enumerate(ports):
                answer = send(port, follows, _jar(follows, jars, side), kept[side])
                kept[side].update(kept_of(follows, answer))
                answers.append(answer)
            compared.append(compare(scenario, follows, *answers))
            follows = followed(follows, answers[1]) if step.follow else None
    return Outcome(scenario, tuple(compared))


def _jar(step: Step, jars: tuple[Jar, Jar], side: int) -> Jar:
    if step.jar == "other":
        return jars[1 - side]
    if step.jar == "tampered":
        return jars[side].tampered()
    if step.jar == "former":
        return jars[side].former()
    return jars[side] if step.jar == "own" else Jar()


def compare(scenario: Scenario, step: Step, flask: Answer, here: Answer) -> Compared:
    """Compare two answers to a step, part by part."""
    excused, faults = [], []
    seen_flask, seen_here = observe(flask, step.compares), observe(here, step.compares)
    for part in Observed._fields:
        left, right = getattr(seen_flask, part), getattr(seen_here, part)
        if left == right:
            continue
        difference = excuse_of(part, seen_flask, seen_here)
        if difference is None:
            where = f"{step.method} {step.path}: {part}"
            faults.append(f"{where}\n  Flask: {_near(left, right)}\n  here:  {_near(right, left)}")
        else:
            excused.append(difference.name)
    return Compared(step, here, tuple(excused), tuple(faults))


def excuse_of(part: str, flask: Observed, here: Observed) -> Difference | None:
    """Return the difference that is meant and that this is; None if there is none.

    Every part that it lists has to be as listed, or the same on both sides: a status alone would
    excuse too much.
    """
    for difference in differences().values():
        if part in difference.parts and all(
            _is_listed(difference, each, getattr(flask, each), getattr(here, each))
            for each in difference.parts
        ):
            return difference
    return None


def _is_listed(difference: Difference, part: str, flask: str, here: str) -> bool:
    if flask == here:
        return True
    left = re.fullmatch(difference.parts[part].flask, flask, re.DOTALL)
    right = re.fullmatch(difference.parts[part].here, here, re.DOTALL)
    return bool(left and right and left.groupdict() == right.groupdict())


def _near(text: str, other: str) -> str:
    """Return where a text begins to differ from another, with what stands around."""
    pairs = enumerate(zip(text, other, strict=False))
    same = next((place for place, (a, b) in pairs if a != b), min(len(text), len(other)))
    start = max(0, same - 60)
    return ("…" if start else "") + text[start : same + 240]
