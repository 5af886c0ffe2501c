"""Files: sent whole, in part, or only if they have changed."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from flask import (
    Blueprint,
    Flask,
    Response,
    request,
    send_file,
    send_from_directory,
)
from flask.typing import ResponseReturnValue

blueprint = Blueprint("sending_files", __name__)

FOLDER = Path(__file__).parents[1] / "templates/tour/apps"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@blueprint.get("/file")
def file() -> Response:
    return send_file(FOLDER / "hello.txt", conditional=True)


@blueprint.get("/attachment")
def attachment() -> Response:
    return send_file(
        BytesIO(b"0123456789"),
        "text/plain",
        last_modified=NEW_YEAR,
        conditional=True,
    )


@blueprint.get("/files/<path:name>")
def files(name: str) -> Response:
    return send_from_directory(
        FOLDER, name, as_attachment="save" in request.args
    )


@blueprint.get("/etag")
def etag() -> ResponseReturnValue:
    response = Response("Tea")
    response.set_etag(request.args.get("tag", "tea"))
    response.last_modified = NEW_YEAR
    return response.make_conditional(request)


def create_app() -> Flask:
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    return app
