"""Many who ask for one page that is missing: it is made once, whatever becomes of who asked."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from .tools import World, ask


async def arrive(world: World, path: str, count: int) -> list[asyncio.Task[str]]:
    """Let many ask for a page, whose view is waited for."""

    async def text() -> str:
        return (await ask(world.app, path)).text

    tasks = [asyncio.create_task(text()) for _ in range(count)]
    await world.arrived.acquire()
    return tasks


async def test_a_page_that_is_missing_is_made_once_for_all(world: World) -> None:
    herd = await arrive(world, "/slow", 300)
    world.gate.set()
    assert Counter(await asyncio.gather(*herd)) == {"green": 300}
    assert world.made == ["/slow"]
    assert (await world.counts())[:3] == (0, 1, 299)


async def test_others_are_not_waited_for(world: World) -> None:
    herd = await arrive(world, "/slow", 2)
    assert (await ask(world.app, "/tea/green")).status == 200
    assert (await ask(world.app, "/own")).status == 200
    world.gate.set()
    await asyncio.gather(*herd)


@pytest.mark.parametrize("leaving", [[0], range(10), range(5, 15), range(1, 20)])
async def test_who_leaves_takes_nothing_from_who_stays(world: World, leaving: list[int]) -> None:
    herd = await arrive(world, "/slow", 20)
    for number in leaving:
        herd[number].cancel()
    await asyncio.wait([herd[number] for number in leaving])
    world.gate.set()
    staying = [task for number, task in enumerate(herd) if number not in leaving]
    assert set(await asyncio.gather(*staying)) == {"green"}
    assert world.made == ["/slow"]


async def test_a_page_that_nobody_waits_for_is_kept(world: World) -> None:
    (task,) = await arrive(world, "/slow", 1)
    task.cancel()
    await asyncio.wait([task])
    world.gate.set()
    assert (await ask(world.app, "/slow")).text == "green"
    assert world.made == ["/slow"]


async def test_an_error_is_nobody_elses(world: World) -> None:
    """Each of the others has the app try again."""
    herd = await arrive(world, "/fails", 5)
    world.gate.set()
    assert all("Internal Server Error" in text for text in await asyncio.gather(*herd))
    assert world.made == ["/fails"] * 5
    assert (await world.counts()).pages == 0


async def test_a_cookie_is_nobody_elses(world: World) -> None:
    query = "headers=Set-Cookie=a=b"
    herd = [asyncio.create_task(ask(world.app, "/answer", query)) for _ in range(5)]
    assert all(got.headers["set-cookie"] == "a=b" for got in await asyncio.gather(*herd))
    assert len(world.made) == 5


async def test_who_would_wait_too_long_is_answered_by_the_app(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qapp.ext.pages.layer.MOST_RENDER_S", 0.05)
    tasks = await arrive(world, "/slow", 3)
    for _ in range(3):  # each of them, in the app
        await world.arrived.acquire()
    world.gate.set()
    assert set(await asyncio.gather(*tasks)) == {"green"}
    assert (await ask(world.app, "/slow")).text == "green"


async def test_a_stop_ends_what_is_being_made(world: World) -> None:
    (task,) = await arrive(world, "/slow", 1)
    task.cancel()
    await world.app.shutdown()  # and no task is left, as each test makes sure
    assert not world.gate.is_set()


async def test_a_storm_of_cancels_leaves_nothing_behind(world: World) -> None:
    rng = random.Random(7)  # noqa: S311
    world.gate.set()

    async def visit() -> None:
        path = rng.choice(["/slow", "/", "/early", "/answer", "/tea/green"])
        headers = {"Accept-Encoding": rng.choice(["gzip", "identity"])}
        got = await ask(world.app, path, f"size={rng.randrange(9000)}", headers=headers)
        assert got.status == 200

    for number in range(60):
        tasks = [asyncio.create_task(visit()) for _ in range(20)]
        for _ in range(rng.randrange(12)):
            await asyncio.sleep(0)
        for task in rng.sample(tasks, 10):
            task.cancel()
        if number % 5 == 0:
            await world.add(f"tea {number}")
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        wrong = [each for each in outcomes if each and not isinstance(each, asyncio.CancelledError)]
        assert wrong == []
    assert (await ask(world.app)).text.endswith("tea 55")
    layer = world.app.extensions["pages"]
    if layer._visits:
        await asyncio.wait(layer._visits)
    assert layer._renders == {}
    assert all(not page.making for page in layer.store._pages.values())
