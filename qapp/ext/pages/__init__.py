"""Keep pages that are the same for every visitor, above the app, as long as they hold.

    from quart import Quart
    from qapp.ext.database import Database
    from qapp.ext.pages import Pages

    app = Quart(__name__)
    app.config["DATABASE_URL"] = "sqlite:////tmp/tea.db"
    db = Database(app)
    pages = Pages(db)
    pages.init_app(app)

    @app.get("/")
    @pages.cache(query=["before"])
    async def index():
        return str(await db.fetch_all("SELECT 1 AS one"))

What a view opts in for are its answers of status 200 to a GET or HEAD of who sends no cookie and no
`Authorization`. It is called, and so is all that the app does before and after a view, with
no more than the page is kept under: scheme, host, path, and the parameters of the query and the
cookies that are declared. So a page can't hold anything of who asked for it first, nor can headers
or parameters that nobody declared make another page of it. Answers that set a cookie, say
`no-store` or vary by something else are not kept; nor are streams, and errors. Who accepts nothing
of a page's type is answered by the app. A page with an ETag of its own keeps it, and is not
compressed, as a strong one is for the very bytes.

A page is made once for all who ask for it. All pages are dropped at each commit of this process,
before the one who wrote is answered, and within 250 ms at another's. Others than the database may
call `drop`. Whoever has a session never gets a page from here.

Where much is written, pages would be made anew again and again, though most of them are as they
were. A view may name what tells the version of what its page is made of, and is quicker than it:

    async def version_of(number):
        return await db.fetch_value("SELECT changed_at FROM teas WHERE id = :id", {"id": number})

    @app.get("/tea/<int:number>")
    @pages.cache(version=version_of)
    async def tea(number):
        return str(await db.fetch_all("SELECT name FROM teas WHERE id = :id", {"id": number}))

Its pages are not dropped then; after a commit, who asks for one gets it if the version, which is
read now, is the one that was read before the page was made.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol, TypeVar, overload

from quart import Quart, current_app

from qapp.ext.database import Database

from .layer import Layer
from .question import MARK, Cookies, Opted, Questions, Version
from .store import Counts, Limits

__all__ = ["Counts", "Limits", "Pages"]

EXTENSION = "pages"

View = TypeVar("View", bound=Callable[..., Any])


class Writer(Protocol):
    """What commits to the database and says so, as `Database` and `ORM` do."""

    def on_commit(self, function: Callable[[], None]) -> AbstractContextManager[None]:
        """Call a function after each commit, inside a `with` block."""


class Pages:
    """A cache of pages for any number of apps; in debug mode it keeps none.

    :param db: whose version tells how long pages hold; without it they hold as long as
        `Limits.max_age_s`, unless `drop` is called.
    :param writers: what else of this process commits to that database.
    """

    def __init__(
        self,
        db: Database | None = None,
        *,
        writers: Sequence[Writer] = (),
        limits: Limits | None = None,
    ) -> None:
        self._db = db
        self._writers: list[Writer] = [*writers] if db is None else [db, *writers]
        self._limits = limits or Limits()

    def init_app(self, app: Quart, *, cookies: Cookies | None = None) -> None:
        """Put the cache above an app; it is at work while the app serves.

        :param cookies: the names of cookies that pages may depend on, each with its values, few of
            them: each makes another page. Who sends any other cookie is answered by the app.
        """
        if app.debug:
            return
        layer = Layer(app, Questions(app, cookies or {}), self._db, self._limits)
        app.extensions[EXTENSION] = layer
        app.asgi_app = layer  # type: ignore[method-assign]  # as Quart's documentation does

        @app.while_serving
        async def open_layer() -> AsyncGenerator[None, None]:
            with ExitStack() as stack:
                for writer in self._writers:
                    stack.enter_context(writer.on_commit(layer.drop))
                layer.open()
                try:
                    yield
                finally:
                    await layer.close()

    @overload
    def cache(self, view: View) -> View: ...
    @overload
    def cache(
        self, *, query: Sequence[str] = (), strict: bool = False, version: Version | None = None
    ) -> Callable[[View], View]: ...
    def cache(
        self,
        view: Any = None,
        *,
        query: Sequence[str] = (),
        strict: bool = False,
        version: Version | None = None,
    ) -> Any:
        """Keep the pages of a view: a decorator, `@pages.cache` or `@pages.cache(query=…)`.

        :param query: the parameters that the view reads; it gets no others, and each once.
        :param strict: let the app answer a query with any others, which else make no difference.
        :param version: is awaited with what the view gets of the path, in the app's context and no
            request's, and returns something that is another after each change of what the page is
            made of, and never again what it was before.
        """

        def mark(view: View) -> View:
            setattr(view, MARK, Opted(tuple(query), strict, version))
            return view

        return mark if view is None else mark(view)

    def drop(self) -> None:
        """Drop all pages of the current app; those with a version are checked from now on."""
        if (layer := self._layer) is not None:
            layer.drop()

    @property
    def counts(self) -> Counts:
        """What the current app's cache has done, in this process."""
        layer = self._layer
        return layer.store.counts if layer is not None else Counts()

    @property
    def _layer(self) -> Layer | None:
        layer: Layer | None = current_app.extensions.get(EXTENSION)
        return layer
