"""The pages of the files."""

from __future__ import annotations

from io import BytesIO

from werkzeug.exceptions import Forbidden, NotFound
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue

from qapp.tour.originals.flaskr.auth import (
    User,
    current_user,
    login_required,
)
from qapp.tour.originals.flaskr.blog import before_asked
from qapp.tour.originals.flaskr.db import get_db
from qapp.tour.originals.paging import page_size
from qapp.web.paging import LARGEST_ID
from qapp.web.templating import now_ms

from . import queries, service
from .forms import UploadForm

blueprint = Blueprint(
    "files", __name__, template_folder="../../../templates"
)

# Whoever opens a file in the browser all the same is to get nothing
# that runs.
SANDBOX = "default-src 'none'; sandbox"


@blueprint.get("/upload")
def upload() -> ResponseReturnValue:
    """Show the form for a file."""
    return upload_page(UploadForm(None))


@blueprint.post("/upload", endpoint="upload_file")
@blueprint.post("/uploader")
def uploader() -> ResponseReturnValue:
    """Keep a file."""
    form = UploadForm()
    if not form.validate_on_submit():
        return upload_page(form), 422
    try:
        file_id = service.keep_file(
            form.file.data,
            form.content,
            owner=current_user(),
            quota_bytes=current_app.config["UPLOAD_QUOTA"],
            now_ms=now_ms(),
        )
    except queries.QuotaExceeded:
        form.file.errors = [*form.file.errors, no_room()]
        return upload_page(form), 422
    file = queries.find_file(get_db(), file_id=file_id)
    return render_template("files/uploaded.html", file=file)


@blueprint.get("/files")
def index() -> ResponseReturnValue:
    """Show the files, newest first."""
    before, size = before_asked(), page_size()
    files = queries.list_files(get_db(), before=before, limit=size + 1)
    older = files[size - 1]["id"] if len(files) > size else None
    user = current_user()
    return render_template(
        "files/index.html",
        files=files[:size],
        user_id=user["id"] if user else None,
        older_url=url_for("files.index", before=older)
        if older
        else None,
        newest_url=url_for("files.index")
        if before < LARGEST_ID
        else None,
    )


@blueprint.get("/files/<int:file_id>")
def download(file_id: int) -> Response:
    """Send a file, whole or the part that is asked for."""
    file = queries.find_file(get_db(), file_id=file_id)
    try:
        response = send_file(
            service.place_of(file["key"]),
            mimetype=file["media_type"],
            as_attachment=True,
            download_name=file["name"],
            etag=file["key"],
            last_modified=file["created_at"] // 1000,
        )
    except FileNotFoundError:
        raise NotFound from None
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@blueprint.get("/files/<int:file_id>/thumbnail")
def thumbnail(file_id: int) -> Response:
    """Send a picture's thumbnail, which never changes."""
    file = queries.find_file(get_db(), file_id=file_id)
    if file["thumbnail"] is None:
        raise NotFound
    response = send_file(
        BytesIO(file["thumbnail"]), mimetype="image/webp"
    )
    lasting = "public, max-age=31536000, immutable"
    response.headers["Cache-Control"] = lasting
    return response


@blueprint.post("/files/<int:file_id>/delete")
@login_required
def delete(user: User, file_id: int) -> ResponseReturnValue:
    """Delete a file of one's own."""
    file = queries.find_file(get_db(), file_id=file_id)
    if file["owner_id"] != user["id"]:
        raise Forbidden
    service.remove_file(file)
    flash(f"{file['name']} was deleted", "success")
    return redirect(url_for("files.index"))


def upload_page(form: UploadForm) -> str:
    """Render the form, with how much room is left."""
    user = current_user()
    return render_template(
        "files/upload.html",
        form=form,
        used_bytes=queries.count_used_bytes(
            get_db(), owner_id=user["id"] if user else None
        ),
        quota_bytes=current_app.config["UPLOAD_QUOTA"],
        largest_bytes=current_app.config["MAX_CONTENT_LENGTH"],
    )


def no_room() -> str:
    """Say what who has used up the quota can do."""
    if current_user():
        return (
            "You have no room left for this file. "
            "Delete one of yours first."
        )
    return (
        "Visitors have used up their room for today. "
        "Log in to have room of your own."
    )
