"""The applications that take files, with limits that a scenario can reach."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

from flask import Flask, Request
from quart import Quart

from qapp.tour.originals import uploads

from .sides import site

FLASK = f"{__name__}:flask_app"
HERE = f"{__name__}:site_app"
LARGEST_BYTES = 200_000
QUOTA_BYTES = 300_000


class InMemory(Request):
    """A request whose files are in memory.

    Werkzeug 3.1 does not close the one of a body that is cut off, and Python warns of it.
    """

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        return BytesIO()


def flask_app(instance_path: str) -> Flask:
    """Make the Flask original."""
    limits = {"MAX_CONTENT_LENGTH": LARGEST_BYTES, "UPLOAD_QUOTA": QUOTA_BYTES}
    app = uploads.create_app(limits, instance_path)
    app.request_class = InMemory
    return app


def site_app(instance_path: str) -> Quart:
    """Make the site."""
    return site(
        instance_path,
        MAX_CONTENT_LENGTH=LARGEST_BYTES,
        UPLOAD_MAX_LENGTH=LARGEST_BYTES,
        UPLOAD_QUOTA=QUOTA_BYTES,
    )
