"""Flask's session, as the site has it."""

from __future__ import annotations

import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from itsdangerous import (
    BadData,
    HMACAlgorithm,
    TimestampSigner,
    URLSafeTimedSerializer,
    want_bytes,
)
from itsdangerous import Signer as BaseSigner
from itsdangerous.encoding import base64_encode
from itsdangerous.url_safe import URLSafeSerializerMixin
from quart import Quart, Response, request
from quart.json.provider import DefaultJSONProvider
from quart.json.tag import TaggedJSONSerializer
from quart.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionMixin,
)
from quart.wrappers import BaseRequestWebsocket
from werkzeug.wrappers import Response as WerkzeugResponse

from qapp.ext.proxies import behind

COOKIE = "Cookie"
SESSION = "session"  # what its cookie is called, unless that is set
LARGE_BYTES = 1000
MOST_REMEMBERED = 10_000
LONGEST_REMEMBERED = 1000
# What a copy of a session may share.
FIXED = frozenset({str, int, bool, type(None)})


class PassFixed:
    """Tells the serializer, as its first tag, what is written as it is: it asks eight otherwise."""

    key = ""

    def __init__(self, _: object) -> None:
        pass

    def check(self, value: object) -> bool:
        return type(value) in FIXED

    def tag(self, value: object) -> object:
        return value


class Tagged(TaggedJSONSerializer):
    """Writes as Quart does, with an encoder that is made once instead of for each session."""

    def __init__(self) -> None:
        super().__init__()
        self.register(PassFixed, index=0)  # type: ignore[arg-type]  # a JSONTag, but for the name
        self._encode = json.JSONEncoder(
            separators=(",", ":"), default=DefaultJSONProvider.default
        ).encode

    def dumps(self, value: Any) -> str:
        return self._encode(self.tag(value))


class Algorithm(HMACAlgorithm):
    """Signs with a copy of what was made for the key once: OpenSSL takes its time to make that."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        mac = _keyed(key, self.digest_method).copy()
        mac.update(value)
        return mac.digest()


class Signer(TimestampSigner):
    """Signs as itsdangerous does, which derives its key from the secret anew each time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.algorithm = Algorithm(self.digest_method)

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        secret = self.secret_keys[-1] if secret_key is None else want_bytes(secret_key)
        return _derived(secret, self.salt, self.key_derivation, self.digest_method)


