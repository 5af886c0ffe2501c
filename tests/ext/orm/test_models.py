"""Models as the tutorials have them, their names, and loads that cannot await."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask_sqlalchemy.model import camel_to_snake_case
from hypothesis import given
from hypothesis import strategies as st
from quart import Quart
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, inspect
from sqlalchemy.exc import DataError, IntegrityError, MissingGreenlet
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    deferred,
    mapped_column,
    selectinload,
)

import qapp.ext.orm
from qapp.ext.orm import ORM, LazyLoadError, Model
from qapp.ext.orm.model import snake_case

from .conftest import Site
from .models import Base, Post, User, make_app


async def test_a_tutorial_in_the_readers_words_and_await(site: Site) -> None:
    app, db = site
    async with app.app_context():
        admin = User(username="admin")
        guest = User(username="guest", age=3)
        assert admin.posts == []
        db.session.add_all([admin, guest])
        db.session.add(Post(title="Hello", author=admin))
        await db.session.commit()
    async with app.app_context():
        found = (await db.session.execute(db.select(User).order_by(User.username.desc()))).scalars()
        assert [user.username for user in found] == ["guest", "admin"]
        query = db.select(User).filter_by(username="admin").options(selectinload(User.posts))
        admin = (await db.session.execute(query)).scalar_one()
        (post,) = admin.posts
        assert (post.title, post.author) == ("Hello", admin)
        admin.age = 40
        await db.session.delete(post)
        await db.session.commit()
        assert admin.age == 40, "attributes are not expired by a commit"
    async with app.app_context():
        assert (await db.get_or_404(User, 1)).age == 40
        assert (await db.session.scalars(db.select(Post))).all() == []


async def test_a_model_in_the_old_style(tmp_path: Path) -> None:
    db = ORM()

    class Students(db.Model):  # type: ignore[misc, name-defined]  # as the tutorials have it, without types
        id = db.Column("student_id", db.Integer, primary_key=True)
        name = db.Column(db.String(100))
        city = db.Column(db.String(50))

        def __init__(self, name: str, city: str) -> None:
            self.name = name
            self.city = city

    app, _ = make_app(tmp_path, db)
    async with app.app_context():
        await db.create_all()
        db.session.add(Students("Ada", "London"))
        await db.session.commit()
        found = await db.first_or_404(db.select(Students).filter_by(city="London"))
        assert (found.name, Students.__tablename__) == ("Ada", "students")
        await db.drop_all()
        async with db.engine.connect() as connection:
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert names == []


async def test_the_example_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert qapp.ext.orm.__doc__ is not None
    lines = qapp.ext.orm.__doc__.splitlines()
    source = "\n".join(line[4:] for line in lines if line.startswith("    "))
    monkeypatch.setattr(Quart, "auto_find_instance_path", lambda _: tmp_path / "instance")
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(source, scope)  # noqa: S102 - it is our own
    app: Quart = scope["app"]
    db, user = scope["db"], scope["User"]
    async with app.test_app():
        async with app.app_context():
            await db.create_all()
            db.session.add(user(name="alice"))
            await db.session.commit()
        client = app.test_client()
        assert await (await client.get("/user/1")).get_data() == b"<User 1>"
        assert (await client.get("/user/2")).status_code == 404
        assert (await client.get(f"/user/{2**70}")).status_code == 404


async def test_repr_says_the_key_or_why_there_is_none(site: Site) -> None:
    app, db = site
    user = User(username="alice")
    assert repr(user) == f"<User (transient {id(user)})>"
    async with app.app_context():
        db.session.add(user)
        assert repr(user) == f"<User (pending {id(user)})>"
        await db.session.commit()
        assert repr(user) == "<User 1>"
    assert repr(user) == "<User 1>"


def test_tables_are_named_as_flask_sqlalchemy_names_them() -> None:
    class Local(Model, DeclarativeBase):
        pass

    class BlogPost(Local):
        id: Mapped[int] = mapped_column(primary_key=True)

    class Named(Local):
        __tablename__ = "own_name"
        id: Mapped[int] = mapped_column(primary_key=True)

    class OnATable(Local):
        __table__ = Table("made_before", Local.metadata, Column("id", Integer, primary_key=True))

    class SpecialPost(BlogPost):
        pass

    class SpecialNamed(Named):
        pass

    class JoinedPost(BlogPost):
        id: Mapped[int] = mapped_column(ForeignKey("blog_post.id"), primary_key=True)

    class Abstract(Local):
        __abstract__ = True
        id: Mapped[int] = mapped_column(primary_key=True)

    class Concrete(Abstract):
        pass

    class Mixin:
        __tablename__ = "of_the_mixin"

    class Mixed(Mixin, Local):
        id: Mapped[int] = mapped_column(primary_key=True)

    class Extra(Model):
        pass

    class WithExtra(Extra, Local):
        id: Mapped[int] = mapped_column(primary_key=True)

    tables = set(Local.metadata.tables)
    assert tables == {
        "blog_post",
        "own_name",
        "made_before",
        "joined_post",
        "concrete",
        "of_the_mixin",
        "with_extra",
    }
    assert str(inspect(SpecialPost).local_table) == "blog_post"
    assert str(inspect(SpecialNamed).local_table) == "own_name"


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True))
def test_any_class_gets_the_same_table_name(name: str) -> None:
    assert snake_case(name) == camel_to_snake_case(name)


async def test_a_lazy_load_says_what_to_write(site: Site) -> None:
    app, db = site
    async with app.app_context():
        db.session.add(Post(title="Hello", author=User(username="alice")))
        await db.session.commit()
    async with app.app_context():
        user = await db.get_or_404(User, 1)
        with pytest.raises(LazyLoadError) as caught:
            _ = user.posts
        message = str(caught.value)
        assert "User.posts is not loaded" in message
        assert "`select(User).options(selectinload(User.posts))`" in message
        assert "`await obj.awaitable_attrs.posts`" in message
        assert issubclass(LazyLoadError, MissingGreenlet)
        assert [post.title for post in await user.awaitable_attrs.posts] == ["Hello"]
        db.session.expunge_all()
        post = await db.get_or_404(Post, 1)
        with pytest.raises(LazyLoadError, match=r"Post\.author is not loaded"):
            _ = post.author
        assert await post.awaitable_attrs.author is not None
        db.session.expire(post)
        with pytest.raises(LazyLoadError, match="attribute of Post is not loaded"):
            _ = post.title
        await db.session.refresh(post)
        assert post.title == "Hello"


async def test_a_deferred_column_says_what_to_write(tmp_path: Path) -> None:
    class Local(Model, DeclarativeBase):
        pass

    class Page(Local):
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = deferred(mapped_column(String))

    app, db = make_app(tmp_path, ORM(model_class=Local))
    async with app.app_context():
        await db.create_all()
        db.session.add(Page(text="long"))
        await db.session.commit()
    async with app.app_context():
        page = await db.get_or_404(Page, 1)
        with pytest.raises(LazyLoadError, match="awaitable_attrs"):
            _ = page.text
        assert await page.awaitable_attrs.text == "long"


def test_a_base_is_taken_or_made() -> None:
    class Plain(DeclarativeBase):
        pass

    metadata = MetaData()
    assert ORM(model_class=Base).Model is Base
    assert issubclass(ORM(model_class=Plain).Model, Model)
    assert issubclass(ORM(model_class=Plain).Model, Plain)
    assert ORM(model_class=Plain).metadata is Plain.metadata
    assert ORM(metadata=metadata).metadata is metadata
    assert ORM().metadata is not ORM().metadata
    with pytest.raises(ValueError, match="give metadata to the model class"):
        ORM(model_class=Plain, metadata=metadata)
    with pytest.raises(ValueError, match="DeclarativeBase"):
        ORM(model_class=int)  # type: ignore[arg-type]


def test_sqlalchemys_names_are_the_orms_too() -> None:
    db = ORM()
    assert db.String is String
    assert db.mapped_column is mapped_column
    with pytest.raises(AttributeError, match="'frobnicate'"):
        _ = db.frobnicate
    assert not hasattr(db, "__wrapped__")


async def test_errors_are_sqlalchemys(site: Site) -> None:
    app, db = site
    async with app.app_context():
        db.session.add_all([User(username="alice"), User(username="alice")])
        with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: user\.username"):
            await db.session.commit()
        await db.session.rollback()
        db.session.add(Post(title="x", user_id=99))
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            await db.session.commit()
        await db.session.rollback()
        for impossible in (2**70, "half a \ud800"):
            db.session.add(User(username="bob", age=impossible))
            with pytest.raises(DataError):
                await db.session.commit()
            await db.session.rollback()
        assert (await db.session.scalars(db.select(User))).all() == []


async def test_many_to_many_by_a_table_without_a_model(tmp_path: Path) -> None:
    """As Flask-SQLAlchemy's guide has it: https://flask-sqlalchemy.readthedocs.io/en/2.x/models/."""
    db = ORM()
    page_tags = db.Table(
        "tags",
        db.Column("tag_id", db.Integer, db.ForeignKey("tag.id"), primary_key=True),
        db.Column("page_id", db.Integer, db.ForeignKey("page.id"), primary_key=True),
    )

    class Page(db.Model):  # type: ignore[misc, name-defined]  # as the tutorials have it, without types
        id = db.Column(db.Integer, primary_key=True)
        tags = db.relationship(
            "Tag", secondary=page_tags, lazy="subquery", backref=db.backref("pages", lazy=True)
        )

    class Tag(db.Model):  # type: ignore[misc, name-defined]
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(20))

    app, _ = make_app(tmp_path, db)
    async with app.app_context():
        await db.create_all()
        red, blue = Tag(name="red"), Tag(name="blue")
        db.session.add_all([Page(tags=[red, blue]), Page(tags=[red])])
        await db.session.commit()
    async with app.app_context():
        page = await db.get_or_404(Page, 1)
        assert [tag.name for tag in page.tags] == ["red", "blue"], "loaded with the page"
        query = db.select(Tag).filter_by(name="red").options(selectinload(Tag.pages))
        red = await db.first_or_404(query)
        assert [page.id for page in red.pages] == [1, 2]


