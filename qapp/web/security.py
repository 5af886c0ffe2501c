"""What holds for every response and request: its headers, the hosts it may name, where it leads."""

from __future__ import annotations

from quart import Quart, Response, current_app, request
from werkzeug.exceptions import BadRequest
from werkzeug.urls import iri_to_uri

from .site import HOST

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ONE_YEAR_S = 31_536_000
# What load balancers ask for, under an address that they know and nobody else does.
ASKED_BY_ADDRESS = frozenset({"status.healthz", "status.readyz"})


def init_app(app: Quart) -> None:
    """Check the host of every request, set the headers of every response."""
    app.before_request(check_host)
    app.after_request(set_headers)


async def check_host() -> None:
    """Refuse a request for a host that is not ours: addresses in pages and mails are made of it.

    :raises BadRequest: naming the setting, since the operator is who meets this first.
    """
    if request.endpoint in ASKED_BY_ADDRESS:
        return
    host = HOST.fullmatch(request.headers.get("Host", "").lower())
    if host is None or not is_trusted(host["name"], current_app.config["TRUSTED_HOSTS"]):
        raise BadRequest(
            "This site does not answer under this host name. "
            "Who runs it lists its names in QAPP_TRUSTED_HOSTS."
        )


def is_trusted(name: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether a host name is one of `hosts`; `.example.org` stands for all below it too."""
    for host in hosts:
        if name == host.lower().removeprefix("."):
            return True
        if host.startswith(".") and name.endswith(host.lower()):
            return True
    return False


async def set_headers(response: Response) -> Response:
    """Set what every response carries; a page made for a session is for its visitor alone."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR_S}; includeSubDomains"
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache"
        # Quart adds it where the session is used, but not with the session of Flask 3.1.3.
        response.vary.add("Cookie")
    return response


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
