"""Turns of the loop: no more than so many go on in one, all go on at some time, in their order."""

from __future__ import annotations

import asyncio

from qapp.web.turns import Turns


class Clock:
    """Counts the turns of the running loop."""

    def __init__(self) -> None:
        self.turn = 0
        self._tick()

    def _tick(self) -> None:
        self.turn += 1
        asyncio.get_running_loop().call_soon(self._tick)


async def all_of(turns: Turns, count: int) -> list[tuple[int, int]]:
    """Return who went on in which turn of the loop, in the order in which they did."""
    clock, found = Clock(), list[tuple[int, int]]()

    async def one(number: int) -> None:
        await turns.take()
        found.append((number, clock.turn))

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(one(number))
    return found


async def test_so_many_go_on_in_a_turn_and_all_in_their_order() -> None:
    found = await all_of(Turns(3), 20)
    assert [number for number, _ in found] == list(range(20))
    of_each_turn = [turn for _, turn in found]
    assert max(of_each_turn.count(turn) for turn in of_each_turn) == 3
    assert len(set(of_each_turn)) == 7


async def test_there_is_room_again_after_a_turn() -> None:
    turns = Turns(1)
    for _ in range(3):
        assert len(await all_of(turns, 2)) == 2


async def test_who_is_cancelled_takes_no_turn() -> None:
    turns = Turns(1)
    tasks = [asyncio.create_task(turns.take()) for _ in range(100)]
    await asyncio.wait([tasks[0]])
    for task in tasks[50:99]:
        assert not task.done()
        task.cancel()
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [False] * 50 + [True] * 49 + [False]
