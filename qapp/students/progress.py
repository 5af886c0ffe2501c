"""An import whose progress is told while it runs, for static/upload.js."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import IO

from quart import Response, current_app, render_template, request, stream_with_context

from qapp.ext.database import DatabaseError
from qapp.ext.threads import PoolBusy
from qapp.extensions import db

from .forms import ImportForm
from .service import FaultyFile, Progress, import_students

NDJSON = "application/x-ndjson"
# Longer than an import takes: its one step without progress is the wait for the writer, 10 s.
LONGEST_IMPORT_S = 600


def wants_progress() -> bool:
    """Tell whether the client asks for the progress; "anything" is no such wish."""
    return any(kind == NDJSON and quality > 0 for kind, quality in request.accept_mimetypes)


def progress_of_import(form: ImportForm) -> Response:
    """Return an answer of JSON lines: the progress of the import, and at last a page to show."""
    # The request closes its own when it is answered, which this answer is before it has begun.
    file = os.fdopen(os.dup(form.file.data.fileno()), "rb")
    response = Response(stream_with_context(lines)(form, file), mimetype=NDJSON)
    response.timeout = LONGEST_IMPORT_S  # else the app's limit cuts it off in silence
    return response


def imported(count: int) -> str:
    """Say how many students were imported."""
    return f"{count:,} students were imported" if count != 1 else "1 student was imported"


class Watch:
    """Holds the newest progress for a client who may be slower than the import."""

    def __init__(self) -> None:
        self.progress = Progress("", 0, 1)
        self.changed = asyncio.Event()

    def tell(self, progress: Progress) -> None:
        """Take a progress; a client hears of each hundredth."""
        before, self.progress = self.progress, progress
        if _hundredths(before) != _hundredths(progress) or before.doing != progress.doing:
            self.changed.set()


async def lines(form: ImportForm, file: IO[bytes]) -> AsyncIterator[str]:
    """Import a file, in a task of its own: a client who does not read delays no writer.

    Who leaves in the middle ends it, and with it nothing is stored.
    """
    watch = Watch()
    task = asyncio.create_task(import_students(db, file, watch.tell))
    task.add_done_callback(lambda _: watch.changed.set())
    try:
        while not task.done():
            await watch.changed.wait()
            watch.changed.clear()
            if not task.done():
                doing, done, of = watch.progress
                yield json.dumps({"doing": doing, "done": done, "of": of}) + "\n"
        yield json.dumps({"page": await _page(form, task)}) + "\n"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _page(form: ImportForm, task: asyncio.Task[int]) -> str:
    try:
        message = imported(await task)
    except FaultyFile as faulty:
        return await render_template("students/import.html", form=form, faulty=faulty, is_part=True)
    except (DatabaseError, PoolBusy) as error:  # the answer has begun: too late for its own status
        response = await current_app.make_response(await current_app.handle_user_exception(error))
        page = response.get_data(as_text=True)
        return page if isinstance(page, str) else await page
    return await render_template("students/imported.html", message=message)


def _hundredths(progress: Progress) -> int:
    return progress.done * 100 // progress.of
