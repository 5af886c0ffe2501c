"""An app that serves, with the tutorials' tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from quart import Quart

from qapp.ext.orm import ORM

from .models import make_app


class Site(NamedTuple):
    app: Quart
    orm: ORM


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    app, orm = make_app(tmp_path)
    async with app.test_app():
        async with app.app_context():
            await orm.create_all()
        yield Site(app, orm)
