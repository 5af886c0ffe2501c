"""The students' pages."""

from __future__ import annotations

from quart import Blueprint, render_template, url_for
from quart.typing import ResponseReturnValue

from qapp.ext.database import ConstraintViolation
from qapp.extensions import db
from qapp.web.forms import read_form
from qapp.web.paging import LARGEST_ID, before_asked

from . import queries
from .forms import StudentForm

blueprint = Blueprint("students", __name__)


@blueprint.get("/addnew")
@blueprint.get("/enternew")  # the one that url_for builds
async def new_student() -> ResponseReturnValue:
    """Show the form for a student."""
    form = await StudentForm.create_form(None)
    return await render_template("students/new_student.html", form=form)


@blueprint.post("/addrec")
async def addrec() -> ResponseReturnValue:
    """Add a student, and say whether that went well."""
    form = await read_form(StudentForm)
    if not await form.validate_on_submit():
        return await render_template("students/new_student.html", form=form), 422
    try:
        await queries.add_student(
            db,
            name=form.name.data,
            city=form.city.data,
            addr=form.addr.data,
            pin=form.pin.data,
        )
    except ConstraintViolation:
        return await render_template("students/result.html", is_added=False), 500
    return await render_template("students/result.html", is_added=True)


@blueprint.get("/list", endpoint="list")
async def list_students() -> ResponseReturnValue:
    """Show the students, newest first."""
    before = before_asked()
    page = await queries.list_students(db, before=before)
    return await render_template(
        "students/list.html",
        students=page.items,
        older_url=url_for("students.list", before=page.before) if page.before else None,
        newest_url=url_for("students.list") if before < LARGEST_ID else None,
    )
