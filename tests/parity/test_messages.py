"""The same form makes the same message: Flask-Mail's and ours, at one real mail server."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from email.headerregistry import Address
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

import flask_mail
import pytest
from flask import Flask

from qapp.ext.mail import BadHeaderError, Message
from qapp.tour.originals import contact
from tests.conftest import Serve, Visitor
from tests.ext.mail.servers import Received, Server

from .scenario import TOKEN
from .scenarios import forms, mail

OPERATOR = "boss@example.org"
SENDER = "site@example.org"


class Said(NamedTuple):
    """What a reader and a server see of a message."""

    envelope: tuple[str, list[str]]
    addresses: dict[str, tuple[Address, ...]]
    subject: str
    content_type: tuple[str, str | None]
    body: list[str]
    names: set[str]


def said_by(received: Received) -> Said:
    email = received.email
    assert parsedate_to_datetime(email["Date"]).year > 2000
    assert re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", email["Message-ID"])
    return Said(
        (received.sender, received.recipients),
        {name: email[name].addresses for name in ("From", "To", "Reply-To") if name in email},
        email["Subject"],
        (email.get_content_type(), email.get_content_charset()),
        email.get_content().rstrip("\r\n").splitlines(),
        {name.lower() for name in email} - {"content-transfer-encoding"},
    )


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """The operator's mail server, of both."""
    async with Server.start() as server:
        yield server


@pytest.fixture
def flask_app(server: Server, tmp_path: Path) -> Flask:
    """The Flask original, which mails to it."""
    return contact.create_app(
        {
            "MAIL_SUPPRESS_SEND": False,
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": server.port,
            "MAIL_DEFAULT_SENDER": SENDER,
            "OPERATOR_ADDRESS": OPERATOR,
        },
        str(tmp_path / "flask"),
    )


@pytest.fixture
async def visitor(serve: Serve, server: Server) -> Visitor:
    """A visitor of the site, which mails to it."""
    changes: dict[str, Any] = {"MAIL_BACKEND": "smtp", "MAIL_PORT": server.port}
    return Visitor(await serve(OPERATOR_ADDRESS=OPERATOR, MAIL_DEFAULT_SENDER=SENDER, **changes))


def sent_by_flask(app: Flask, path: str, form: dict[str, str]) -> int:
    """Fill in a form of the original, as a browser would."""
    with app.test_client() as client:
        token = re.search(TOKEN, client.get(path).text)
        assert token is not None
        return client.post(path, data={"csrf_token": html.unescape(token[1]), **form}).status_code


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/contact", forms.FORM),
        ("/contact", forms.FORM | {"name": "Ærøskøbing 日本 😀", "address": "Größe\r\n\r\n日本"}),
        ("/contact", forms.FORM | {"name": 'Asha "Tea" O\'Rao, <x@y.z>; (Ltd.)', "address": ""}),
        ("/contact", forms.FORM | {"name": "n" * 100, "email": f"{'a' * 64}@example.org"}),
        ("/contact", forms.FORM | {"name": "ä" * 100, "gender": "X", "language": "js"}),
        ("/contact", forms.FORM | {"name": "{{ 7 * 7 }} <b>&amp;", "address": "a\r\n.\r\nQUIT"}),
        ("/mail", mail.FORM),
        ("/mail", {"subject": "Grüße aus Ærøskøbing 日本 😀", "body": "Größe: 日本 😀"}),
        ("/mail", {"subject": "s" * 100, "body": "From here\r\n..\r\n.\r\n\r\nTo: all"}),
        ("/mail", {"subject": "Re: a, b <c@d.e>; =?x?= (f)", "body": "ä" * 400}),
    ],
)
async def test_both_send_the_same_message(
    server: Server, flask_app: Flask, visitor: Visitor, path: str, form: dict[str, str]
) -> None:
    assert await asyncio.to_thread(sent_by_flask, flask_app, path, form) == 200
    assert (await visitor.post(path, form)).status_code == 200
    theirs, ours = (said_by(received) for received in await server.has(2))
    assert ours == theirs
    assert ours.envelope == (SENDER, [OPERATOR])


