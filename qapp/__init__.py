"""The Flask tutorial world as one real site on an event loop."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

from quart import Quart

from . import (
    accounts,
    api,
    blog,
    contact,
    files,
    logs,
    migrations,
    preferences,
    status,
    students,
    tour,
)
from .config import Settings, kept_secret_key
from .ext.database import driver, sqlite_path
from .extensions import (
    csrf,
    db,
    fragments,
    hashing,
    importing,
    inspection,
    live,
    mail,
    metrics,
    orm,
    pages,
    rendering,
    sijax,
    storage,
    storing,
    unread,
)
from .web import api as web_api
from .web import errors, security, templating
from .web.memory import collect_seldom, return_large_blocks
from .web.paging import PAGE_SIZE_COOKIE, PAGE_SIZES
from .web.site import Site
from .web.static import StaticFiles

SECTIONS = (accounts, blog, students, files, contact, preferences, status, api)
# The cookies that any page may depend on, beside the session's.
PREFERENCES = {preferences.THEME_COOKIE: ("light", "dark"), PAGE_SIZE_COOKIE: tuple(PAGE_SIZES)}
NAVIGATION = (
    ("Blog", "blog.index"),
    ("Students", "students.show_all"),
    ("Files", "files.index"),
    ("Contact", "contact.contact"),
    ("Tour", "tour.index"),
    ("API", "api.docs"),
    ("About", "status.about"),
)


def create_app(settings: Settings | None = None) -> Quart:
    """Make the site; nothing is opened before it serves.

    :param settings: the settings; by default those of the environment.
    :raises ConfigError: if a setting can't be used.
    """
    settings = settings or Settings.from_environ()
    app = Site(__name__, instance_path=settings.INSTANCE_PATH, static_folder=None)
    app.config.update(settings.as_config())
    app.config.update(
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # a kept login ends when it was said to
        SCHEMA_REVISION=migrations.head(),
        PREFERENCE_COOKIES=PREFERENCES,
    )
    app.secret_key = settings.SECRET_KEY or kept_secret_key(Path(app.instance_path))

    app.while_serving(lambda: prepared(app))
    StaticFiles(Path(__file__).parent / "static").init_app(app)
    hashing.init_app(app)
    rendering.init_app(app)
    importing.init_app(app)
    storing.init_app(app)
    inspection.init_app(app)
    db.init_app(app)
    orm.init_app(app)
    storage.init_app(app)
    mail.init_app(app)
    live.init_app(app)
    accounts.shortcut.init_app(app)
    pages.init_app(app, cookies=app.config["PREFERENCE_COOKIES"])
    fragments.init_app(app)
    web_api.init_app(app)
    # Outermost, so that nothing is answered past them.
    metrics.init_app(app, status.FIGURES)
    logs.init_app(app)

    security.init_app(app)
    errors.init_app(app)
    for section in (*SECTIONS, tour) if settings.TOUR else SECTIONS:
        app.register_blueprint(section.blueprint)
    templating.init_app(app, [link for link in NAVIGATION if link[1] in app.view_functions])
    # After the sections, so that the page of an expired form knows who is logged in.
    csrf.init_app(app)
    unread.init_app(app)
    if settings.TOUR:
        sijax.init_app(app, blueprint=tour.blueprint.name)
    return app


async def prepared(app: Quart) -> AsyncGenerator[None, None]:
    """Bring the schema up to date before the first request, and let requests end at a stop."""
    if warning := driver.warning():
        app.logger.warning(warning)
    await asyncio.to_thread(prepare_database, app)
    return_large_blocks()
    collect_seldom()
    with _outliving_sigterm():
        yield


def prepare_database(app: Quart) -> None:
    """Bring the schema of an app's database up to date, making what is not there.

    :raises SchemaError: if that can't be done; the text says why.
    """
    migrations.upgrade(sqlite_path(app.config["DATABASE_URL"], Path(app.instance_path)))


@contextmanager
def _outliving_sigterm() -> Iterator[None]:
    """Leave the end of a worker to Hypercorn.

    When the first of its workers has stopped, Hypercorn terminates the others, which would die in
    the middle of their requests. They know of the stop already and end by themselves.
    """
    is_left_to_die = (
        sys.platform != "win32"
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if not is_left_to_die:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: None)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
