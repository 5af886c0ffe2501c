"""How tokens against forgery are signed: Flask-WTF's settings, keys and format."""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from itsdangerous import SignatureExpired, URLSafeTimedSerializer, want_bytes
from quart import current_app

from qapp.ext.proxies import behind

# How long a session's token is handed out again, in seconds; so much less it may be good for.
SIGNED_ANEW_S = 30

EXTENSION = "csrf"
# Never changed in place: every app of the process falls back to these very values.
DEFAULTS: dict[str, Any] = {
    "WTF_CSRF_ENABLED": True,
    "WTF_CSRF_CHECK_DEFAULT": True,
    "WTF_CSRF_METHODS": frozenset({"POST", "PUT", "PATCH", "DELETE"}),
    "WTF_CSRF_FIELD_NAME": "csrf_token",
    "WTF_CSRF_HEADERS": ("X-CSRFToken", "X-CSRF-Token"),
    "WTF_CSRF_META_NAME": "csrf-token",
    "WTF_CSRF_TIME_LIMIT": 3600,  # seconds; None is as long as the session lives
    "WTF_CSRF_SSL_STRICT": True,
    "WTF_CSRF_SECRET_KEY": None,  # None is the app's SECRET_KEY
}


def csrf_config() -> Mapping[str, Any]:
    """Return the current app's settings, `WTF_CSRF_*` by default as `init_app` would set them.

    Forms need them in an app without CSRFProtect too.
    """
    app = behind(current_app)
    return app.config if EXTENSION in app.extensions else ChainMap(app.config, DEFAULTS)


def sign_nonce(nonce: str, secret_key: str | bytes | None = None) -> str:
    """Return the token of a session that has this value; it is another after half a minute.

    :param secret_key: as `generate_csrf` takes it.
    """
    return _signed(signing_keys(secret_key), nonce, int(time.time()) // SIGNED_ANEW_S)


def read_token(token: str, limit_s: int | None, secret_key: str | bytes | None) -> object:
    """Return the value that a token was signed for.

    :param limit_s: how old it may be, in seconds; None is any age.
    :param secret_key: as `generate_csrf` takes it.
    :raises itsdangerous.BadData: if it is not good, `SignatureExpired` if it is too old.
    """
    nonce, signed_at_s = _read(signing_keys(secret_key), token)
    age_s = int(time.time()) - signed_at_s
    if limit_s is not None and not 0 <= age_s <= limit_s:
        raise SignatureExpired(f"Signature age {age_s}, at most {limit_s} seconds")
    return nonce


def signing_keys(secret_key: str | bytes | None) -> tuple[str | bytes, ...]:
    """Return the keys that tokens may be signed with, the last of which signs new ones.

    :param secret_key: as `generate_csrf` takes it.
    :raises RuntimeError: if there is none.
    """
    config = csrf_config()
    key: str | bytes | None = secret_key or config["WTF_CSRF_SECRET_KEY"]
    if key:
        return (key,)
    key = config["SECRET_KEY"]
    if not key:
        raise RuntimeError("A secret key is required to use CSRF.")
    return (*(config.get("SECRET_KEY_FALLBACKS") or ()), key)


@lru_cache(maxsize=10_000)
def _signed(keys: tuple[str | bytes, ...], nonce: str, _: int) -> str:
    # For each span of time once: to sign takes a tenth of what a page that is kept takes in all.
    return str(_serializer_of(*keys).dumps(nonce))


@lru_cache(maxsize=10_000)
def _read(keys: tuple[str | bytes, ...], token: str) -> tuple[object, int]:
    # Who sends form after form sends the same token; one that is not good is not remembered.
    nonce, signed_at = _serializer_of(*keys).loads(token, return_timestamp=True)
    return nonce, int(signed_at.timestamp())


@lru_cache(maxsize=100)
def _serializer_of(*keys: str | bytes) -> URLSafeTimedSerializer:
    # itsdangerous reads with every key and signs with the last.
    return URLSafeTimedSerializer([want_bytes(key) for key in keys], salt="wtf-csrf-token")
