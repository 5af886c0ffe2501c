"""Routing: a decorator binds an address, or `add_url_rule`."""

from flask import Blueprint, Flask

from .application import hello

blueprint = Blueprint("routing", __name__)

blueprint.add_url_rule("/hi", "hi", hello)


def create_app() -> Flask:
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    return app
