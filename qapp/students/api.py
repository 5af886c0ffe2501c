"""The students, for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from quart import Blueprint, Response, stream_with_context, url_for
from quart.typing import ResponseReturnValue

from qapp.accounts import Caller, writer
from qapp.ext.database import Executor
from qapp.extensions import csrf, db, orm
from qapp.models import Student as Record
from qapp.web.api import (
    JSON,
    Answer,
    Created,
    Located,
    Tagged,
    changed,
    check_accept,
    etag_of,
    not_modified,
    once,
    operation,
    require_match,
)
from qapp.web.paging import LARGEST_ID, PAGE_SIZE, url_of_page

from . import queries
from .models import Added, ListQuery, Student, StudentIn, StudentList, StudentsIn
from .progress import NDJSON
from .queries import Place, StudentChanged, Versioned
from .service import told_at_once
from .views import download_of, printable

blueprint = csrf.exempt(Blueprint("students", __name__, url_prefix="/api/v1/students"))


@blueprint.get("")
@operation(
    "A page of students, or all of them.",
    StudentList,
    query=ListQuery,
    kinds={NDJSON: {"type": "string", "description": "A student as JSON in each line."}},
)
async def list_students(query_args: ListQuery) -> StudentList | Response:
    """List the students that are looked for."""
    asked = query_args
    check_accept([NDJSON if asked.format == "ndjson" else JSON])
    if asked.format == "ndjson":
        return _stream(asked)
    limit = asked.limit or PAGE_SIZE
    found = await _found(asked, _start(asked), limit + 1)
    more = asked.model_dump(by_alias=True, exclude_defaults=True)
    if len(found) > limit:
        more.update(_end(asked, found[limit - 1])._asdict())
        more["after"] = more.pop("id")
    url = url_of_page("api.students.list_students", **more) if len(found) > limit else None
    return StudentList.model_validate({"items": found[:limit], "next": url})


def _stream(asked: ListQuery) -> Response:
    @stream_with_context
    async def lines() -> AsyncIterator[str]:
        place, left = _start(asked), asked.limit
        while left is None or left > 0:
            size = min(queries.ROWS_AT_ONCE, left or queries.ROWS_AT_ONCE)
            found = await _found(asked, place, size)
            # Nothing is held while the client takes its time.
            await orm.session.close()
            yield "".join(f"{Student.model_validate(each).model_dump_json()}\n" for each in found)
            if len(found) < size:
                return
            place = _end(asked, found[-1])
            left = None if left is None else left - size

    return download_of(lines, NDJSON)


async def _found(asked: ListQuery, place: Place | None, limit: int) -> list[Record]:
    found = await queries.search_students_after(
        orm,
        words=printable(asked.q).strip(),
        column=asked.in_,
        order=asked.order,
        is_descending=asked.sort != asked.order,
        place=place,
        limit=limit,
    )
    return list(found)


def _start(asked: ListQuery) -> Place | None:
    return None if asked.after is None else Place(asked.after, asked.value)


def _end(asked: ListQuery, student: Record) -> Place:
    value = "" if asked.order == "id" else getattr(student, asked.order)
    return Place(student.id, value)


@blueprint.get("/<int:student_id>")
@operation("The student.", Student, headers=Tagged)
async def get_student(student_id: int) -> Response | Answer[Student]:
    """Get a student."""
    student = await queries.find_student(db, student_id=min(student_id, LARGEST_ID))
    etag = etag_of(student.version)
    return not_modified(etag) or (Student.model_validate(student), 200, {"etag": etag})


@blueprint.post("")
@writer
@operation(
    "The new student.", Student, status=201, headers=Created, body=StudentIn, is_idempotent=True
)
async def add_student(caller: Caller, data: StudentIn) -> Answer[Student]:
    """Add a student."""

    async def work(tx: Executor) -> Answer[Student]:
        student_id = await queries.add_student(tx, **values_of(data))
        student = Student(id=student_id, **values_of(data))
        location = url_for("api.students.get_student", student_id=student_id)
        return student, 201, {"etag": etag_of(1), "location": location}

    return await once(db, caller.id, Student, work)


@blueprint.post("/bulk")
@writer
@operation(
    "They are there, all of them.",
    Added,
    status=201,
    headers=Located,
    body=StudentsIn,
    is_idempotent=True,
)
async def add_students(caller: Caller, data: StudentsIn) -> Answer[Added]:
    """Add many students, all or none."""
    students = [values_of(student) for student in data.items]

    async def work(tx: Executor) -> Answer[Added]:
        async with told_at_once(tx):
            await queries.add_students(tx, students=students)
        location = url_for("api.students.list_students")
        return Added(added=len(students)), 201, {"location": location}

    return await once(db, caller.id, Added, work)


@blueprint.put("/<int:student_id>")
@writer
@operation("The student as it is now.", Student, headers=Tagged, body=StudentIn, needs_match=True)
async def change_student(_: Caller, student_id: int, data: StudentIn) -> Answer[Student]:
    """Change a student."""
    seen = await _seen(student_id)
    try:
        student = await queries.replace_student(
            db, student_id=seen.id, version=seen.version, values=values_of(data)
        )
    except StudentChanged:
        raise changed() from None
    return Student.model_validate(student), 200, {"etag": etag_of(student.version)}


@blueprint.delete("/<int:student_id>")
@writer
@operation("It is gone.", status=204, needs_match=True)
async def remove_student(_: Caller, student_id: int) -> ResponseReturnValue:
    """Remove a student."""
    seen = await _seen(student_id)
    try:
        await queries.remove_version(db, student_id=seen.id, version=seen.version)
    except StudentChanged:
        raise changed() from None
    return Response(b"", 204)


async def _seen(student_id: int) -> Versioned:
    """Return a student, of the version that the client has seen."""
    student = await queries.find_student(db, student_id=min(student_id, LARGEST_ID))
    require_match(etag_of(student.version))
    return student


def values_of(student: StudentIn) -> Mapping[str, str]:
    """Return what is set of a student, by column."""
    return {column: getattr(student, column) for column in queries.COLUMNS}
