"""SQLAlchemy's ORM in a Quart app, under Flask-SQLAlchemy's names, with `await`.

    from quart import Quart
    from qapp.ext.orm import ORM

    db = ORM()

    class User(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(80), unique=True, nullable=False)

    app = Quart(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///users.db"
    db.init_app(app)

    @app.get("/user/<int:id>")
    async def show(id):
        return repr(await db.get_or_404(User, id))

SQLite files are opened by the library and with the settings of `qapp.ext.database`, and may be
the very file that a `Database` has open. Other databases need an async driver in their URL, such as
`postgresql+asyncpg://…`.

Of Flask-SQLAlchemy these are deliberately not here; write instead:

- `User.query`, as its `all()` could not await: `await db.session.scalars(db.select(User)…)`.
- A lazy load, and `lazy="dynamic"`: load what you show with `selectinload`, or by
  `await user.awaitable_attrs.posts`; `lazy="write_only"` gives a select.
- Binds, thus `engines`, `metadatas` and `get_engine`: there are `db.engine` and `db.metadata`.
- Recorded queries and the signals of changes: SQLAlchemy's own events tell of both.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from quart import Quart
from sqlalchemy import MetaData, Select
from sqlalchemy.exc import DataError, MultipleResultsFound, NoResultFound
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase
from werkzeug.exceptions import NotFound

from .engines import Engines
from .link import TAKE_LOCK
from .model import LazyLoadError, Model, ModelSession, model_base
from .pagination import Pagination
from .schema import EXTENSION, Schema
from .worker import Expired, Limits, Locked, TookTooLong

T = TypeVar("T")

__all__ = [
    "ORM",
    "Expired",
    "LazyLoadError",
    "Limits",
    "Locked",
    "Model",
    "Pagination",
    "TookTooLong",
]


class ORM(Schema):
    """Models, sessions and queries of an app; one instance serves any number of apps.

    Settings: `SQLALCHEMY_DATABASE_URI` (else `DATABASE_URL`; a relative SQLite path lies in the
    instance folder), `SQLALCHEMY_ENGINE_OPTIONS` (over `engine_options`), `SQLALCHEMY_ECHO`. Those
    of binds, recorded queries and signals of changes are refused when they are set.

    Names of `sqlalchemy` and `sqlalchemy.orm` are found here too: `db.Column`, `db.select`.

    :param model_class: the declarative base; a `Model` is taken as it is, else `orm.Model` is made
        of it.
    :param metadata: the tables, for a base made without `model_class`.
    :param engine_options: keywords of SQLAlchemy's `create_async_engine`.
    :param session_options: keywords of SQLAlchemy's `AsyncSession`.
    :param limits: times, for SQLite only.
    :ivar Model: the base of the models.
    """

    def __init__(
        self,
        app: Quart | None = None,
        *,
        model_class: type[DeclarativeBase] | None = None,
        metadata: MetaData | None = None,
        engine_options: dict[str, Any] | None = None,
        session_options: dict[str, Any] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.Model: Any = model_base(model_class, metadata)
        self._engine_options = engine_options or {}
        self._session_options = session_options or {}
        self._limits = limits or Limits()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Read the app's settings; open connections as they are needed, close them with the app.

        :raises RuntimeError: if the app has an ORM already, or no setting says which database.
        :raises ValueError: if a setting is refused, or names no SQLite file.
        """
        if EXTENSION in app.extensions:
            raise RuntimeError("the app has an ORM already: call init_app once")
        engines = Engines(app, self._make_session, self._engine_options, self._limits)
        app.extensions[EXTENSION] = engines
        app.teardown_appcontext(engines.end_session)

        @app.while_serving
        async def serving() -> AsyncGenerator[None, None]:
            async with engines.serving():
                yield

    def _make_session(self, engine: AsyncEngine) -> AsyncSession:
        options = {
            "sync_session_class": ModelSession,
            "expire_on_commit": False,  # reading an expired attribute would have to await
            **self._session_options,
        }
        return AsyncSession(engine, **options)

    @property
    def session(self) -> AsyncSession:
        """Return the session of this task in this app context, hence of this request.

        It ends with the context, or with the task if that is earlier; what it did not commit is
        undone then, after an error or a cancel too. Each task has its own, as a session can do but
        one thing at a time: what runs in `asyncio.gather` sees nothing of its caller's session
        that is not committed. Objects outlive it, with what of them is loaded.

        On SQLite a session that reads sees one state of the data until it ends, commits or rolls
        back, and blocks nobody. One that writes has the lock from its first write to its commit, so
        await nothing slow between the two. What it read before its first write may have changed
        since: `with_for_update()` takes the lock before it reads, and so does `lock()`.

        SQLAlchemy raises `OperationalError`, whose `orig` is a `Locked`, `Expired` or `TookTooLong`
        where a limit is passed.

        :raises RuntimeError: outside of an app context, or of a task, as in a view that is no
            `async def`.
        """
        return self._engines.session()

    async def lock(self) -> None:
        """Take SQLite's write lock for the session now; other databases lock rows or tables.

        :raises sqlalchemy.exc.OperationalError: if others have it for too long.
        """
        connection = await self.session.connection()
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql(TAKE_LOCK)

    def on_commit(self, function: Callable[[], None]) -> AbstractContextManager[None]:
        """Call a function after each commit that wrote, as `Database.on_commit`: on SQLite only."""
        return self._engines.commits.telling(function)

    async def get_or_404(
        self, entity: type[T], ident: Any, *, description: str | None = None, **kwargs: Any
    ) -> T:
        """Return the object with this primary key, from the session if it has it.

        :param kwargs: those of `AsyncSession.get`.
        :raises NotFound: with the description, if there is none; a key that no column could hold
            is one that nothing has.
        """
        await self._flush()
        try:
            found = await self.session.get(entity, ident, **kwargs)
        except DataError:
            found = None
        return _found(found, description)

    async def first_or_404(self, select: Select[T], *, description: str | None = None) -> T:
        """Return the first row's first column, an object mostly.

        :raises NotFound: with the description, if there is none, or it is NULL.
        """
        await self._flush()
        try:
            found = (await self.session.scalars(select.limit(1))).unique().first()
        except DataError:
            found = None
        return _found(found, description)

    async def one_or_404(self, select: Select[T], *, description: str | None = None) -> T:
        """Return the only row's first column.

        :raises NotFound: with the description, if there is no row, or more than one.
        """
        await self._flush()
        try:
            return (await self.session.scalars(select)).unique().one()
        except (DataError, NoResultFound, MultipleResultsFound):
            raise NotFound(description) from None

    async def _flush(self) -> None:
        # Before, so that a DataError of what is written is not taken for one of what is sought.
        session = self.session
        if session.autoflush and (session.new or session.dirty or session.deleted):
            await session.flush()

    async def paginate(
        self,
        select: Select[T],
        *,
        page: int | None = None,
        per_page: int | None = None,
        max_per_page: int | None = 100,
        error_out: bool = True,
        count: bool = True,
    ) -> Pagination[T]:
        """Return a page of what a select finds; it should have an `order_by`.

        :param page: its number from 1 on; None is `?page=` of the current request, or 1.
        :param per_page: most items on it; None is `?per_page=`, or 20.
        :param max_per_page: the limit of `per_page`; None, for no limit, is not for what visitors
            may choose.
        :param error_out: whether to refuse what is no number, a number below 1 and a page beyond
            the last; else the default, or an empty page, is returned.
        :param count: whether to count the items of all pages, by a second query.
        :raises NotFound: for what `error_out` refuses.
        :raises ValueError: if `max_per_page` is below 1.
        """
        return await Pagination[T].of(
            select,
            lambda: self.session,
            page=page,
            per_page=per_page,
            max_per_page=max_per_page,
            error_out=error_out,
            count=count,
        )


def _found(found: T | None, description: str | None) -> T:
    if found is None:
        raise NotFound(description)
    return found
