"""The applications that take files, with limits that a scenario can reach."""

from __future__ import annotations

from flask import Flask
from quart import Quart

from qapp.tour.originals import uploads

from .sides import site

FLASK = f"{__name__}:flask_app"
HERE = f"{__name__}:site_app"
LARGEST_BYTES = 200_000
QUOTA_BYTES = 300_000


def flask_app(instance_path: str) -> Flask:
    """Make the Flask original."""
    limits = {"MAX_CONTENT_LENGTH": LARGEST_BYTES, "UPLOAD_QUOTA": QUOTA_BYTES}
    return uploads.create_app(limits, instance_path)


def site_app(instance_path: str) -> Quart:
    """Make the site."""
    return site(
        instance_path,
        MAX_CONTENT_LENGTH=LARGEST_BYTES,
        UPLOAD_MAX_LENGTH=LARGEST_BYTES,
        UPLOAD_QUOTA=QUOTA_BYTES,
    )
