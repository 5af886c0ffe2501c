"""Let pages of other sites use the API, those that the settings name.

Without credentials: a browser sends such a page's own token, never the visitor's session. Errors
have the headers too, or a page could not tell them from a broken connection.
"""

from __future__ import annotations

from quart import Quart, Response, current_app, request

from qapp.web.errors import is_api

METHODS = "GET, POST, PUT, DELETE"
SENT = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key"
SEEN = (
    "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, "
    "Idempotent-Replayed, WWW-Authenticate"
)
KEPT_S = "600"


def init_app(app: Quart) -> None:
    """Set the headers of the API's answers, where any origin may use it."""
    if app.config["API_CORS_ORIGINS"]:
        app.after_request(set_cors)


async def set_cors(response: Response) -> Response:
    """Tell a browser whether the page that asks may have the answer."""
    if not is_api():
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if origin not in current_app.config["API_CORS_ORIGINS"]:
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = SEEN
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = SENT
        response.headers["Access-Control-Max-Age"] = KEPT_S
    return response
