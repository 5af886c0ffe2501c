"""URL building: name the view and its arguments, get the address."""

from markupsafe import escape
from flask import Blueprint, Flask, redirect, url_for
from flask.typing import ResponseReturnValue

blueprint = Blueprint("url_building", __name__)

STORES = frozenset({"aarhus", "københavn", "odense", "ærøskøbing"})


@blueprint.get("/admin")
def hello_admin() -> str:
    return "Hello Admin"


@blueprint.get("/guest/<guest>")
def hello_guest(guest: str) -> str:
    return f"Hello {escape(guest)} as Guest"


@blueprint.get("/user/<name>")
def hello_user(name: str) -> ResponseReturnValue:
    if name == "admin":
        return redirect(url_for(".hello_admin"))
    return redirect(url_for(".hello_guest", guest=name))


@blueprint.get("/store/<city>")
def store(city: str) -> str:
    is_ours = city.casefold() in STORES
    verdict = "Yes! We are" if is_ours else "No. We are not"
    return f"{verdict} located in {escape(city)}"


def create_app() -> Flask:
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    return app
