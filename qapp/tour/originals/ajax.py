"""Ajax: functions of the server that a page calls."""

import secrets
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sijax import Sijax
from sijax.response import BaseResponse as ObjResponse
from sijax.response import StreamingIframeResponse
from flask import (
    Blueprint,
    Flask,
    Response,
    g,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

blueprint = Blueprint("ajax", __name__)

STATUSES = [f"{status.value} {status.phrase}" for status in HTTPStatus]
LONGEST = 100  # characters of a search
STEPS = ("is on the fire", "sings", "boils", "is empty. Tea!")
PAUSE_S = 0.5
# Sijax's own client needs jQuery and eval.
CLIENT = Path(__file__).parents[2] / "ext" / "sijax" / "sijax.js"


class CometResponse(StreamingIframeResponse):  # type: ignore[misc]
    """A stream, a line a step. Sijax's own fails since Python 3.7."""

    def _process_call_chain(self, chain: Any) -> Iterator[str]:
        for function, args in chain:
            steps = self._perform_handler_call(function, args)
            for _ in steps if isinstance(steps, Iterator) else [steps]:
                yield from self._flush()
            yield from self._flush()

    def _flush(self) -> Iterator[str]:
        if self._commands:
            yield f"{self._get_json()}\n"
        self.clear_commands()


@blueprint.before_request
def prepare() -> None:
    g.sijax = Sijax().set_data(request.form)


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


def say_hi(answer: ObjResponse) -> None:
    answer.alert("Hi there!")


def search(answer: ObjResponse, values: object) -> None:
    text = values.get("q") if isinstance(values, dict) else None
    words = words_of(text)
    html = render_template(
        "tour/live/statuses.html", words=words, statuses=found(words)
    )
    answer.html("#found", html)


def boil(answer: ObjResponse) -> Iterator[ObjResponse]:
    answer.html("#steps", "")
    for step in STEPS:
        yield answer.html_append(
            "#steps", f"<li>The kettle {step}</li>"
        )
        time.sleep(PAUSE_S)


@blueprint.route("/sijax", methods=["GET", "POST"])
def sijax() -> ResponseReturnValue:
    if g.sijax.is_sijax_request:
        g.sijax.register_callback("say_hi", say_hi)
        g.sijax.register_callback("search", search)
        g.sijax.register_callback("boil", boil, CometResponse)
        answer = g.sijax.process_request()
        kind = "json" if isinstance(answer, str) else "x-ndjson"
        return Response(answer, mimetype=f"application/{kind}")
    words = words_of(request.args.get("q"))
    return render_template(
        "tour/live/sijax.html", words=words, statuses=found(words)
    )


@blueprint.get("/sijax/sijax.js")
def script() -> Response:
    return Response(CLIENT.read_bytes(), content_type="text/javascript")


def create_app() -> Flask:
    app = Flask(
        __name__,
        template_folder="../templates",
        static_folder="../../static",
    )
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax"
    )
    CSRFProtect(app)
    app.register_blueprint(blueprint)
    return app
