"""Static files: what is in `static/` is served as it is."""

from flask import Blueprint, Flask, render_template

blueprint = Blueprint("static_files", __name__)


@blueprint.get("/static-demo")
def static_demo() -> str:
    return render_template("tour/live/static_demo.html")


def create_app() -> Flask:
    app = Flask(
        __name__,
        template_folder="../templates",
        static_folder="../../static",
    )
    app.register_blueprint(blueprint)
    return app
