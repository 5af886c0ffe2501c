"""The ASGI layer: answers with a page that is kept, has it made once, or leaves it to the app."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextvars import Context
from time import monotonic

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)
from quart import Quart

from qapp.ext.database import Database, DatabaseError
from qapp.ext.threads import OpenPool, PoolBusy
from qapp.ext.timers import timeout

from .codings import CODINGS, IDENTITY, accepted
from .page import Ask, Check, Form, Page, is_for_nobody, is_for_one
from .question import Asked, Questions
from .render import Answer, Key, Visit, render
from .store import Limits, Store

SAFE = frozenset({"GET", "HEAD"})
# What others commit is seen within 250 ms: a look is not older than this when a page is sent.
LOOK_S = 0.2
# The app answers who would wait longer, for a look or for a page.
MOST_LOOK_S = 1.0
MOST_RENDER_S = 10.0
# How long the end of a request may take, where it need not come with the head: HTTP/2.
MOST_END_S = 1.0
# How long a stop waits for the pages that are being made.
MOST_CLOSE_S = 5.0


class Layer:
    """What stands between the server and an app; between `open` and `close` it keeps pages."""

    def __init__(
        self, app: Quart, questions: Questions, db: Database | None, limits: Limits
    ) -> None:
        self.store = Store(limits.most_bytes)
        self._quart = app
        self._app: ASGIFramework = app.asgi_app
        self._questions = questions
        self._db = db
        self._limits = limits
        self._version: int | None = None
        self._looked_at = -math.inf if db is not None else math.inf
        self._renders: dict[Key, asyncio.Task[Page | Answer | None]] = {}
        self._visits: dict[asyncio.Task[Page | Answer | None], Visit] = {}
        self._pool: OpenPool | None = None  # what compresses, as long as the layer is open

    def open(self) -> None:
        """Keep pages from now on.

        :raises RuntimeError: if the app has rules for certain hosts, which are not told apart here.
        """
        self._questions.read_rules()
        self._pool = OpenPool("pages", threads=1, most_jobs=100)

    async def close(self) -> None:
        """Keep nothing any more, and end what is being made."""
        pool, self._pool = self._pool, None
        self.drop()
        self.store.clear()
        for visit in self._visits.values():
            visit.leave()
        if self._visits:
            await asyncio.wait(self._visits, timeout=MOST_CLOSE_S)
        if pool is not None:
            await pool.close()

    def drop(self) -> None:
        """Drop all pages, but for those that can be checked, which are from now on.

        Who asks after this does not get one that is being made, either.
        """
        self.store.drop()
        self._renders = {}

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer a request, or have the app do it."""
        if scope["type"] == "http" and scope["method"] in SAFE and self._pool is not None:
            headers = dict(scope["headers"])
            key = self._questions.key_of(scope, headers)
            found = await self._find(key, scope, headers) if key is not None else None
            answer = await self._answer(found, headers) if isinstance(found, Page) else found
            if answer is not None and await _has_ended(scope, receive):
                return await _send(send, answer, has_body=scope["method"] != "HEAD")
        return await self._app(scope, receive, send)

    async def _find(
        self, key: Key, scope: HTTPScope, headers: Mapping[bytes, bytes]
    ) -> Page | Answer | None:
        """Return a page, or an answer that is this request's alone; None: the app is to answer."""
        now = monotonic()
        asked = None
        page = self.store.get(key, now)
        if page is None:
            asked = self._asked(key, headers)
            if asked is None or self.store.is_refused(key, now):
                return None
        if now - self._looked_at > LOOK_S:
            if not await self._look():
                return None
            page = self.store.get(key, now)
        if page is not None and await self._holds(page):
            self.store.hits += 1
            return page
        asked = asked or self._asked(key, headers)
        return await self._made(key, scope, asked) if asked is not None else None

    def _asked(self, key: Key, headers: Mapping[bytes, bytes]) -> Asked | None:
        # An error's page may be in another form for who accepts no HTML.
        accept = headers.get(b"accept", b"*/*")
        if b"*/*" not in accept and b"text/html" not in accept:
            return None
        return self._questions.asked(key.path, key.root_path)

    async def _holds(self, page: Page) -> bool:
        """Tell whether a page still holds: nothing has changed, or what it is made of has not."""
        generation = self.store.generation
        if page.generation == generation or page.check is None:
            return page.generation == generation
        if (check := await self._checked(page.check.ask)) is None:
            return False
        if check.version != page.check.version:
            self.store.discard(page)
            return False
        page.generation = generation
        return True

    async def _checked(self, ask: Ask) -> Check | None:
        """Ask for a version; None if it can't be had now, and then the app is to answer."""
        try:
            with timeout(MOST_LOOK_S):
                async with self._quart.app_context():
                    return Check(await ask(), ask)
        except (DatabaseError, TimeoutError):
            return None
        except Exception:  # the app, which does not ask for it, would never show the fault
            self._quart.logger.exception("The version of a page could not be told; it is not kept")
            return None

    async def _look(self) -> bool:
        """Drop all pages if the data is another; tell whether that could be found out."""
        if self._db is None:
            return True
        began = monotonic()
        try:
            with timeout(MOST_LOOK_S):
                async with self._quart.app_context():
                    version = await self._db.version()
        except (DatabaseError, TimeoutError):
            return False
        if version != self._version:
            self._version = version
            self.drop()
        self._looked_at = max(self._looked_at, began)
        return True

    async def _made(self, key: Key, scope: HTTPScope, asked: Asked) -> Page | Answer | None:
        """Have a page made, or wait for the one that is being made."""
        task = self._renders.get(key)
        is_first = task is None
        if task is None:
            self.store.misses += 1
            visit = Visit(self._limits.most_page_bytes)
            # In a context and a task of its own: it is no visitor's, and none ends it by leaving.
            task = asyncio.get_running_loop().create_task(
                self._render(key, scope, visit, asked.version), context=Context()
            )
            self._renders[key] = task
            self._visits[task] = visit
            task.add_done_callback(self._ended)
        else:
            self.store.waits += 1
        await asyncio.wait({task}, timeout=MOST_RENDER_S)
        if not task.done() or task.cancelled() or task.exception() is not None:
            return None
        made = task.result()
        return made if is_first or isinstance(made, Page) else None

    def _ended(self, task: asyncio.Task[Page | Answer | None]) -> None:
        del self._visits[task]
        if not task.cancelled():
            task.exception()  # who asked has the app answer, which fails for them as it does

    async def _render(
        self, key: Key, scope: HTTPScope, visit: Visit, ask: Ask | None
    ) -> Page | Answer | None:
        generation = self.store.generation
        expires_at = monotonic() + self._limits.max_age_s
        check = None
        try:
            if ask is not None and (check := await self._checked(ask)) is None:
                return None
            answer = await render(self._app, key, scope, visit, timeout_s=MOST_RENDER_S)
        finally:
            if self._renders.get(key) is asyncio.current_task():
                del self._renders[key]
        if answer is None or is_for_nobody(answer):
            self.store.refuse(key, monotonic())
            return None
        if is_for_one(answer):
            return answer
        page = Page(key, answer, expires_at, generation, check)
        self.store.put(page, monotonic())
        return page

    async def _answer(self, page: Page, headers: Mapping[bytes, bytes]) -> Answer | None:
        """Return the answer with a page to a request with these headers; None: the app is to."""
        if (accept := headers.get(b"accept")) and not page.is_accepted_by(accept):
            return None
        if (known := headers.get(b"if-none-match")) and page.is_known_by(known):
            return Answer(304, page.headers, b"")
        form = await self._form(page, headers.get(b"accept-encoding"))
        return Answer(200, form.headers, form.body) if form is not None else None

    async def _form(self, page: Page, accept_encoding: bytes | None) -> Form | None:
        """Return a page in the best coding of those accepted; None if there is none.

        One that nobody has asked for before is made now; who comes meanwhile gets the next best.
        """
        if accept_encoding is None:
            return page.forms[IDENTITY]
        for coding in accepted(accept_encoding):
            if page.is_exact and coding != IDENTITY:
                continue
            if (form := page.forms.get(coding)) is not None:
                return form
            if coding in page.making or self._pool is None:
                continue
            page.making.add(coding)
            try:
                body = await self._pool.run(CODINGS[coding], page.forms[IDENTITY].body)
            except PoolBusy:
                continue
            finally:
                page.making.discard(coding)
            return self.store.add_form(page, coding, body)
        return None


async def _has_ended(scope: HTTPScope, receive: ASGIReceiveCallable) -> bool:
    """Receive the end of a request; False if it has a body, which is for the app to deal with.

    Hypercorn keeps what the app has not received, and a connection with it for good once there is
    no more room for that (`max_app_queue_size`).
    """
    if scope["http_version"].startswith("1"):  # without a length: ended, as its head is here
        await receive()
        return True
    try:
        async with asyncio.timeout(MOST_END_S):
            return not (await receive()).get("more_body", False)
    except TimeoutError:
        return False


async def _send(send: ASGISendCallable, answer: Answer, *, has_body: bool) -> None:
    # A copy: layers above this one may add to what they are given.
    headers = list(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = answer.body if has_body else b""
    await send({"type": "http.response.body", "body": body, "more_body": False})