class Serializer(URLSafeTimedSerializer):
    """Reads and writes as itsdangerous does, with less work.

    Only what is large is tried to be compressed: of a usual session nothing is gained, and to find
    that out takes longer than all the rest. What was read is remembered, as who asks for page after
    page sends the same; not where something in it could be changed, or takes much room.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._signer = super().make_signer()
        self._read: OrderedDict[str | bytes, tuple[dict[str, Any], datetime]] = OrderedDict()

    def loads(  # type: ignore[override]  # as itsdangerous overrides its own
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        found = self._read.get(s) if salt is None else None
        if found is None or not _is_young(found[1], max_age):
            payload, signed_at = super().loads(s, max_age, return_timestamp=True, salt=salt)
            if salt is None and len(s) <= LONGEST_REMEMBERED and _is_flat(payload):
                self._read[s] = (payload, signed_at)
                if len(self._read) > MOST_REMEMBERED:
                    self._read.popitem(last=False)
        else:
            payload, signed_at = found
            self._read.move_to_end(s)
        if isinstance(payload, dict):
            payload = payload.copy()
        return (payload, signed_at) if return_timestamp else payload

    def make_signer(self, salt: str | bytes | None = None) -> BaseSigner:
        return self._signer if salt is None else super().make_signer(salt)

    def dump_payload(self, *args: Any, **kwargs: Any) -> bytes:
        text = super(URLSafeSerializerMixin, self).dump_payload(*args, **kwargs)
        if len(text) < LARGE_BYTES:
            return base64_encode(text)
        return super().dump_payload(*args, **kwargs)


def _is_flat(payload: object) -> bool:
    return isinstance(payload, dict) and FIXED.issuperset(map(type, payload.values()))


def _is_young(signed_at: datetime, max_age: int | None) -> bool:
    return max_age is None or 0 <= int(time.time()) - signed_at.timestamp() <= max_age


@lru_cache(maxsize=100)
def _keyed(key: bytes, digest_method: Callable[..., Any]) -> hmac.HMAC:
    return hmac.new(key, digestmod=digest_method)


@lru_cache(maxsize=100)
def _derived(
    secret: bytes, salt: bytes, key_derivation: str, digest_method: Callable[..., Any]
) -> bytes:
    signer = TimestampSigner(
        secret, salt, key_derivation=key_derivation, digest_method=digest_method
    )
    return signer.derive_key()


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie; over https it is Secure and, unless it was named, `__Host-`.

    The prefix makes the browser refuse a cookie of that name from a subdomain or over http.
    """

    serializer = Tagged()

    def __init__(self) -> None:
        self._serializers: dict[tuple[Any, ...], URLSafeTimedSerializer] = {}

    async def open_session(
        self, app: Quart, request: BaseRequestWebsocket
    ) -> SecureCookieSession | None:
        """Open the cookie's session; a new one where something else was signed with the key."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        cookie = request.cookies.get(cookie_name(app, is_secure=request.is_secure))
        if cookie is None:
            return self.session_class()
        longest_s = int(app.permanent_session_lifetime.total_seconds())
        try:
            return self.session_class(serializer.loads(cookie, max_age=longest_s))
        except (BadData, TypeError, ValueError):
            return self.session_class()

    def get_signing_serializer(self, app: Quart) -> URLSafeTimedSerializer | None:
        """Return what reads and signs, which is made once for the keys that there are."""
        key = app.secret_key
        if not key:
            return None
        # The last signs, as itsdangerous has it.
        keys = (*(app.config["SECRET_KEY_FALLBACKS"] or ()), key)
        if keys not in self._serializers:
            options = {"key_derivation": self.key_derivation, "digest_method": self.digest_method}
            self._serializers[keys] = Serializer(
                [*keys],
                salt=self.salt,
                serializer=self.serializer,
                signer=Signer,
                signer_kwargs=options,
            )
        return self._serializers[keys]

    def get_cookie_name(self, app: Quart) -> str:
        return cookie_name(app, is_secure=behind(request).is_secure)

    def get_cookie_secure(self, app: Quart) -> bool:
        return behind(request).is_secure

    async def save_session(
        self, app: Quart, session: SessionMixin, response: Response | WerkzeugResponse | None
    ) -> None:
        """Write the session into its cookie, where there is one or one was looked for."""
        if response is None or (session.modified and not session):
            await super().save_session(app, session, response)  # warns of it, or deletes the cookie
            return
        is_to_be_set = bool(session) and self.should_set_cookie(app, session)
        if session.accessed or is_to_be_set:
            # Quart adds it by `response.vary`, which costs more than to read the session, and holds
            # on to itself until Python looks for such.
            vary = ", ".join(response.headers.getlist("Vary"))
            if COOKIE.lower() not in map(str.strip, vary.lower().split(",")):
                response.headers["Vary"] = f"{vary}, {COOKIE}" if vary else COOKIE
        if is_to_be_set:
            serializer = self.get_signing_serializer(app)
            response.set_cookie(
                self.get_cookie_name(app),
                serializer.dumps(dict(session)),  # type: ignore[union-attr]  # no key, no session
                expires=self.get_expiration_time(app, session),
                httponly=self.get_cookie_httponly(app),
                domain=self.get_cookie_domain(app),
                partitioned=self.get_cookie_partitioned(app),
                path=self.get_cookie_path(app),
                secure=self.get_cookie_secure(app),
                samesite=self.get_cookie_samesite(app),
            )


def cookie_name(app: Quart, *, is_secure: bool) -> str:
    """Return the name of an app's session cookie for requests over https, or over http."""
    if name := app.config["SESSION_COOKIE_NAME"]:
        return str(name)
    return f"__Host-{SESSION}" if is_secure else SESSION
