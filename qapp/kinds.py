"""The kinds of settings: how each is read from text, and what its text may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

KEY_LENGTH = 32
Rates = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Kind:
    """How a setting is read from text: `read` raises ValueError with the fault.

    :ivar is_secret: never shown, also when it is a wrong one.
    """

    read: Callable[[str], Any]
    allowed: str
    is_secret: bool = False


def whole(least: int, most: int) -> Kind:
    """A whole number from `least` to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise ValueError("is no whole number")
        if not least <= int(text) <= most:
            raise ValueError("is too small" if int(text) < least else "is too large")
        return int(text)

    return Kind(read, f"a whole number from {least} to {most}")


def choice(**values: Any) -> Kind:
    """One of a few words, each with the value it stands for."""

    def read(text: str) -> Any:
        if text.lower() not in values:
            raise ValueError("is none of them")
        return values[text.lower()]

    return Kind(read, ", ".join(values))


def rates(defaults: Rates) -> Kind:
    """How often something may be tried, by its name: what is not named keeps its default."""

    def read(text: str) -> Rates:
        if text.lower() == "off":
            return MappingProxyType({})
        limits = dict(defaults)
        for part in re.split(r"[,\s]+", text.strip(", ")):
            match = re.fullmatch(r"(\w+)=([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", part)
            if match is None or match[1] not in defaults:
                raise ValueError(f"has {part[:60]!r}")
            limits[match[1]] = (int(match[2]), int(match[3]))
        return MappingProxyType(limits)

    return Kind(read, f"off, or NAME=COUNT/SECONDS,… with {', '.join(defaults)} as NAME")


def checked(text: str) -> str:
    """Return a text as it is; raise ValueError if it is no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not encoded in UTF-8") from None
    return text


def shortened(text: str) -> str:
    """Return a text for a message of one line."""
    return text if len(text) <= 60 else text[:59] + "…"


def _read_key(text: str) -> str:
    if len(text) < KEY_LENGTH:
        raise ValueError(f"has only {len(text)} characters")
    return text


def _read_keys(text: str) -> tuple[str, ...]:
    return tuple(_read_key(key) for key in text.split())


def _read_token(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", text):  # RFC 6750, 2.1
        raise ValueError("has characters that a bearer token can't have")
    return _read_key(text)


def _read_url(text: str) -> str:
    name = text.removeprefix("sqlite:///")
    if name == text or name in ("", ":memory:"):
        raise ValueError("names no database that this version knows")
    if name.endswith("/"):
        raise ValueError("names a folder")
    if "?" in name:
        raise ValueError("has options, which this version does not know")
    return text


def _read_folder(text: str) -> str:
    path = Path(text).absolute()
    if not text or (path.exists() and not path.is_dir()):
        raise ValueError("is no folder")
    return str(path)


def _read_hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(re.split(r"[,\s]+", text.strip(", ")))
    for host in hosts:
        if not re.fullmatch(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]", host):
            raise ValueError(f"has {host[:60]!r}, which is no host name")
    return hosts


def _read_origins(text: str) -> tuple[str, ...]:
    origins = tuple(re.split(r"[,\s]+", text.strip(", ")))
    for origin in origins:
        if not re.fullmatch(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?", origin):
            raise ValueError(f"has {origin[:60]!r}, which is no origin")
    return origins


def _read_names(text: str) -> tuple[str, ...]:
    names = tuple(re.split(r"[,\s]+", text.strip(", ")))
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]{3,32}", name):
            raise ValueError(f"has {name[:60]!r}, which is no user's name")
    return names


def _read_server(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*", text):
        raise ValueError("is no name of a server")
    return text


def _read_address(text: str) -> str:
    if not re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", text) or text.count("@") > 1 or "," in text:
        raise ValueError("is no address")
    return text


def _read_word(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("is empty, or has characters that can't be seen")
    return text


def _read_cookie(text: str) -> str:
    # A token of RFC 6265, 4.1.1, without the marks that nobody uses.
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", text):
        raise ValueError("is no name for a cookie")
    return text


ON_OFF = choice(on=True, off=False, **{"1": True, "0": False, "true": True, "false": False})
KEY = Kind(_read_key, f"at least {KEY_LENGTH} characters, best random ones", is_secret=True)
KEYS = Kind(
    _read_keys, f"keys of at least {KEY_LENGTH} characters, separated by spaces", is_secret=True
)
TOKEN = Kind(
    _read_token,
    f"at least {KEY_LENGTH} letters, digits, hyphens, underscores and dots, best random ones",
    is_secret=True,
)
FOLDER = Kind(_read_folder, "the path of a folder")
# A secret because the URL of a database server holds its password.
URL = Kind(
    _read_url,
    "sqlite:///name.db in the instance folder, or sqlite:////path/name.db",
    is_secret=True,
)
HOSTS = Kind(_read_hosts, "host names without port, separated by commas; .example.org: all below")
ORIGINS = Kind(
    _read_origins, "origins, separated by commas, as browsers write them: https://app.example.org"
)
NAMES = Kind(_read_names, "users' names, separated by commas")
COOKIE = Kind(_read_cookie, "letters, digits, hyphens, underscores and dots")
SERVER = Kind(_read_server, "the name or the address of a server, without a port")
ADDRESS = Kind(_read_address, "one address, such as me@example.org")
WORD = Kind(_read_word, "a text of one line")
PASSWORD = Kind(_read_word, "a text of one line", is_secret=True)
