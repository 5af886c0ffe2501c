"""Form tokens that no page gives out: expired ones, and those of other sessions and keys."""

from __future__ import annotations

import time

from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from .normal import KEY, SALT

NONCE = "a random value of the tests"
HOUR_S = 3600


class _Past(TimestampSigner):
    def get_timestamp(self) -> int:
        return int(time.time()) - HOUR_S - 60


def session_cookie(nonce: str = NONCE) -> str:
    """Return the header of a browser whose session holds a token's random value."""
    interface = SecureCookieSessionInterface
    serializer = URLSafeTimedSerializer(
        KEY,
        salt=SALT,
        serializer=interface.serializer,
        signer_kwargs={
            "key_derivation": interface.key_derivation,
            "digest_method": interface.digest_method,
        },
    )
    return f"session={serializer.dumps({'csrf_token': nonce})}"


def token(nonce: str = NONCE, *, key: str = KEY, is_old: bool = False) -> str:
    """Return a token, by default a good one; an old one is past its hour."""
    signer = _Past if is_old else TimestampSigner
    serializer = URLSafeTimedSerializer(key, salt="wtf-csrf-token", signer=signer)
    made: str | bytes = serializer.dumps(nonce)
    return made.decode() if isinstance(made, bytes) else made
