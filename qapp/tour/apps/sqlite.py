"""Students in SQLite, with the SQL as one writes it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from pathlib import Path

from quart import (
    Blueprint,
    Quart,
    render_template,
    url_for,
)
from quart.typing import ResponseReturnValue

from qapp.ext.csrf import CSRFProtect
from qapp.ext.database import ConstraintViolation, Database
from qapp.web.forms import read_form
from qapp.web.paging import LARGEST_ID, before_asked, page_size

from .student_form import StudentForm

blueprint = Blueprint(
    "students", __name__, template_folder="../../templates"
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS students (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    city TEXT NOT NULL,
    addr TEXT NOT NULL,
    pin TEXT NOT NULL
)
"""

db = Database()


@blueprint.get("/addnew")
@blueprint.get("/enternew")  # the one that url_for builds
async def new_student() -> ResponseReturnValue:
    form = await StudentForm.create_form(None)
    return await render_template("students/new_student.html", form=form)


@blueprint.post("/addrec")
async def addrec() -> ResponseReturnValue:
    form = await read_form(StudentForm)
    if not await form.validate_on_submit():
        page = "students/new_student.html"
        return await render_template(page, form=form), 422
    page = "students/result.html"
    try:
        await db.execute(
            """
            INSERT INTO students (name, city, addr, pin)
            VALUES (:name, :city, :addr, :pin)
            """,
            {
                "name": form.name.data,
                "city": form.city.data,
                "addr": form.addr.data,
                "pin": form.pin.data,
            },
        )
    except ConstraintViolation:
        return await render_template(page, is_added=False), 500
    return await render_template(page, is_added=True)


@blueprint.get("/list", endpoint="list")
async def list_students() -> ResponseReturnValue:
    before, size = before_asked(), page_size()
    rows = await db.fetch_all(
        """
        SELECT id, name, city, addr, pin FROM students
        WHERE id < :before ORDER BY id DESC LIMIT :limit
        """,
        {"before": before, "limit": size + 1},
    )
    older_url = newest_url = None
    if len(rows) > size:  # the one too many tells of a next page
        older_url = url_for(".list", before=rows[size - 1].id)
    if before < LARGEST_ID:
        newest_url = url_for(".list")
    return await render_template(
        "students/list.html",
        students=rows[:size],
        older_url=older_url,
        newest_url=newest_url,
    )


def create_app(instance_path: str | None = None) -> Quart:
    app = Quart(
        __name__,
        instance_path=instance_path,
        template_folder="../templates",
        static_folder="../../static",
    )
    Path(app.instance_path).mkdir(0o700, parents=True, exist_ok=True)
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(),
        SESSION_COOKIE_SAMESITE="Lax",
        DATABASE_URL="sqlite:///students.sqlite",
    )
    CSRFProtect(app)
    db.init_app(app)
    app.register_blueprint(blueprint)

    @app.while_serving
    async def table() -> AsyncGenerator[None, None]:
        await db.execute(SCHEMA)
        yield

    return app
