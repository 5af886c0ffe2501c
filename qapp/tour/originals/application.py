"""The smallest application: a view that returns its page."""

from flask import Blueprint, Flask

blueprint = Blueprint("application", __name__)


@blueprint.get("/hello")
def hello() -> str:
    return "Hello World"


def create_app() -> Flask:
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    return app
