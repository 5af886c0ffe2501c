"""Authors and their posts, as objects."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    relationship,
    selectinload,
)
from quart import Blueprint, Quart, request
from quart.typing import ResponseReturnValue

from qapp.ext.csrf import CSRFProtect, generate_csrf
from qapp.ext.orm import ORM, Model

blueprint = Blueprint("posts", __name__)


class Base(Model, DeclarativeBase):
    pass


db = ORM(model_class=Base)


class Author(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    posts: Mapped[list[Post]] = relationship(
        back_populates="author", order_by="Post.id"
    )


class Post(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="posts")


@blueprint.get("/")
async def authors() -> dict[str, list[str]]:
    found = await db.session.scalars(
        select(Author)
        .options(selectinload(Author.posts))
        .order_by(Author.name)
    )
    return {each.name: [p.title for p in each.posts] for each in found}


@blueprint.get("/authors/<int:author_id>")
async def author(author_id: int) -> dict[str, Any]:
    found = await db.get_or_404(Author, author_id)
    posts = await found.awaitable_attrs.posts
    return {"name": found.name, "posts": [p.title for p in posts]}


@blueprint.get("/authors/<name>")
async def author_by_name(name: str) -> dict[str, Any]:
    found = await db.first_or_404(
        select(Author).filter_by(name=name),
        description="Nobody here has that name.",
    )
    return {"id": found.id, "name": found.name}


@blueprint.get("/posts")
async def posts() -> dict[str, Any]:
    page = await db.paginate(
        select(Post).order_by(Post.id.desc()), max_per_page=100
    )
    return {
        "titles": [post.title for post in page],
        "page": page.page,
        "pages": page.pages,
        "total": page.total,
        "numbers": list(page.iter_pages()),
        "first to last": [page.first, page.last],
        "previous": page.prev_num if page.has_prev else None,
        "next": page.next_num if page.has_next else None,
    }


@blueprint.get("/posts/<int:post_id>/fail")
async def not_loaded(post_id: int) -> dict[str, Any]:
    post = await db.get_or_404(Post, post_id)
    return {"author": post.author.name}


@blueprint.get("/new")
async def form() -> str:
    hidden = 'type="hidden" name="csrf_token"'
    return (
        '<form method="post">'
        f'<input {hidden} value="{generate_csrf()}">'
        '<input name="author"><input name="title"><button>Add</button>'
        "</form>"
    )


@blueprint.post("/new")
async def new() -> ResponseReturnValue:
    fields = await request.form
    name, title = fields["author"].strip(), fields["title"].strip()
    if not (name and title):
        return {"error": "A post has an author and a title."}, 422
    by_name = select(Author).filter_by(name=name)
    author = await db.session.scalar(by_name) or Author(name=name)
    post = Post(title=title, author=author)
    db.session.add(post)
    await db.session.commit()
    return {"id": post.id, "author_id": post.author_id}, 201


@blueprint.post("/posts/<int:post_id>/delete")
async def delete(post_id: int) -> dict[str, str]:
    post = await db.get_or_404(Post, post_id)
    await db.session.delete(post)
    await db.session.commit()
    return {"deleted": post.title}


def create_app(instance_path: str | None = None) -> Quart:
    app = Quart(__name__, instance_path=instance_path)
    Path(app.instance_path).mkdir(0o700, parents=True, exist_ok=True)
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(),
        SESSION_COOKIE_SAMESITE="Lax",
        SQLALCHEMY_DATABASE_URI="sqlite:///posts.sqlite",
    )
    CSRFProtect(app)
    db.init_app(app)
    app.register_blueprint(blueprint)

    @app.while_serving
    async def tables() -> AsyncGenerator[None, None]:
        await db.create_all()
        yield

    return app
