"""Which database an app gets, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from quart import Quart

from qapp.ext.database import sqlite_path
from qapp.ext.database.driver import sqlite
from qapp.ext.orm import ORM

from .models import Base, make_app


def app_with(**config: Any) -> Quart:
    app = Quart("tests.ext.orm")
    app.config.update(config)
    return app


@pytest.mark.parametrize(
    "config",
    [
        {"SQLALCHEMY_DATABASE_URI": "sqlite:///a.db", "DATABASE_URL": "sqlite:///b.db"},
        {"SQLALCHEMY_DATABASE_URI": "sqlite+aiosqlite:///a.db"},
        {"SQLALCHEMY_DATABASE_URI": None, "DATABASE_URL": "sqlite:///a.db"},
        {"SQLALCHEMY_TRACK_MODIFICATIONS": False, "DATABASE_URL": "sqlite:///a.db"},
    ],
)
async def test_a_relative_file_lies_in_the_instance_folder(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    folder = tmp_path / "not" / "there yet"
    app, orm = make_app(folder, **{"SQLALCHEMY_DATABASE_URI": None, **config})
    assert not folder.exists(), "nothing is opened before it is needed"
    async with app.app_context():
        await orm.create_all()
        assert orm.engine.url.database == str(folder / "a.db")
    assert (folder / "a.db").stat().st_mode & 0o777 == 0o600


async def test_a_file_of_any_name_is_the_one_that_the_data_layer_opens(tmp_path: Path) -> None:
    url = "sqlite:///a b%41+é.db"
    app, orm = make_app(tmp_path, SQLALCHEMY_DATABASE_URI=url)
    async with app.app_context():
        await orm.create_all()
    assert sqlite_path(url, tmp_path).exists()


async def test_an_absolute_file_lies_where_it_says(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/a.db"
    app, orm = make_app(tmp_path / "instance", SQLALCHEMY_DATABASE_URI=uri)
    async with app.app_context():
        await orm.create_all()
    assert (tmp_path / "a.db").exists()
    assert not (tmp_path / "instance").exists()


def test_without_a_database_it_says_which_setting_is_missing() -> None:
    with pytest.raises(RuntimeError, match="SQLALCHEMY_DATABASE_URI"):
        ORM(app_with())


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "sqlite:///"]
)
def test_what_the_data_layer_refuses_is_refused_here(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///name\.db"):
        ORM(app_with(SQLALCHEMY_DATABASE_URI=url))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SQLALCHEMY_BINDS", {"other": "sqlite:///b.db"}),
        ("SQLALCHEMY_RECORD_QUERIES", True),
        ("SQLALCHEMY_TRACK_MODIFICATIONS", True),
    ],
)
def test_what_is_not_offered_is_refused(name: str, value: Any) -> None:
    config = {"SQLALCHEMY_DATABASE_URI": "sqlite:///a.db", name: value}
    with pytest.raises(ValueError, match=f"{name} is not offered"):
        ORM(app_with(**config))


async def test_engine_options_are_the_settings_over_the_constructors(tmp_path: Path) -> None:
    orm = ORM(model_class=Base, engine_options={"pool_size": 3, "pool_timeout": 7})
    app, _ = make_app(tmp_path, orm, SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 2})
    async with app.test_app(), app.app_context():
        pool: Any = orm.engine.pool
        assert (pool.size(), pool._timeout, pool._max_overflow) == (2, 7, 0)
    async with app.app_context():
        await orm.create_all()


async def test_echo_logs_the_statements(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app, orm = make_app(tmp_path, SQLALCHEMY_ECHO=True)
    with caplog.at_level(logging.INFO, "sqlalchemy.engine"):
        async with app.app_context():
            await orm.create_all()
    assert "CREATE TABLE user" in caplog.text


async def test_session_options_are_the_sessions(tmp_path: Path) -> None:
    app, _ = make_app(tmp_path, orm := ORM(model_class=Base, session_options={"autoflush": False}))
    async with app.app_context():
        assert orm.session.autoflush is False
        assert orm.session.sync_session.expire_on_commit is False


async def test_another_database_is_left_to_its_driver(tmp_path: Path) -> None:
    """Whatever stands in for a driver here, its dialect is chosen by the URL, its pool by us."""
    driver = SimpleNamespace(**vars(sqlite), has_stop=True)
    app, orm = make_app(
        tmp_path,
        SQLALCHEMY_DATABASE_URI="postgresql+asyncpg://user:secret@localhost/app",
        SQLALCHEMY_ENGINE_OPTIONS={"module": driver},
    )
    async with app.test_app(), app.app_context():
        assert orm.engine.dialect.name == "postgresql"
        assert orm.engine.url.password == "secret"
