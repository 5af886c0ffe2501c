"""Every setting of the site: its Flask name, type, default and meaning.

The environment sets a setting as `QAPP_<NAME>`. `Settings` is one frozen value, made before the app
and complete when it exists: what is wrong in it is said at once, by the variable's name.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from .kinds import (
    ADDRESS,
    COOKIE,
    FOLDER,
    HOSTS,
    KEY,
    KEY_LENGTH,
    KEYS,
    NAMES,
    ON_OFF,
    ORIGINS,
    PASSWORD,
    SERVER,
    TOKEN,
    URL,
    WORD,
    Kind,
    Rates,
    checked,
    choice,
    rates,
    shortened,
    whole,
)

PREFIX = "QAPP_"
# The tests' own switches share the prefix; the site does not read them.
FOREIGN_PREFIX = "QAPP_TEST_"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
RATE_LIMITS: Rates = MappingProxyType(
    {
        "login": (20, 900),
        "login_address": (200, 900),
        "register": (20, 3600),
        "contact": (10, 3600),
        "upload": (60, 3600),
        "import": (20, 3600),
        "api": (600, 60),
    }
)
# Prefixes with a meaning to browsers (RFC 6265bis, 4.1.3).
SECURE_NAMES = ("__host-", "__secure-")


class ConfigError(Exception):
    """A setting has a value that it can't have; the text names the variable and what is allowed."""


def setting(default: Any, kind: Kind, meaning: str, shown: str = "") -> Any:
    """Declare a setting; `shown` is how its default is written where it is listed."""
    return dataclasses.field(
        default_factory=lambda: default,
        repr=not kind.is_secret,
        metadata={"kind": kind, "meaning": meaning, "shown": shown or str(default)},
    )


