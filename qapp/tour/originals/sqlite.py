"""Students in SQLite, with the SQL as one writes it."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from flask import (
    Blueprint,
    Flask,
    current_app,
    g,
    render_template,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from qapp.web.paging import LARGEST_ID

from .flaskr.blog import before_asked
from .flaskr.forms import read_form
from .paging import page_size
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


def get_db() -> sqlite3.Connection:
    """Return this request's connection, opened at the first call."""
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
        g.db.row_factory = sqlite3.Row
    db: sqlite3.Connection = g.db
    return db


def close_db(_: BaseException | None = None) -> None:
    """Close the connection; what is not committed is lost."""
    db = g.pop("db", None)
    if db is not None:
        db.close()


@blueprint.get("/addnew")
@blueprint.get("/enternew")  # the one that url_for builds
def new_student() -> ResponseReturnValue:
    form = StudentForm(None)
    return render_template("students/new_student.html", form=form)


@blueprint.post("/addrec")
def addrec() -> ResponseReturnValue:
    form = read_form(StudentForm)
    if not form.validate_on_submit():
        page = "students/new_student.html"
        return render_template(page, form=form), 422
    page = "students/result.html"
    db = get_db()
    try:
        db.execute(
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
        db.commit()
    except sqlite3.IntegrityError:
        return render_template(page, is_added=False), 500
    return render_template(page, is_added=True)


@blueprint.get("/list", endpoint="list")
def list_students() -> ResponseReturnValue:
    before, size = before_asked(), page_size()
    rows = (
        get_db()
        .execute(
            """
            SELECT id, name, city, addr, pin FROM students
            WHERE id < :before ORDER BY id DESC LIMIT :limit
            """,
            {"before": before, "limit": size + 1},
        )
        .fetchall()
    )
    older_url = newest_url = None
    if len(rows) > size:  # the one too many tells of a next page
        older_url = url_for(".list", before=rows[size - 1]["id"])
    if before < LARGEST_ID:
        newest_url = url_for(".list")
    return render_template(
        "students/list.html",
        students=rows[:size],
        older_url=older_url,
        newest_url=newest_url,
    )


def create_app(instance_path: str | None = None) -> Flask:
    app = Flask(
        __name__,
        instance_path=instance_path,
        template_folder="../templates",
        static_folder="../../static",
    )
    Path(app.instance_path).mkdir(0o700, parents=True, exist_ok=True)
    app.config.from_mapping(
        SECRET_KEY=secrets.token_hex(),
        SESSION_COOKIE_SAMESITE="Lax",
        DATABASE=str(Path(app.instance_path, "students.sqlite")),
    )
    CSRFProtect(app)
    app.teardown_appcontext(close_db)
    app.register_blueprint(blueprint)

    with app.app_context():
        get_db().execute(SCHEMA)

    return app
