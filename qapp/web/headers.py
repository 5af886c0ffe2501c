"""The headers that every answer carries, whoever makes it: set behind Quart, as bytes.

Quart's headers look through all that there are for each that is set; for these that costs more than
finding an entry.
"""

from __future__ import annotations

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
    "Cross-Origin-Resource-Policy": "same-origin",
}
# What says something of documents only: JSON opens no window and asks for no camera.
DOCUMENT_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ONE_YEAR_S = 31_536_000

Pairs = list[tuple[bytes, bytes]]
DATA_DEFAULTS, DEFAULTS = (
    [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    for headers in (HEADERS, HEADERS | DOCUMENT_HEADERS)
)
CONTENT_TYPE = b"content-type"
SECURE = (
    b"strict-transport-security",
    f"max-age={ONE_YEAR_S}; includeSubDomains".encode(),
)
PRIVATE = (b"cache-control", b"private, no-cache")
COOKIE = b"cookie"


def complete(headers: Pairs, *, is_secure: bool) -> None:
    """Add what an answer's headers lack; an answer for a session is for its visitor alone."""
    present = {name.lower(): value for name, value in headers}
    is_data = b"json" in present.get(CONTENT_TYPE, b"")
    defaults = DATA_DEFAULTS if is_data else DEFAULTS
    headers.extend(header for header in defaults if header[0] not in present)
    if is_secure:
        headers.append(SECURE)
    if PRIVATE[0] not in present:
        headers.append(PRIVATE)
        # Quart adds it where the session is used, but not with the session of Flask 3.1.3.
        varied = [value.lower() for name, value in headers if name.lower() == b"vary"]
        if COOKIE not in map(bytes.strip, b",".join(varied).split(b",")):
            headers.append((b"vary", b"Cookie"))
