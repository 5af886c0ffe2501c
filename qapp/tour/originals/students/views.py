"""The students' pages."""

from __future__ import annotations

from werkzeug.exceptions import BadRequest
from flask import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from qapp.tour.originals.flaskr.auth import (
    User,
    current_user,
    login_required,
)
from qapp.tour.originals.flaskr.forms import read_form
from qapp.tour.originals.paging import page_size
from qapp.tour.originals.student_form import StudentForm

from . import queries
from .forms import EditForm
from .models import Student
from .models import db as orm
from .queries import StudentChanged

blueprint = Blueprint(
    "students", __name__, template_folder="../../../templates"
)

LABELS = {
    "name": "Name",
    "city": "City",
    "addr": "Address",
    "pin": "PIN code",
}
LONGEST_QUERY = 100


def printable(text: str) -> str:
    """Return a text without what can't be seen.

    To SQLite's LIKE a NUL is the end of a pattern.
    """
    return "".join(
        letter if letter.isprintable() else " " for letter in text
    )


@blueprint.get("/students")
def show_all() -> ResponseReturnValue:
    """Show the students that are looked for, sorted by any column."""
    words = printable(request.args.get("q", ""))[:LONGEST_QUERY].strip()
    column = request.args.get("in")
    sort = request.args.get("sort", "-id")
    order = sort.removeprefix("-")
    if order not in (*queries.COLUMNS, "id") or column not in (
        *queries.COLUMNS,
        None,
        "",
    ):
        raise BadRequest("The students have no such column.")
    found = queries.search_students(
        orm,
        words=words,
        column=column or None,
        order=order,
        is_descending=sort != order,
        per_page=None if "per_page" in request.args else page_size(),
    )
    return render_template(
        "students/show_all.html",
        found=found,
        words=words,
        column=column,
        sort=sort,
        labels=LABELS,
        may_edit=current_user() is not None,
    )


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Add a student by the ORM."""
    form = read_form(StudentForm)
    if not form.is_submitted():
        return render_template("students/new.html", form=form)
    if not form.validate_on_submit():
        if not all(field.data for field in form):
            flash("Please enter all the fields", "error")
        return render_template("students/new.html", form=form), 422
    student = Student()
    form.populate_obj(student)
    queries.save_student(orm, student)
    flash("Record was successfully added", "success")
    return redirect(url_for("students.show_all"))


@blueprint.route(
    "/students/<int:student_id>/edit", methods=["GET", "POST"]
)
@login_required
def edit(_: User, student_id: int) -> ResponseReturnValue:
    """Change a student."""
    page = "students/edit.html"
    student = orm.get_or_404(Student, student_id)
    form = read_form(EditForm, obj=student)
    if not form.is_submitted():
        return render_template(page, form=form, student=student)
    if not form.validate_on_submit():
        return render_template(page, form=form, student=student), 422
    try:
        queries.change_student(
            orm,
            student,
            version=int(form.version.data),
            values={
                column: form[column].data for column in queries.COLUMNS
            },
        )
    except StudentChanged:
        student = orm.get_or_404(Student, student_id)
        form.version.data = str(student.version)
        now = ", ".join(
            getattr(student, column) for column in queries.COLUMNS
        )
        form.form_errors.append(
            f"Somebody changed this student meanwhile, to: {now}. "
            "Save again to replace that with what stands here."
        )
        return render_template(page, form=form, student=student), 409
    flash("Record was successfully changed", "success")
    return redirect(url_for("students.show_all"))


@blueprint.post("/students/<int:student_id>/delete")
@login_required
def delete(_: User, student_id: int) -> ResponseReturnValue:
    """Delete a student."""
    student = orm.get_or_404(Student, student_id)
    queries.remove_student(orm, student)
    flash("Record was successfully deleted", "success")
    return redirect(url_for("students.show_all"))
