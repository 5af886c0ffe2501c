"""One request over a real socket, as a step has it, and a browser's cookies."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from http.cookies import SimpleCookie
from typing import NamedTuple
from urllib.parse import quote, urlencode

from .scenario import Step

HOST = "localhost"  # the same to both sides, whatever their ports
TIMEOUT_S = 30
LINGER_S = 0.5  # Hypercorn does not close where the application left a body unread
BOUNDARY = "the-boundary-of-a-compared-form"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 10


class Answer(NamedTuple):
    """A response as it came."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class Jar:
    """A browser's cookies for one host; those of other paths and domains are not sent."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._former: dict[str, str] = {}

    def take(self, headers: Message) -> None:
        """Keep what a response sets, and drop what it deletes."""
        lines = headers.get_all("Set-Cookie", [])
        if lines:
            self._former = dict(self.values)
        for line in lines:
            name, _, rest = line.partition("=")
            value, *attributes = re.split(r";\s*", rest)
            lower = {attribute.lower() for attribute in attributes}
            if "max-age=0" in lower:
                self.values.pop(name, None)
            elif "path=/" in lower and not any(each.startswith("domain=") for each in lower):
                self.values[name] = value

    def tampered(self) -> Jar:
        """Return a copy in which the signature of the session is another."""
        jar = Jar()
        jar.values = dict(self.values)
        session = jar.values.get("session", "")
        jar.values["session"] = session[:-6] + ("aaaaaa" if session[-6:] != "aaaaaa" else "bbbbbb")
        return jar

    def former(self) -> Jar:
        """Return a copy as it was before the last response that set any."""
        jar = Jar()
        jar.values = dict(self._former)
        return jar

    @property
    def header(self) -> str:
        """What is sent."""
        return "; ".join(f"{name}={value}" for name, value in self.values.items())


def send(port: int, step: Step, jar: Jar, kept: Mapping[str, str]) -> Answer:
    """Send a step's request to a port and return the answer; the jar takes its cookies."""
    body, content_type = _body(step, kept)
    headers = {"Host": HOST, "Connection": "close"}
    if content_type:
        headers["Content-Type"] = content_type
    if body is not None:
        headers["Content-Length"] = str(len(body))
    if jar.header:
        headers["Cookie"] = jar.header
    headers |= {name: _filled(value, kept) for name, value in step.headers.items()}
    target = quote(_filled(step.path, kept), safe="/%?&=+:@!$'()*,;~#[]\\|^{}\"<>`")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(step.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        connection.endheaders(body)
        with connection.sock.dup() as wire:
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
            # Who leaves before the server is done cancels it, in Quart 0.22 with its file open.
            wire.settimeout(LINGER_S)
            with suppress(OSError):
                while wire.recv(1024):
                    pass
    finally:
        connection.close()
    jar.take(answer.headers)
    return answer


def followed(step: Step, answer: Answer) -> Step | None:
    """Return the step that a browser makes of a redirect; None for any other answer."""
    location = answer.headers.get("Location")
    if answer.status not in REDIRECTS or location is None:
        return None
    path = re.sub(rf"^https?://{HOST}", "", location).partition("#")[0]
    if answer.status in (307, 308) or step.method in ("GET", "HEAD"):
        return Step(step.method, path, step.form, step.files, step.body, step.headers)
    return Step("GET", path)  # 303; and what browsers have always made of 301 and 302


def kept_of(step: Step, answer: Answer) -> dict[str, str]:
    """Return what a step keeps of its answer."""
    kept = {name: answer.headers.get(header, "") for name, header in step.keep_headers.items()}
    for name, pattern in step.keep.items():
        match = re.search(pattern, answer.text)
        assert match, f"{step.method} {step.path} has no {name} to keep"
        kept[name] = match[1]
    return kept


def cookie_value(raw: str) -> str:
    """Return a cookie's value without its quoting, as a server reads it."""
    morsel = SimpleCookie(f"c={raw}").get("c")
    return morsel.value if morsel else raw


def _body(step: Step, kept: Mapping[str, str]) -> tuple[bytes | None, str | None]:
    if step.body is not None:
        return step.body, None
    if step.form is None and not step.files:
        return (b"", None) if step.method in ("POST", "PUT", "PATCH") else (None, None)
    pairs = step.form.items() if isinstance(step.form, Mapping) else step.form or ()
    fields = [(name, _filled(value, kept)) for name, value in pairs]
    if not step.files:
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for name, filename, content in step.files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; '
        head += f'filename="{filename}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(
        parts
    ) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def _filled(text: str, kept: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: kept.get(found[1], found[0]), text)
