"""Tell readers what happens as it happens, whichever worker it happened in.

    from quart import Quart
    from qapp.ext.database import Database
    from qapp.ext.live import Live

    app = Quart(__name__)
    app.config["DATABASE_URL"] = "sqlite:///tea.db"
    db = Database(app)
    live = Live(app, db=db)

    @app.get("/live")
    async def stream():
        return await live.stream("tea")

    @app.post("/ready")
    async def ready():
        async with db.transaction() as tx:
            await live.publish(tx, "tea", "ready", {"cups": 2})
        return "Told"

A page listens with `new EventSource("/live").addEventListener("ready", …)`.

Events are rows, written by the transaction of what caused them: what is rolled back is told to
nobody, what is committed to everybody. Each worker looks whether anything was committed, at once
after an event of its own and every `LIVE_POLL_S` for those of others, reads the new rows once, and
writes the same bytes to all its readers. So it needs a table whose ids only grow, and which keeps
at least the newest `KEPT` events; a trigger of the schema may write into it, too:

    CREATE TABLE live_events (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL,
        kind TEXT NOT NULL, data TEXT NOT NULL);
    CREATE TRIGGER live_events_trim AFTER INSERT ON live_events WHEN new.id % 100 = 0 BEGIN
        DELETE FROM live_events WHERE id <= new.id - 1000;
    END

A reader who comes back says by `Last-Event-ID` what he has seen, and gets what came since, each
event once. Where that can't be told, since it is too long ago or no id of ours, he gets the event
`reset` instead: what he shows is to be loaded anew. One who takes less than is sent holds up
nobody, and has no queue that could grow: he is told to come back, or is cut off.

`LIVE_POLL_S`: seconds between looks for what other workers committed: 0.15
`LIVE_HEARTBEAT_S`: seconds between the comments that show readers that the stream lives: 15
`LIVE_MOST_READERS`: how many streams one worker holds open; past it `LiveFull`: 8000
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from quart import Quart, Response, current_app, request
from werkzeug.exceptions import ServiceUnavailable

from qapp.ext.database import Database, Executor
from qapp.ext.proxies import behind

from . import queries
from .hub import KEPT, Hub
from .layer import Continued, Layer
from .reader import Reader
from .wire import check_kind

__all__ = ["KEPT", "Live", "LiveFull"]

_EXTENSION = "live"
_DEFAULTS: dict[str, Any] = {
    "LIVE_POLL_S": 0.15,
    "LIVE_HEARTBEAT_S": 15,
    "LIVE_MOST_READERS": 8000,
}
LONGEST_DATA = 8192  # of JSON, in characters: what is kept is kept in memory, too
RETRY_AFTER_S = 30
LEAST_SPREAD_MS = 200
PAGES_A_SECOND = (
    1000  # that this worker's readers may ask for, which is a small part of what it can
)


class LiveFull(ServiceUnavailable):
    """This worker has as many readers as it may have: 503, with `Retry-After`."""

    def __init__(self) -> None:
        super().__init__(retry_after=RETRY_AFTER_S)


class Live:
    """Publish events and stream them to readers. One instance serves any number of apps.

    :param db: where the events are; initialize it with an app before this.
    """

    def __init__(self, app: Quart | None = None, *, db: Database) -> None:
        self._db = db
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Set the defaults of `LIVE_*`; look for events and feed readers while the app serves."""
        for name, value in _DEFAULTS.items():
            app.config.setdefault(name, value)
        hub = app.extensions[_EXTENSION] = Hub(app, self._db)
        app.asgi_app = Layer(app.asgi_app)  # type: ignore[method-assign]

        @app.while_serving
        async def told() -> AsyncGenerator[None, None]:
            await hub.start()
            try:
                yield
            finally:
                await hub.stop()

    async def publish(self, tx: Executor, channel: str, kind: str, data: Any) -> None:
        """Tell a channel's readers something, if and when `tx` is committed.

        :param tx: the transaction of what is told, or the database itself.
        :param kind: the event's type: a word of ASCII letters, digits, `_` and `-`.
        :param data: anything that JSON has, up to `LONGEST_DATA` characters.
        :raises ValueError: if it is longer, or `kind` is no word.
        """
        text = json.dumps(data, separators=(",", ":"))
        if len(text) > LONGEST_DATA:
            raise ValueError(f"an event has at most {LONGEST_DATA} characters of data")
        await queries.add_event(tx, channel=channel, kind=check_kind(kind), data=text)
        _hub().wake(passes_writes=tx is not self._db)

    def wake(self) -> None:
        """Look for events at once: for who wrote some by another way than `publish`."""
        _hub().wake()

    @property
    def position(self) -> int:
        """The id of the newest event that this worker knows of, in whatever channel.

        A page that is made after this was read, and listens from there on, misses nothing.
        """
        return _hub().newest

    @property
    def readers(self) -> int:
        """How many streams this worker has open."""
        return _hub().readers

    @property
    def spread_ms(self) -> int:
        """Over how many ms readers should spread what they ask for when they all hear an event.

        A page tells it to its script. Without that thousands would ask at the same moment.
        """
        return max(LEAST_SPREAD_MS, self.readers * 1000 // PAGES_A_SECOND)

    async def stream(self, channel: str) -> Response:
        """Answer the current request with a channel's events, without end.

        It goes on after the event that the header `Last-Event-ID` names, or else the query's
        `after`; without either it begins now, give or take `LIVE_POLL_S`.

        :raises LiveFull: if this worker has `LIVE_MOST_READERS` readers.
        """
        hub = _hub()
        if hub.is_full:
            raise LiveFull
        seen = request.headers.get("Last-Event-ID") or request.args.get("after")
        place = await hub.place(channel, seen)
        if hub.is_full:  # others have come meanwhile
            raise LiveFull
        is_head = request.method == "HEAD"
        body = _nothing() if is_head else Continued(hub, Reader(hub, channel, place))
        response = Response(body, content_type="text/event-stream")
        response.timeout = None
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"  # else nginx collects them
        return response

    def end_streams(self, app: Quart) -> None:
        """End the streams that are open, as the server is asked to stop.

        Hypercorn's stop is noticed without it. Other servers tell an app only when all requests
        have ended: call it from whatever asks them to stop.
        """
        hub: Hub = app.extensions[_EXTENSION]
        hub.end()


async def _nothing() -> AsyncGenerator[bytes, None]:
    """Stream nothing: a body without a length, as the real one is."""
    for _ in ():
        yield b""


def _hub() -> Hub:
    hub: Hub = behind(current_app).extensions[_EXTENSION]
    return hub
