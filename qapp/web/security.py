"""What holds for every request: the hosts it may name, where it may lead."""

from __future__ import annotations

from functools import lru_cache

from quart import Quart, current_app, request
from werkzeug.exceptions import BadRequest
from werkzeug.urls import iri_to_uri

from qapp.ext.proxies import behind

from .requests import HOST

# What load balancers and Prometheus ask for, under an address that they know and nobody else does.
ASKED_BY_ADDRESS = frozenset({"status.healthz", "status.readyz", "status.metrics"})


def init_app(app: Quart) -> None:
    """Check the host of every request."""
    app.before_request(check_host)


async def check_host() -> None:
    """Refuse a request for a host that is not ours: addresses in pages and mails are made of it.

    :raises BadRequest: naming the setting, since the operator is who meets this first.
    """
    asked = behind(request)
    if is_own(asked.headers.get("Host", ""), behind(current_app).config["TRUSTED_HOSTS"]):
        return
    if asked.endpoint not in ASKED_BY_ADDRESS:
        raise BadRequest(
            "This site does not answer under this host name. "
            "Who runs it lists its names in QAPP_TRUSTED_HOSTS."
        )


@lru_cache(maxsize=1000)
def is_own(host: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether a Host header, with or without a port, names one of `hosts`."""
    match = HOST.fullmatch(host.lower())
    return match is not None and is_trusted(match["name"], hosts)


def is_trusted(name: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether a host name is one of `hosts`; `.example.org` stands for all below it too."""
    for host in hosts:
        if name == host.lower().removeprefix("."):
            return True
        if host.startswith(".") and name.endswith(host.lower()):
            return True
    return False


def safe_next(target: str | None) -> str | None:
    """Return a path of this site, or None for anything that a browser might take elsewhere.

    A browser drops tabs and newlines, reads a backslash as a slash and `//host` as another site
    (https://url.spec.whatwg.org, "basic URL parser").
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(ord(character) <= 32 or ord(character) == 127 for character in target):
        return None
    return iri_to_uri(target)  # a header holds ASCII only
