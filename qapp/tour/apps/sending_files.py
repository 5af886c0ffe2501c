"""Files: sent whole, in part, or only if they have changed."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from quart import (
    Blueprint,
    Quart,
    Response,
    request,
    send_file,
    send_from_directory,
)
from quart.typing import ResponseReturnValue
from quart.wrappers.response import FileBody, IOBody

blueprint = Blueprint("sending_files", __name__)

FOLDER = Path(__file__).parents[1] / "templates/tour/apps"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


class FileFromEnd(FileBody):
    """A file whose last bytes can be asked for."""

    async def make_conditional(
        self, begin: int, end: int | None
    ) -> int:
        begin = from_start(begin, self.size)
        return await super().make_conditional(begin, end)


class BytesFromEnd(IOBody):
    """Bytes whose last ones can be asked for."""

    async def make_conditional(
        self, begin: int, end: int | None
    ) -> int:
        begin = from_start(begin, self.size)
        return await super().make_conditional(begin, end)


class Answer(Response):
    """A response that knows `bytes=-3`, where Quart 0.22 fails."""

    file_body_class = FileFromEnd
    io_body_class = BytesFromEnd


def from_start(begin: int, size: int) -> int:
    """Return where a range begins, however it is counted."""
    return begin + size if -size <= begin < 0 else begin


@blueprint.get("/file")
async def file() -> Response:
    return await send_file(FOLDER / "hello.txt", conditional=True)


@blueprint.get("/attachment")
async def attachment() -> Response:
    return await send_file(
        BytesIO(b"0123456789"),
        "text/plain",
        last_modified=NEW_YEAR,
        conditional=True,
    )


@blueprint.get("/files/<path:name>")
async def files(name: str) -> Response:
    return await send_from_directory(
        FOLDER, name, as_attachment="save" in request.args
    )


@blueprint.get("/etag")
async def etag() -> ResponseReturnValue:
    response = Response("Tea")
    response.set_etag(request.args.get("tag", "tea"))
    response.last_modified = NEW_YEAR
    return await response.make_conditional(request)


def create_app() -> Quart:
    app = Quart(__name__)
    app.response_class = Answer
    app.register_blueprint(blueprint)
    return app
