"""Templates: the view hands over values, the template decides."""

from flask import Blueprint, Flask, render_template

blueprint = Blueprint("templates", __name__)


@blueprint.get("/hello/<int:score>")
def marks(score: int) -> str:
    return render_template("tour/live/marks.html", marks=score)


@blueprint.get("/result")
def result() -> str:
    subjects = {"phy": 50, "che": 60, "maths": 70}
    return render_template(
        "tour/live/marks_table.html", result=subjects
    )


def create_app() -> Flask:
    app = Flask(
        __name__,
        template_folder="../templates",
        static_folder="../../static",
    )
    app.register_blueprint(blueprint)
    return app
