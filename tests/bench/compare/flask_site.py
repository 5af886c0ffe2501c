"""The Flask original of the blog as it is compared: with the site's very page, for gunicorn.

gunicorn "tests.bench.compare.flask_site:create_app()"
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import FileSystemLoader

import qapp
from qapp.tour.originals import flaskr
from qapp.web.static import read
from tests.bench.compare.work import WAIT_PATH, WAIT_S

PACKAGE = Path(qapp.__file__).parent
# SQLite's number for synchronous=FULL: a commit is on the disk when it returns.
FULL = 2
# What the frame of the site's pages leads to and the original lacks.
ELSEWHERE = {
    "blog.feed": "/feed.xml",
    "blog.search": "/search",
    "status.about": "/about",
    "status.healthz": "/healthz",
    "preferences.edit": "/preferences",
    "accounts.account": "/account",
    **{endpoint: f"/{label.lower()}" for label, endpoint in qapp.NAVIGATION[1:]},
}


def create_app() -> Flask:
    """Make the original, in the folder and with the key that the environment names.

    :raises RuntimeError: if its commits are not as durable as the site's.
    """
    folder = os.environ["BENCH_FLASK_INSTANCE"]
    app = flaskr.create_app({"SECRET_KEY": os.environ["BENCH_FLASK_KEY"]}, instance_path=folder)
    check_durability(app.config["DATABASE"])
    show_the_sites_frame(app)

    @app.get(WAIT_PATH)
    def wait() -> str:
        time.sleep(WAIT_S)
        return "here it is"

    return app


def check_durability(path: str) -> None:
    """Look at a connection made as the original makes its own; nothing has to be set on each."""
    with closing(sqlite3.connect(path)) as connection:
        ((journal,), (synchronous,)) = (
            connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("journal_mode", "synchronous")
        )
    if (journal, synchronous) != ("wal", FULL):
        raise RuntimeError(f"journal_mode is {journal}, synchronous {synchronous}")


def show_the_sites_frame(app: Flask) -> None:
    """Give the original's pages the site's header and footer, so that both sides write the same."""
    app.jinja_loader = FileSystemLoader(PACKAGE / "templates")
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(navigation=qapp.NAVIGATION, version=version("qapp"))
    for endpoint, path in ELSEWHERE.items():
        if endpoint not in app.view_functions:
            app.add_url_rule(path, endpoint)
    digests = {name: asset.digest for name, asset in read(PACKAGE / "static", {}).items()}

    @app.url_defaults
    def add_hash(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (digest := digests.get(values.get("filename", ""))):
            values.setdefault("v", digest)