@pytest.mark.parametrize("text", ["a" * 2000, "ä" * 5000])
async def test_a_long_line_is_broken_for_the_server_only_here(
    server: Server, flask_app: Flask, visitor: Visitor, text: str
) -> None:
    form = {"subject": "Tea", "body": text}
    # A server takes 998 octets in a line (RFC 5321, 4.5.3.1.6), and says so too late for a form.
    assert await asyncio.to_thread(sent_by_flask, flask_app, "/mail", form) == 500
    assert (await visitor.post("/mail", form)).status_code == 200
    (received,) = await server.has(1)
    assert max(map(len, received.content.split(b"\r\n"))) <= 998
    assert received.email.get_content().strip() == text


INJECTED = "\r\nX-Evil: 1"
ADDRESSED: dict[str, Any] = {
    "subject": "Tea",
    "recipients": [OPERATOR],
    "sender": SENDER,
    "body": "x",
}


def is_sent_by_flask(app: Flask, fields: dict[str, Any]) -> bool:
    """Tell whether Flask-Mail would hand a message to the server."""
    with app.app_context():
        return not flask_mail.Message(**(ADDRESSED | fields)).has_bad_headers()


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": f"Tea{INJECTED}"},
        {"subject": "Tea\nX-Evil: 1"},
        {"sender": f"a@example.org{INJECTED}"},
        {"sender": (f"Asha{INJECTED}", "a@example.org")},
        {"recipients": [f"a@example.org{INJECTED}"]},
        {"recipients": [(f"Asha{INJECTED}", "a@example.org")]},
        {"reply_to": f"a@example.org{INJECTED}"},
        {"reply_to": ("Asha", f"a@example.org{INJECTED}")},
    ],
)
def test_both_refuse_line_ends(flask_app: Flask, fields: dict[str, Any]) -> None:
    assert not is_sent_by_flask(flask_app, fields)
    with pytest.raises(BadHeaderError):
        Message(**(ADDRESSED | fields)).as_email()


@pytest.mark.parametrize(
    "fields",
    [
        {"cc": [("Asha", f"a@example.org{INJECTED}")]},
        {"bcc": [("Asha", f"a@example.org{INJECTED}")]},
        {"extra_headers": {"X-Tea": f"green{INJECTED}"}},
        {"extra_headers": {f"X-Tea: green{INJECTED}": "1"}},
        {"reply_to": ("Asha", "a..b@example.org")},
        {"subject": "Tea\u2028X-Evil: 1"},
    ],
)
def test_what_flask_mail_lets_through_is_refused(flask_app: Flask, fields: dict[str, Any]) -> None:
    assert is_sent_by_flask(flask_app, fields)
    with pytest.raises(BadHeaderError):
        Message(**(ADDRESSED | fields)).as_email()


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": f"a{INJECTED}.txt"},
        {"filename": "a.txt", "headers": {"X-Tea": f"green{INJECTED}"}},
    ],
)
def test_what_flask_mail_attaches_is_refused(flask_app: Flask, fields: dict[str, Any]) -> None:
    with flask_app.app_context():
        theirs = flask_mail.Message(**ADDRESSED)
        theirs.attach(content_type="text/plain", data="x", **fields)
        assert not theirs.has_bad_headers()
        assert "\nX-Evil: 1" in theirs.as_string()
    ours = Message(**ADDRESSED)
    ours.attach(content_type="text/plain", data="x", **fields)
    with pytest.raises(BadHeaderError):
        ours.as_email()


@pytest.mark.parametrize(
    "fields",
    [
        {"cc": [("Asha", f"a@example.org{INJECTED}")]},
        {"extra_headers": {"X-Tea": f"green{INJECTED}"}},
    ],
)
async def test_what_flask_mail_lets_through_arrives(
    server: Server, flask_app: Flask, fields: dict[str, Any]
) -> None:
    def send() -> None:
        with flask_app.app_context():
            contact.extensions.mail.send(flask_mail.Message(**(ADDRESSED | fields)))

    await asyncio.to_thread(send)
    (received,) = await server.has(1)
    assert b"\r\nX-Evil: 1" in received.content