def test_a_table_may_have_a_metadata_of_its_own() -> None:
    db, metadata = ORM(), MetaData()
    own = db.Table("own", metadata, db.Column("id", db.Integer))
    assert own.metadata is metadata
    assert db.Table("ours", db.Column("id", db.Integer)).metadata is db.metadata
    assert set(db.metadata.tables) == {"ours"}


@pytest.mark.parametrize("of", [User, User()])
def test_a_query_of_old_says_what_to_write(of: Any) -> None:
    text = r"`await db\.session\.scalars\(db\.select\(User\)\.filter_by\(…\)\)`"
    with pytest.raises(AttributeError, match=text):
        _ = of.query


async def test_a_model_may_have_a_column_named_query(tmp_path: Path) -> None:
    class Local(Model, DeclarativeBase):
        pass

    class Search(Local):
        id: Mapped[int] = mapped_column(primary_key=True)
        query: Mapped[str]

    app, db = make_app(tmp_path, ORM(model_class=Local))
    async with app.app_context():
        await db.create_all()
        db.session.add(Search(query="tea"))
        await db.session.commit()
        assert (await db.first_or_404(db.select(Search).filter_by(query="tea"))).query == "tea"


@pytest.mark.parametrize(
    ("name", "instead"),
    [("engines", "engine"), ("get_engine", "engine"), ("metadatas", "metadata")],
)
def test_names_for_many_databases_say_what_there_is(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=rf"{name} is not offered.*`db\.{instead}`"):
        getattr(ORM(), name)


async def test_tables_that_no_model_describes_are_read(tmp_path: Path) -> None:
    app, db = make_app(tmp_path, ORM())
    async with app.app_context():
        async with db.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE TABLE legacy (id INTEGER, name TEXT)")
        await db.reflect()
        assert db.metadata.tables["legacy"].columns.keys() == ["id", "name"]
