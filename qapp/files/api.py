"""The files, for programs."""

from __future__ import annotations

import hashlib
from typing import IO, Annotated, Any

from pydantic import ConfigDict, Field, WithJsonSchema
from quart import Blueprint, Response, current_app, g, request, url_for
from quart.typing import ResponseReturnValue
from quart_schema import DataSource
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import Forbidden

from qapp.accounts import Caller, writer
from qapp.ext.database import Executor
from qapp.extensions import csrf, db, inspection
from qapp.web.api import (
    Answer,
    Before,
    Created,
    Limit,
    Model,
    NextPage,
    Tagged,
    Time,
    etag_of,
    fault,
    not_modified,
    once,
    operation,
    require_match,
    time_of,
)
from qapp.web.api.idempotency import HEADER
from qapp.web.bodies import large_body
from qapp.web.limits import count_try
from qapp.web.paging import LARGEST_ID, PAGE_SIZE, url_of_page
from qapp.web.templating import now_ms

from . import queries, service
from .content import EXTENSIONS, Unacceptable, extension_of, inspect
from .views import download, no_room, since

blueprint = csrf.exempt(Blueprint("files", __name__, url_prefix="/api/v1/files"))


class File(Model):
    """A file that was uploaded."""

    id: int = Field(examples=[17])
    name: str = Field(examples=["tea.png"])
    media_type: str = Field(examples=["image/png"])
    size_bytes: int = Field(examples=[20_480])
    owner: str | None = Field(description="A username; null: a visitor's.", examples=["alice"])
    created_at: Time
    content: str = Field(description="Where its content is.", examples=["/api/v1/files/17/content"])


class FileList(Model):
    """A page of files, newest first."""

    items: list[File]
    next: NextPage


class FileIn(Model):
    """A file to keep."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: Annotated[
        FileStorage,
        WithJsonSchema(
            {
                "type": "string",
                "format": "binary",
                "description": f"With a name that ends in one of: {', '.join(EXTENSIONS)}.",
            }
        ),
    ]


class ListQuery(Model):
    """Which files."""

    before: Before = LARGEST_ID
    limit: Limit = PAGE_SIZE


class Repeated(Exception):
    """The upload was done before; this is the answer that it got."""

    def __init__(self, answer: Answer[File]) -> None:
        self.answer = answer


def file_of(file: queries.Listed) -> File:
    """Make what programs get of a file."""
    return File(
        id=file.id,
        name=file.name,
        media_type=file.media_type,
        size_bytes=file.size_bytes,
        owner=file.owner,
        created_at=time_of(file.created_at),
        content=url_for("api.files.get_file_content", file_id=file.id),
    )


@blueprint.get("")
@operation("A page of files.", FileList, query=ListQuery)
async def list_files(query_args: ListQuery) -> FileList:
    """List the files, newest first."""
    asked = query_args
    page = await queries.list_files(db, before=asked.before, since_ms=since(), limit=asked.limit)
    more: dict[str, Any] = {"before": page.before, "limit": asked.limit}
    return FileList(
        items=[file_of(file) for file in page.items],
        next=url_of_page("api.files.list_files", **more) if page.before else None,
    )


@blueprint.get("/<int:file_id>")
@operation("What is known of the file.", File, headers=Tagged)
async def get_file(file_id: int) -> Response | Answer[File]:
    """Get what is known of a file."""
    file = await _find(file_id)
    etag = etag_of(file.id)
    return not_modified(etag) or (file_of(file), 200, {"etag": etag})


@blueprint.get("/<int:file_id>/content")
@operation("The file, or the part that `Range` asks for.", kinds={"*/*": {}}, errors=[412, 416])
async def get_file_content(file_id: int) -> Response:
    """Get a file's content, whole or in part."""
    return await download(file_id)


@blueprint.post("")
@large_body
@writer
@operation(
    "What is known of the new file.",
    File,
    status=201,
    headers=Created,
    body=FileIn,
    source=DataSource.FORM_MULTIPART,
    errors=[507],
    is_idempotent=True,
)
async def add_file(caller: Caller, data: FileIn) -> Answer[File]:
    """Upload a file, which is looked into: it has to be what its name says."""
    await count_try("upload")
    file, name = data.file, data.file.filename or ""
    if extension_of(name) not in EXTENSIONS:
        raise fault("/file", f"We take files of these types: {', '.join(EXTENSIONS)}.")
    try:
        content = await inspection.run(inspect, file.stream, name)
    except Unacceptable as error:
        raise fault("/file", str(error)) from error
    sent = await inspection.run(_digest, file.stream, name) if HEADER in request.headers else b""

    async def commit(add: service.Add) -> Answer[File]:
        async def work(tx: Executor) -> Answer[File]:
            file_id = await add(tx)
            found = await queries.find_listed(tx, file_id=file_id, since_ms=since())
            location = url_for("api.files.get_file", file_id=file_id)
            return file_of(found), 201, {"etag": etag_of(file_id), "location": location}

        answer = await once(db, caller.id, File, work, content=sent)
        if g.get("is_replayed"):  # what came with it is one file too many
            raise Repeated(answer)
        return answer

    try:
        return await service.keep_file(
            file,
            content,
            owner_id=caller.id,
            quota_bytes=current_app.config["UPLOAD_QUOTA"],
            now_ms=now_ms(),
            commit=commit,
        )
    except queries.QuotaExceeded:
        raise fault("/file", no_room(is_visitor=False)) from None
    except Repeated as repeated:
        return repeated.answer


@blueprint.delete("/<int:file_id>")
@writer
@operation("It is gone.", status=204, needs_match=True)
async def remove_file(caller: Caller, file_id: int) -> ResponseReturnValue:
    """Remove a file of your own."""
    file = await queries.find_file(db, file_id=min(file_id, LARGEST_ID), since_ms=since())
    if file.owner_id != caller.id:
        raise Forbidden("The file is another's.")
    require_match(etag_of(file.id))
    await service.remove_files([file])
    return Response(b"", 204)


async def _find(file_id: int) -> queries.Listed:
    return await queries.find_listed(db, file_id=min(file_id, LARGEST_ID), since_ms=since())


def _digest(file: IO[bytes], name: str) -> bytes:
    """Return what tells an upload from others. Blocks: for a thread."""
    file.seek(0)
    digest = hashlib.sha256(name.encode())
    while data := file.read(1024 * 1024):
        digest.update(data)
    return digest.digest()
