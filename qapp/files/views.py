"""The pages of the files."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from quart import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import PreconditionFailed

from qapp.accounts import User, current_user, login_required
from qapp.extensions import csrf, db, storage
from qapp.web.bodies import large_body
from qapp.web.errors import Forbidden, NotFound
from qapp.web.forms import read_form
from qapp.web.limits import count_try
from qapp.web.paging import LARGEST_ID, before_asked, page_size
from qapp.web.templating import now_ms

from . import queries, service
from .forms import UploadForm

blueprint = Blueprint("files", __name__)

# A download may take as long as a line of so many bytes a second needs for it, and a minute.
SLOWEST_BYTES_S = 50_000
# Whoever opens a file in the browser all the same is to get nothing that runs.
SANDBOX = "default-src 'none'; sandbox"


@blueprint.get("/upload")
async def upload() -> ResponseReturnValue:
    """Show the form for a file."""
    return await upload_page(await UploadForm.create_form(None))


@blueprint.post("/upload", endpoint="upload_file")
@blueprint.post("/uploader")
@csrf.exempt  # its token is in the body, which the rate limit comes before
@large_body
async def uploader() -> ResponseReturnValue:
    """Keep a file."""
    await count_try("upload")
    await csrf.protect()
    form = await read_form(UploadForm)
    if not await form.validate_on_submit():
        return await upload_page(form), 422
    user = current_user()
    try:
        file_id = await service.keep_file(
            form.file.data,
            form.content,
            owner_id=user.id if user else None,
            quota_bytes=current_app.config["UPLOAD_QUOTA"],
            now_ms=now_ms(),
            commit=lambda add: add(db),
        )
    except queries.QuotaExceeded:
        form.file.errors = [*form.file.errors, no_room(is_visitor=user is None)]
        return await upload_page(form), 422
    file = await queries.find_file(db, file_id=file_id, since_ms=since())
    return await render_template("files/uploaded.html", file=file)


@blueprint.get("/files")
async def index() -> ResponseReturnValue:
    """Show the files, newest first."""
    before = before_asked()
    page = await queries.list_files(db, before=before, since_ms=since(), limit=page_size())
    user = current_user()
    return await render_template(
        "files/index.html",
        files=page.items,
        user_id=user.id if user else None,
        older_url=url_for("files.index", before=page.before) if page.before else None,
        newest_url=url_for("files.index") if before < LARGEST_ID else None,
    )


@blueprint.get("/files/<int:file_id>")
async def download(file_id: int) -> Response:
    """Send a file, whole or the part that is asked for."""
    file = await queries.find_file(db, file_id=min(file_id, LARGEST_ID), since_ms=since())
    try:
        body = await storage.open(file.key)
    except FileNotFoundError:
        raise NotFound from None
    response = Response(body, mimetype=file.media_type)  # a text is UTF-8: it was checked
    response.content_length = body.size
    response.set_etag(file.key)
    response.last_modified = datetime.fromtimestamp(file.created_at // 1000, UTC)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = attachment(file.name)
    response.headers["Content-Security-Policy"] = SANDBOX
    response.timeout = 60 + body.size // SLOWEST_BYTES_S
    # Of several ranges, or one in no bytes, the whole file is a right answer (RFC 9110, 14.2).
    asked = request.range
    is_one = asked is not None and asked.units == "bytes" and len(asked.ranges) == 1
    await response.make_conditional(
        request, accept_ranges=True, complete_length=body.size if is_one else None
    )
    if response.status_code == 412:
        raise PreconditionFailed  # Quart leaves the file in it
    if request.method == "HEAD" and response.status_code in (200, 206):
        length = response.content_length
        response.set_data(b"")  # Quart would read the file for it
        response.content_length = length
    return response


@blueprint.get("/files/<int:file_id>/thumbnail")
async def thumbnail(file_id: int) -> Response:
    """Send a picture's thumbnail, which never changes."""
    data = await queries.find_thumbnail(db, file_id=min(file_id, LARGEST_ID), since_ms=since())
    response = Response(data, content_type="image/webp")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@blueprint.post("/files/<int:file_id>/delete")
@login_required
async def delete(user: User, file_id: int) -> ResponseReturnValue:
    """Delete a file of one's own."""
    file = await queries.find_file(db, file_id=min(file_id, LARGEST_ID), since_ms=since())
    if file.owner_id != user.id:
        raise Forbidden
    await service.remove_files([file])
    await flash(f"{file.name} was deleted", "success")
    return redirect(url_for("files.index"))


def since() -> int:
    """Return from when on visitors' files are there, at this moment."""
    return service.since_ms(now_ms())


async def upload_page(form: UploadForm) -> str:
    """Render the form, with how much room is left."""
    user = current_user()
    return await render_template(
        "files/upload.html",
        form=form,
        used_bytes=await queries.count_used_bytes(
            db, owner_id=user.id if user else None, since_ms=since()
        ),
        quota_bytes=current_app.config["UPLOAD_QUOTA"],
        largest_bytes=current_app.config["UPLOAD_MAX_LENGTH"],
    )


def no_room(*, is_visitor: bool) -> str:
    """Say what who has used up the quota can do."""
    if not is_visitor:
        return "You have no room left for this file. Delete one of yours first."
    return "Visitors have used up their room for today. Log in to have room of your own."


def attachment(name: str) -> str:
    """Return a Content-Disposition that saves under a name (RFC 6266)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
