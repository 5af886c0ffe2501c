"""Versions of what is there: nobody is sent what he has, nobody overwrites what he has not seen.

The tags are strong ones (RFC 9110, 8.8.3): for each resource, another after each change.
"""

from __future__ import annotations

from quart import Response, request
from werkzeug.exceptions import PreconditionFailed, PreconditionRequired
from werkzeug.http import quote_etag, unquote_etag


def etag_of(version: object) -> str:
    """Return a version's tag, as a header has it."""
    return quote_etag(str(version))


def not_modified(etag: str) -> Response | None:
    """Return the answer 304 if the client says that it has this version, else None."""
    if "If-None-Match" not in request.headers:
        return None
    asked = request.if_none_match
    if asked.star_tag or asked.contains_weak(unquote_etag(etag)[0]):  # what a proxy makes of it
        response = Response(b"", 304)
        response.headers["ETag"] = etag
        return response
    return None


def require_match(etag: str) -> None:
    """Go on only if the client has seen this version, which is the one there is.

    :raises PreconditionRequired: if it does not say which it has seen; `*` does not.
    :raises PreconditionFailed: if it has seen another.
    """
    asked = request.if_match
    if not asked or asked.star_tag:
        raise PreconditionRequired(
            "Send the ETag of what you have seen as If-Match, so that you overwrite nothing else."
        )
    # Werkzeug takes tags without their quotation marks as well.
    if not asked.contains_raw(etag) or etag not in request.headers["If-Match"]:
        raise changed()


def changed() -> PreconditionFailed:
    """Return the error of who has seen an older version."""
    return PreconditionFailed("It was changed since you have seen it. Get it again, then decide.")
