"""Ajax: functions of the server that a page calls."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from quart import Blueprint, Response, g, render_template, request
from quart.typing import ResponseReturnValue

from qapp.ext.sijax import ObjResponse, route

blueprint = Blueprint("ajax", __name__)

STATUSES = [f"{status.value} {status.phrase}" for status in HTTPStatus]
LONGEST = 100  # characters of a search
STEPS = ("is on the fire", "sings", "boils", "is empty. Tea!")
PAUSE_S = 0.5


def words_of(text: object) -> list[str]:
    """Return what is looked for: nothing, if it is no text."""
    seen = text[:LONGEST] if isinstance(text, str) else ""
    return "".join(c if c.isprintable() else " " for c in seen).split()


def found(words: list[str]) -> list[str]:
    """Return the statuses that have every word, if there are any."""
    wanted = [word.casefold() for word in words]
    return [
        status
        for status in STATUSES
        if wanted and all(word in status.casefold() for word in wanted)
    ]


async def say_hi(answer: ObjResponse) -> None:
    answer.alert("Hi there!")


async def search(answer: ObjResponse, values: object) -> None:
    text = values.get("q") if isinstance(values, dict) else None
    words = words_of(text)
    html = await render_template(
        "tour/live/statuses.html", words=words, statuses=found(words)
    )
    answer.html("#found", html)


async def boil(answer: ObjResponse) -> AsyncIterator[ObjResponse]:
    answer.html("#steps", "")
    for step in STEPS:
        yield answer.html_append(
            "#steps", f"<li>The kettle {step}</li>"
        )
        await asyncio.sleep(PAUSE_S)


@route(blueprint, "/sijax")
async def sijax() -> ResponseReturnValue:
    if g.sijax.is_sijax_request:
        g.sijax.register_callback("say_hi", say_hi)
        g.sijax.register_callback("search", search)
        g.sijax.register_comet_callback("boil", boil)
        answer: Response = await g.sijax.process_request()
        return answer
    words = words_of(request.args.get("q"))
    return await render_template(
        "tour/live/sijax.html", words=words, statuses=found(words)
    )
