"""The students' pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from quart import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from qapp.accounts import User, current_user, login_first, login_required
from qapp.ext.database import ConstraintViolation
from qapp.extensions import csrf, db, live, orm, pages
from qapp.models import Student
from qapp.web.bodies import large_body
from qapp.web.forms import read_form
from qapp.web.limits import count_try
from qapp.web.paging import LARGEST_ID, before_asked, page_size

from . import queries
from .forms import EditForm, ImportForm, StudentForm
from .progress import imported, progress_of_import, wants_progress
from .queries import StudentChanged
from .service import FaultyFile, import_students, rows_as_csv

blueprint = Blueprint("students", __name__)

LABELS = {"name": "Name", "city": "City", "addr": "Address", "pin": "PIN code"}
LONGEST_QUERY = 100
LONGEST_DOWNLOAD_S = 3600


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
@pages.cache(query=["before"])
async def list_students() -> ResponseReturnValue:
    """Show the students, newest first."""
    before = before_asked()
    page = await queries.list_students(db, before=before, limit=page_size())
    return await render_template(
        "students/list.html",
        students=page.items,
        older_url=url_for("students.list", before=page.before) if page.before else None,
        newest_url=url_for("students.list") if before < LARGEST_ID else None,
    )


def printable(text: str) -> str:
    """Return a text without what can't be seen: to SQLite's LIKE a NUL is the end of a pattern."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


@blueprint.get("/students")
@pages.cache(query=["q", "in", "sort", "page", "per_page"])
async def show_all() -> ResponseReturnValue:
    """Show the students that are looked for, sorted by any column."""
    live_after = live.position  # before they are read: what comes between is not missed
    words = printable(request.args.get("q", ""))[:LONGEST_QUERY].strip()
    column = request.args.get("in")
    sort = request.args.get("sort", "-id")
    order = sort.removeprefix("-")
    if order not in (*queries.COLUMNS, "id") or column not in (*queries.COLUMNS, None, ""):
        raise BadRequest("The students have no such column.")
    found = await queries.search_students(
        orm,
        words=words,
        column=column or None,
        order=order,
        is_descending=sort != order,
        per_page=None if "per_page" in request.args else page_size(),
    )
    return await render_template(
        "students/show_all.html",
        found=found,
        words=words,
        column=column,
        sort=sort,
        labels=LABELS,
        may_edit=current_user() is not None,
        live_after=live_after,
        live_spread_ms=live.spread_ms,
    )


@blueprint.get("/students/live", endpoint="live")
async def stream() -> ResponseReturnValue:
    """Tell that students were added, changed or removed, in an event stream.

    The event's type is `changed`; its data is a JSON object, with the student's `id` if it was one.
    """
    return await live.stream("students")


@blueprint.route("/students.csv", methods=["GET", "POST"], endpoint="csv")
@csrf.exempt  # its token is in the body, which is read only for who may import
@large_body
async def as_csv() -> ResponseReturnValue:
    """Send the whole table as CSV, or add what a file of CSV holds."""
    return await (take_csv() if request.method == "POST" else send_csv())


async def send_csv() -> Response:
    """Send the whole table."""

    @stream_with_context
    async def rows() -> AsyncIterator[str]:
        async for part in rows_as_csv(db):
            yield part

    response = download_of(rows, "text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=students.csv"
    return response


def download_of(parts: Callable[[], AsyncIterator[str]], media_type: str) -> Response:
    """Return a response that streams what is read part by part; its head alone to a HEAD."""
    if request.method == "HEAD":  # Quart would run the stream to its end
        response = Response(b"", mimetype=media_type)
        del response.headers["Content-Length"]  # nobody knows it: 0 would be a GET's (RFC 9110)
    else:
        response = Response(parts(), mimetype=media_type)
    response.timeout = LONGEST_DOWNLOAD_S  # else the app's limit cuts it off in silence
    return response


@login_required
async def take_csv(user: User) -> ResponseReturnValue:
    """Add all students of a file, or say what is wrong in which line."""
    await count_try("import", str(user.id))
    await csrf.protect()
    form = await read_form(ImportForm)
    if not await form.validate_on_submit():
        return await render_template("students/import.html", form=form), 422
    if wants_progress():
        return progress_of_import(form)
    try:
        count = await import_students(db, form.file.data.stream)
    except FaultyFile as faulty:
        return await render_template("students/import.html", form=form, faulty=faulty), 422
    await flash(imported(count), "success")
    return redirect(url_for("students.show_all"))


@blueprint.get("/students/import")
@login_first
async def import_file(_: User) -> ResponseReturnValue:
    """Show the form for a file of students."""
    form = await ImportForm.create_form(None)
    return await render_template("students/import.html", form=form)


@blueprint.route("/new", methods=["GET", "POST"])
async def new() -> ResponseReturnValue:
    """Add a student by the ORM."""
    form = await read_form(StudentForm)
    if not form.is_submitted():
        return await render_template("students/new.html", form=form)
    if not await form.validate_on_submit():
        if not all(field.data for field in form):
            await flash("Please enter all the fields", "error")
        return await render_template("students/new.html", form=form), 422
    student = Student()
    form.populate_obj(student)
    await queries.save_student(orm, student)
    await flash("Record was successfully added", "success")
    return redirect(url_for("students.show_all"))


@blueprint.route("/students/<int:student_id>/edit", methods=["GET", "POST"])
@login_required
async def edit(_: User, student_id: int) -> ResponseReturnValue:
    """Change a student."""
    student = await orm.get_or_404(Student, student_id)
    form = await read_form(EditForm, obj=student)
    if not form.is_submitted():
        return await render_template("students/edit.html", form=form, student=student)
    if not await form.validate_on_submit():
        return await render_template("students/edit.html", form=form, student=student), 422
    try:
        await queries.change_student(
            orm,
            student,
            version=int(form.version.data),
            values={column: form[column].data for column in queries.COLUMNS},
        )
    except StudentChanged:
        student = await orm.get_or_404(Student, student_id)
        form.version.data = str(student.version)
        now = ", ".join(getattr(student, column) for column in queries.COLUMNS)
        form.form_errors.append(
            f"Somebody changed this student meanwhile, to: {now}. "
            "Save again to replace that with what stands here."
        )
        return await render_template("students/edit.html", form=form, student=student), 409
    await flash("Record was successfully changed", "success")
    return redirect(url_for("students.show_all"))


@blueprint.post("/students/<int:student_id>/delete")
@login_required
async def delete(_: User, student_id: int) -> ResponseReturnValue:
    """Delete a student."""
    student = await orm.get_or_404(Student, student_id)
    await queries.remove_student(orm, student)
    await flash("Record was successfully deleted", "success")
    return redirect(url_for("students.show_all"))