@dataclasses.dataclass(frozen=True)
class Settings:
    """The site's settings, under their Flask names where Flask has them."""

    SECRET_KEY: str | None = setting(
        None, KEY, "signs sessions and form tokens", "made once, kept in the instance folder"
    )
    SECRET_KEY_FALLBACKS: tuple[str, ...] = setting(
        (), KEYS, "earlier keys: what they signed still opens, nothing new is signed", "none"
    )
    INSTANCE_PATH: str | None = setting(
        None, FOLDER, "the folder of what the site stores", "instance/ beside the package"
    )
    DATABASE_URL: str = setting("sqlite:///qapp.db", URL, "the database")
    REGISTRATION: bool = setting(True, ON_OFF, "whether visitors may register", "on")
    TOUR: bool = setting(True, ON_OFF, "whether the tour of the Flask tutorials is here", "on")
    TRUSTED_HOSTS: tuple[str, ...] = setting(
        LOCAL_HOSTS,
        HOSTS,
        "the names under which the site may be asked for",
        ",".join(LOCAL_HOSTS),
    )
    PREFERRED_URL_SCHEME: str = setting(
        "http",
        choice(http="http", https="https"),
        "https when TLS ends before the site: cookies are then Secure, browsers told to stay",
    )
    PERMANENT_SESSION_LIFETIME: int = setting(
        1_209_600, whole(60, 31_536_000), "how long a kept login lasts, in seconds"
    )
    SESSION_IDLE_LIFETIME: int = setting(
        43_200, whole(60, 31_536_000), "how long a login that is not kept lasts unused, in seconds"
    )
    SESSION_COOKIE_NAME: str | None = setting(
        None, COOKIE, "the session cookie's name", "session, and __Host-session over https"
    )
    RATE_LIMITS: Mapping[str, tuple[int, int]] = setting(
        RATE_LIMITS,
        rates(RATE_LIMITS),
        "how often an address, or who is logged in, may try",
        ",".join(f"{name}={most}/{window_s}" for name, (most, window_s) in RATE_LIMITS.items()),
    )
    OPERATORS: tuple[str, ...] = setting(
        (), NAMES, "the users who may see /admin/; nobody may register under these names", "none"
    )
    METRICS_TOKEN: str | None = setting(
        None, TOKEN, "opens /metrics to who sends it as a bearer token", "none: see “Watch it”"
    )
    SLOW_QUERY_MS: int = setting(
        200, whole(0, 3_600_000), "SQL that takes so many milliseconds is logged; 0: none is"
    )
    OPERATOR_ADDRESS: str = setting(
        "operator@localhost", ADDRESS, "who gets what visitors write to the site"
    )
    LIVE_MOST_READERS: int = setting(
        8000, whole(1, 1_000_000), "how many live streams a worker holds open at most"
    )
    MAIL_DEFAULT_SENDER: str = setting("qapp@localhost", ADDRESS, "from whom the site's mail is")
    MAIL_BACKEND: str = setting(
        "file",
        choice(smtp="smtp", file="file", console="console"),
        "where mail goes: to a server, into mail/ in the instance folder, or to the log",
    )
    MAIL_SERVER: str = setting("127.0.0.1", SERVER, "the mail server")
    MAIL_PORT: int = setting(25, whole(1, 65_535), "its port")
    MAIL_USE_TLS: bool = setting(False, ON_OFF, "whether TLS begins after connecting", "off")
    MAIL_USE_SSL: bool = setting(False, ON_OFF, "whether all of the connection is TLS", "off")
    MAIL_USERNAME: str | None = setting(None, WORD, "who logs in at the mail server", "nobody")
    MAIL_PASSWORD: str | None = setting(None, PASSWORD, "the password for that", "none")
    MAIL_OUTBOX_CONNECTIONS: int = setting(
        4, whole(1, 100), "how many connections to the mail server a worker has at most"
    )
    MAIL_OUTBOX_MOST: int = setting(
        100_000, whole(1, 10_000_000), "how many messages may wait to be mailed"
    )
    MAIL_OUTBOX_RESEND: bool = setting(
        True,
        ON_OFF,
        "whether mail that the server may already have is sent again: off, `qapp mail retry` does",
        "on",
    )
    API_CORS_ORIGINS: tuple[str, ...] = setting(
        (), ORIGINS, "the sites whose pages may use the API", "none"
    )
    MAX_CONTENT_LENGTH: int = setting(
        2_097_152, whole(1024, 1_073_741_824), "the largest request body, in bytes"
    )
    UPLOAD_MAX_LENGTH: int = setting(
        26_214_400,
        whole(1024, 1_073_741_824),
        "the largest request body of the pages that take files, in bytes",
    )
    UPLOAD_TIMEOUT: int = setting(
        600, whole(1, 86_400), "how long such a body may take to arrive, in seconds"
    )
    UPLOAD_QUOTA: int = setting(
        104_857_600,
        whole(1024, 1_099_511_627_776),
        "how much one user may keep, in bytes; all who are not logged in together, too",
    )
    MAX_FORM_MEMORY_SIZE: int = setting(
        2_097_152, whole(1024, 1_073_741_824), "the largest field of a multipart form, in bytes"
    )
    MAX_FORM_PARTS: int = setting(200, whole(1, 100_000), "the most fields of a form")
    BODY_TIMEOUT: int = setting(
        20, whole(1, 3600), "how long a body may take to arrive, in seconds"
    )
    RESPONSE_TIMEOUT: int = setting(
        60, whole(1, 3600), "how long an answer may take to leave, in seconds"
    )
    UNREAD_TIMEOUT: int = setting(30, whole(1, 3600), "seconds for which a client may take nothing")
    DEBUG: bool = setting(False, ON_OFF, "tracebacks in the browser: never on a public site", "off")

    def __post_init__(self) -> None:
        for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "METRICS_TOKEN"):
            value = getattr(self, name) or ()
            for key in (value,) if isinstance(value, str) else value:
                if len(key) < KEY_LENGTH:
                    raise ConfigError(f"{PREFIX}{name} needs {KEY.allowed}")
        is_https = self.PREFERRED_URL_SCHEME == "https"
        if self.DEBUG and (is_https or not set(self.TRUSTED_HOSTS) <= set(LOCAL_HOSTS)):
            raise ConfigError(
                f"{PREFIX}DEBUG shows the program to visitors; allowed: off, or http and only "
                f"{', '.join(LOCAL_HOSTS)} as {PREFIX}TRUSTED_HOSTS"
            )
        if self.MAIL_USE_TLS and self.MAIL_USE_SSL:
            raise ConfigError(
                f"{PREFIX}MAIL_USE_TLS and {PREFIX}MAIL_USE_SSL are both on; allowed: one of them"
            )
        # Browsers drop such a cookie over http: nobody could log in.
        if (self.SESSION_COOKIE_NAME or "").lower().startswith(SECURE_NAMES) and not is_https:
            raise ConfigError(
                f"{PREFIX}SESSION_COOKIE_NAME {self.SESSION_COOKIE_NAME!r} is for https; allowed: "
                f"another name, or {PREFIX}PREFERRED_URL_SCHEME=https"
            )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from environment variables, `os.environ` by default.

        :raises ConfigError: one line that names the variable, its fault and what is allowed.
        """
        environ = os.environ if environ is None else environ
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values = {}
        for variable, text in environ.items():
            if not variable.startswith(PREFIX) or variable.startswith(FOREIGN_PREFIX):
                continue
            name = variable.removeprefix(PREFIX)
            if name not in fields:
                raise ConfigError(f"{variable} is no setting{_nearest(name, list(fields))}")
            kind: Kind = fields[name].metadata["kind"]
            try:
                values[name] = kind.read(checked(text))
            except ValueError as error:
                shown = "" if kind.is_secret else f" {shortened(text)!r}"
                raise ConfigError(f"{variable}{shown} {error}; allowed: {kind.allowed}") from None
        return cls(**values)

    def as_config(self) -> dict[str, Any]:
        """Return the settings for `app.config`."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {PREFIX}{near[0]}?" if near else "; `qapp settings` lists them"


def kept_secret_key(folder: Path) -> str:
    """Return the key kept in the instance folder, made at the first call.

    Workers that start together all get the same one: it is written aside and then linked to its
    name, which only the first of them can do. Only the owner may read it.

    :raises ConfigError: if the folder can't be written, or the file holds no key.
    """
    path = folder / "secret_key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            aside = folder / f".secret_key-{os.getpid()}-{secrets.token_hex(4)}"
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(descriptor)
            try:
                path.hardlink_to(aside)
            except FileExistsError:
                pass
            finally:
                aside.unlink()
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{PREFIX}INSTANCE_PATH: the secret key can't be kept there ({error}); "
            f"allowed: a folder that can be written, or set {PREFIX}SECRET_KEY"
        ) from error
    if len(key) < KEY_LENGTH:
        raise ConfigError(
            f"{PREFIX}SECRET_KEY is not set, and {str(path)!r} holds no key: "
            "remove the file, or set the variable"
        )
    return key
