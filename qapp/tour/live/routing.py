"""Routing: a decorator binds an address, or `add_url_rule`."""

from quart import Blueprint

from .application import hello

blueprint = Blueprint("routing", __name__)

blueprint.add_url_rule("/hi", "hi", hello)
