"""What is compared of an answer, and what is not: the declared normalisation.

Left out are the frame around the content, form tokens and versions, content hashes in addresses,
times, request ids, blanks between tags, and of the session cookie its signature; its content is
compared instead. Of Sijax's answers only the commands are compared: the order of their fields, and
the form in which a stream brings them, is each side's own.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, URLSafeTimedSerializer

from .exchange import Answer

KEY = "a key for compared applications, long enough"
SALT = SecureCookieSessionInterface.salt
SECRET = frozenset({"csrf_token", "login"})  # of the session: random values

MAIN = re.compile(r"<main\b[^>]*>(.*)</main>", re.DOTALL)
TITLE = re.compile(r"<title>(.*?)(?: · qapp)?</title>", re.DOTALL)
CRUMBS = re.compile(r'<nav class="crumbs".*?</nav>', re.DOTALL)
FLASH = re.compile(
    r'<div class="flash flash-(\w+)"[^>]*>\s*<span class="flash-text">(.*?)</span>'
    r"(?:\s*<button.*?</button>)?\s*</div>",
    re.DOTALL,
)
AROUND_TAGS = re.compile(r"\s*(<[^>]*>)\s*")
COMMANDS = re.compile(r"""(?:^|Sijax\.processCommands\()(\[\{"[^\n]*\}\])(?:\);|$)""", re.MULTILINE)
LEFT_OUT = (
    (re.compile(r'(name="csrf_token"[^>]* value=)"[^"]*"'), r'\1"TOKEN"'),
    (re.compile(r'(name="version"[^>]* value=)"\d+"'), r'\1"VERSION"'),
    (re.compile(r"\?v=[0-9a-f]{12}\b"), ""),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|\+00:00)"), "TIME"),
    (re.compile(r">(?:just now|\d+ (?:second|minute)s? ago)<"), ">AGO<"),
    (re.compile(r"(request id: <code>)\w+"), r"\1ID"),
)


class Observed(NamedTuple):
    """The parts of an answer that are compared."""

    status: str
    location: str
    content_type: str
    allow: str
    cookies: str
    session: str
    flashes: str
    body: str
    headers: str


def observe(answer: Answer, further: Iterable[str] = ()) -> Observed:
    """Return what is compared of an answer, each part as text.

    :param further: names of headers that are compared besides.
    """
    headers = answer.headers
    flashes, body = "", answer.text
    title, main = TITLE.search(body), MAIN.search(body)
    if title and main:
        body = CRUMBS.sub("", f"<title>{title[1].strip()}</title>{main[1]}")
        flashes = "\n".join(f"{f[1]}: {html.unescape(f[2])}" for f in FLASH.finditer(body))
        body = FLASH.sub("", body)
        body = AROUND_TAGS.sub(r"\1", body)
    elif frames := _commands(body):
        body = frames
    for pattern, instead in LEFT_OUT:
        body = pattern.sub(instead, body)
    sessions: list[str] = []
    cookies = "\n".join(
        sorted(_cookies(headers.get_all("Set-Cookie", []), headers.get("Date"), sessions))
    )
    return Observed(
        status=str(answer.status),
        location=headers.get("Location", ""),
        content_type=headers.get("Content-Type", "").lower().replace(" ", ""),
        allow=", ".join(sorted(re.split(r",\s*", headers.get("Allow", "")))),
        cookies=cookies,
        session="\n".join(sessions),
        flashes=flashes,
        body=re.sub(r"\s+", " ", body).strip(),
        headers="\n".join(f"{name}: {headers.get(name, '')}" for name in further),
    )


def _commands(body: str) -> str:
    """Return the commands of an answer of Sijax, a line for each frame; "" for other answers."""
    frames = [json.loads(frame) for frame in COMMANDS.findall(body)]
    if not all("type" in command for frame in frames for command in frame):
        return ""
    for command in (command for frame in frames for command in frame if "html" in command):
        command["html"] = AROUND_TAGS.sub(r"\1", command["html"])
    return "\n".join(json.dumps(frame, sort_keys=True) for frame in frames)


def _cookies(lines: list[str], date: str | None, sessions: list[str]) -> Iterator[str]:
    for line in lines:
        first, *attributes = re.split(r";\s*", line)
        name, _, value = first.partition("=")
        if name == "session" and value:
            sessions.append(_session(value))
            value = "SIGNED"
            attributes = [re.sub(r"(?i)^expires=.*", "Expires=TIME", each) for each in attributes]
        attributes = [_expiry(each, line, date) for each in attributes]
        yield "; ".join([f"{name}={value}", *sorted(attributes, key=str.lower)])


def _expiry(attribute: str, line: str, date: str | None) -> str:
    """Return a cookie's attribute; a time that says the same as its Max-Age, without the second."""
    expires = re.fullmatch(r"(?i)expires=(.*)", attribute)
    max_age = re.search(r"(?i);\s*max-age=(\d+)", line)
    if expires is None or max_age is None or date is None:
        return attribute
    moment, sent = parsedate_to_datetime(expires[1]), parsedate_to_datetime(date)
    is_the_same = abs((moment - sent).total_seconds() - int(max_age[1])) <= 2
    return "Expires=AFTER MAX-AGE" if is_the_same else attribute


def _session(value: str) -> str:
    """Return what a session cookie holds: keys in order, random values left out."""
    serializer = URLSafeTimedSerializer(
        KEY,
        salt=SALT,
        serializer=SecureCookieSessionInterface.serializer,
        signer_kwargs={
            "key_derivation": SecureCookieSessionInterface.key_derivation,
            "digest_method": SecureCookieSessionInterface.digest_method,
        },
    )
    try:
        content: dict[str, Any] = serializer.loads(value)
    except BadSignature:
        return f"not signed with the key: {value}"
    return ", ".join(
        f"{key}={'RANDOM' if key in SECRET else content[key]!r}" for key in sorted(content)
    )
