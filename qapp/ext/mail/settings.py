"""The settings of an app's mail, read once, under the names that Flask-Mail's state gives them."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .headers import Address

log = logging.getLogger(__name__)

DEFAULTS: dict[str, Any] = {
    "MAIL_SERVER": "127.0.0.1",
    "MAIL_PORT": 25,
    "MAIL_USE_TLS": False,
    "MAIL_USE_SSL": False,
    "MAIL_USERNAME": None,
    "MAIL_PASSWORD": None,
    "MAIL_DEFAULT_SENDER": None,
    "MAIL_MAX_EMAILS": None,
    "MAIL_ASCII_ATTACHMENTS": False,
    "MAIL_CA_FILE": None,
    "MAIL_FOLDER": "mail",
    "MAIL_TIMEOUT": 60,
    "MAIL_OUTBOX_POLL": 5,
    "MAIL_OUTBOX_CONNECTIONS": 4,
    "MAIL_OUTBOX_TRIES": 30,
    "MAIL_OUTBOX_WAIT": 30,
    "MAIL_OUTBOX_MAX_WAIT": 3600,
    "MAIL_OUTBOX_MOST": 100_000,
    "MAIL_OUTBOX_KEEP_DAYS": 30,
    "MAIL_OUTBOX_RESEND": True,
}
BACKENDS = ("smtp", "file", "console", "memory")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass
class Settings:
    """How an app mails: a field for each `MAIL_*`, times in seconds."""

    server: str
    port: int
    use_tls: bool
    use_ssl: bool
    username: str | None
    password: str | None
    default_sender: Address | None
    debug: bool
    max_emails: int | None
    suppress: bool
    ascii_attachments: bool
    backend: str
    folder: Path
    ca_file: str | None
    timeout: float
    poll: float
    connections: int
    tries: int
    wait: float
    max_wait: float
    most: int
    keep_days: float
    resend: bool

    def __repr__(self) -> str:  # the default's would show the password
        return f"<mail by {self.backend} {self.server}:{self.port}>"


def read(config: MutableMapping[str, Any], *, debug: bool, testing: bool) -> Settings:
    """Set the defaults of `MAIL_*` and return the settings.

    :param debug: of the app: mail then goes into files, unless a server or a backend is named.
    :param testing: of the app: nothing is sent then, unless `MAIL_SUPPRESS_SEND` says otherwise.
    :raises ValueError: naming the setting that is wrong.
    """
    is_file = debug and config.get("MAIL_SERVER") is None
    for name, value in (
        *DEFAULTS.items(),
        ("MAIL_BACKEND", "file" if is_file else "smtp"),
        ("MAIL_DEBUG", debug),
        ("MAIL_SUPPRESS_SEND", testing),
    ):
        if config.get(name) is None:
            config[name] = value
    if config["MAIL_BACKEND"] not in BACKENDS:
        raise ValueError(f"MAIL_BACKEND is one of {', '.join(BACKENDS)}")
    if config["MAIL_USE_TLS"] and config["MAIL_USE_SSL"]:
        raise ValueError("MAIL_USE_TLS (STARTTLS) or MAIL_USE_SSL, not both")
    at_least = {"MAIL_TIMEOUT": 0.01, "MAIL_OUTBOX_POLL": 0.01, "MAIL_OUTBOX_WAIT": 0.001}
    for name in ("MAIL_OUTBOX_CONNECTIONS", "MAIL_OUTBOX_TRIES", "MAIL_OUTBOX_MOST", "MAIL_PORT"):
        at_least[name] = 1
    at_least |= {"MAIL_OUTBOX_MAX_WAIT": 0.001, "MAIL_OUTBOX_KEEP_DAYS": 0}
    for name, least in at_least.items():
        try:
            is_enough = float(config[name]) >= least
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} is a number") from error
        if not is_enough:
            raise ValueError(f"{name} is at least {least:g}")
    settings = Settings(
        server=str(config["MAIL_SERVER"]),
        port=int(config["MAIL_PORT"]),
        use_tls=bool(config["MAIL_USE_TLS"]),
        use_ssl=bool(config["MAIL_USE_SSL"]),
        username=config["MAIL_USERNAME"],
        password=config["MAIL_PASSWORD"],
        default_sender=config["MAIL_DEFAULT_SENDER"],
        debug=bool(config["MAIL_DEBUG"]),
        max_emails=config["MAIL_MAX_EMAILS"],
        suppress=bool(config["MAIL_SUPPRESS_SEND"]),
        ascii_attachments=bool(config["MAIL_ASCII_ATTACHMENTS"]),
        backend=config["MAIL_BACKEND"],
        folder=Path(config["MAIL_FOLDER"]),
        ca_file=config["MAIL_CA_FILE"],
        timeout=float(config["MAIL_TIMEOUT"]),
        poll=float(config["MAIL_OUTBOX_POLL"]),
        connections=int(config["MAIL_OUTBOX_CONNECTIONS"]),
        tries=int(config["MAIL_OUTBOX_TRIES"]),
        wait=float(config["MAIL_OUTBOX_WAIT"]),
        max_wait=float(config["MAIL_OUTBOX_MAX_WAIT"]),
        most=int(config["MAIL_OUTBOX_MOST"]),
        keep_days=float(config["MAIL_OUTBOX_KEEP_DAYS"]),
        resend=bool(config["MAIL_OUTBOX_RESEND"]),
    )
    _warn_of_a_bare_password(settings)
    return settings


def _warn_of_a_bare_password(settings: Settings) -> None:
    has_login = settings.username is not None and settings.password is not None
    is_bare = not (settings.use_tls or settings.use_ssl)
    if settings.backend == "smtp" and has_login and is_bare and settings.server not in LOOPBACK:
        log.warning("The mail server gets the password unencrypted: set MAIL_USE_TLS.")
