"""Variable rules: parts of an address become a view's arguments."""

from markupsafe import escape
from flask import Blueprint, Flask, render_template

blueprint = Blueprint("variable_rules", __name__)


@blueprint.get("/hello/")
@blueprint.get("/hello/<name>")
def hello(name: str | None = None) -> str:
    return render_template("tour/live/hello.html", name=name)


@blueprint.get("/blog/<int:postID>")
def blog(postID: int) -> str:
    return f"Blog Number {postID}"


@blueprint.get("/rev/<float:revNo>")
def revision(revNo: float) -> str:
    return f"Revision Number {revNo:f}"


@blueprint.get("/path/<path:subpath>")
def path(subpath: str) -> str:
    return f"Subpath {escape(subpath)}"


@blueprint.get("/flask")
def hello_flask() -> str:
    return "Hello Flask"


@blueprint.get("/python/")
def hello_python() -> str:
    return "Hello Python"


@blueprint.get("/home/<name>/")
def home(name: str) -> str:
    return f"Hello to Home {escape(name)}!"


def create_app() -> Flask:
    app = Flask(
        __name__,
        template_folder="../templates",
        static_folder="../../static",
    )
    app.register_blueprint(blueprint)
    return app
