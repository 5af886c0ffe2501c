"""What visitors write arrives at the operator's mail server, once, and cannot do harm there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes
from email.utils import getaddresses
from typing import Any

import pytest
from quart import Quart

from qapp.extensions import db
from tests.conftest import Dump, Serve, Visitor
from tests.ext.mail.servers import Server

FORM = {
    "name": "Asha Rao",
    "gender": "F",
    "address": "14 MG Road\r\nBengaluru",
    "email": "asha@example.org",
    "age": "30",
    "language": "py",
}
NOTE = {"subject": "Tea", "body": "Is it ready?\r\n.\r\nAsha"}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """The operator's mail server."""
    async with Server.start() as server:
        yield server


@pytest.fixture
async def app(serve: Serve, server: Server) -> Quart:
    """A site that mails to it."""
    return await serve(
        MAIL_BACKEND="smtp", MAIL_PORT=server.port, OPERATOR_ADDRESS="boss@example.org"
    )


async def test_the_form_has_every_field_of_the_tutorial(visitor: Visitor) -> None:
    text = await visitor.text("/contact")
    for name in FORM:
        assert f'name="{name}"' in text
    assert len(re.findall(r'type="radio"', text)) == 3
    assert "<textarea" in text
    assert "<select" in text


async def test_what_was_filled_in_is_mailed_to_the_operator(
    visitor: Visitor, server: Server
) -> None:
    response = await visitor.post("/contact", FORM)
    assert response.status_code == 200
    assert "Thank you, Asha Rao" in await response.get_data(as_text=True)
    (received,) = await server.has(1)
    assert received.recipients == ["boss@example.org"]
    email = received.email
    assert email["From"] == "qapp@localhost"
    assert email["Subject"] == "Contact: Asha Rao"
    assert email["Reply-To"] == "asha@example.org"
    body = email.get_content()
    for value in ("Asha Rao", "14 MG Road\nBengaluru", "asha@example.org", "30", "py"):
        assert value in body.replace("\r\n", "\n")
    assert "csrf" not in body.lower()


@pytest.mark.parametrize(
    "name",
    [
        f"all@example.net, {'n' * 60}",
        f'"<all@example.net>" {"n" * 60}',
        f"all: all@example.net; {'n' * 60}",
        f"Ä, all@example.net, {'n' * 60}",
    ],
)
async def test_no_name_makes_the_operator_answer_to_others(
    visitor: Visitor, server: Server, name: str
) -> None:
    assert (await visitor.post("/contact", {**FORM, "name": name})).status_code == 200
    (received,) = await server.has(1)
    head = message_from_bytes(received.content)
    assert getaddresses(head.get_all("Reply-To", [])) == [("", "asha@example.org")]
    assert getaddresses(head.get_all("To", [])) == [("", "boss@example.org")]
    assert received.email["Subject"] == f"Contact: {name}"


async def test_a_message_is_sent(visitor: Visitor, server: Server) -> None:
    assert 'name="subject"' in await visitor.text("/mail")
    response = await visitor.post("/mail", NOTE)
    assert response.status_code == 200
    assert "<h1>Sent</h1>" in await response.get_data(as_text=True)
    (received,) = await server.has(1)
    assert received.email["Subject"] == "Tea"
    assert "Is it ready?" in received.email.get_content()
    assert "Asha" in received.email.get_content()


async def test_no_request_waits_for_the_mail_server(visitor: Visitor, server: Server) -> None:
    server.hold()
    response = await visitor.post("/mail", NOTE)
    assert response.status_code == 200
    await server.held()
    server.gate.set()
    assert len(await server.has(1)) == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Please enter your name."),
        ("name", "x" * 101, "at most 100 characters"),
        ("name", "Asha\r\nBcc: all@example.org", "line break"),
        ("name", "a\0b", "NUL"),
        ("gender", "?", "Not a valid choice"),
        ("address", "x" * 501, "at most 500 characters"),
        ("email", "", "Please enter your email address."),
        ("email", "asha", "no address"),
        ("email", "a@b", "no address"),
        ("email", "a@b.c, d@e.f", "no address"),
        ("email", "a@b.c\r\nBcc: d@e.f", "no address"),
        ("email", '"a b"@example.org', "no address"),
        ("email", "ä@example.org", "no address"),
        ("email", "a@-.-", "no address"),
        ("email", "a@b-.c", "no address"),
        ("email", "a@b.-c", "no address"),
        ("email", f"a@{'b' * 64}.c", "no address"),
        ("email", "a@" + "b." * 130 + "c", "too long"),
        ("age", "", "Please enter your age"),
        ("age", "x", "Not a valid integer"),
        ("age", "-1", "from 1 to 150"),
        ("age", "1e9", "Not a valid integer"),
        ("age", "9" * 400, "from 1 to 150"),  # more than a float holds
        ("age", "9" * 5000, "Not a valid integer"),  # more than Python reads
        ("age", "151", "from 1 to 150"),
        ("language", "cobol", "Not a valid choice"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_nothing_is_mailed(
    visitor: Visitor, dump: Callable[[], Dump], field: str, value: str, message: str
) -> None:
    response = await visitor.post("/contact", {**FORM, field: value})
    text = await response.get_data(as_text=True)
    assert response.status_code == 422
    assert re.search(rf'id="{field}-error">[^<]*{message}', text), text
    if field != "name":
        assert 'value="Asha Rao"' in text
    assert dump()["outbox"] == []


@pytest.mark.parametrize(
    "address", ["a@b.c", "a@b-c.d--e.f", "a@1.2", f"a@{'b' * 63}.c", "a@xn--mller-kva.example"]
)
async def test_an_address_that_may_be_one_is_taken(visitor: Visitor, address: str) -> None:
    assert (await visitor.post("/contact", {**FORM, "email": address})).status_code == 200


async def test_an_address_of_a_blocked_domain_is_not_taken(app: Quart, visitor: Visitor) -> None:
    async with app.app_context():
        await db.execute("INSERT INTO blocked_domains VALUES ('spam.example')")
    response = await visitor.post("/contact", {**FORM, "email": "asha@SPAM.example"})
    assert response.status_code == 422
    assert "We take no mail" in await response.get_data(as_text=True)
    response = await visitor.post("/contact", {**FORM, "email": "asha@not-spam.example"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("path", "form", "missing"),
    [("/contact", FORM, name) for name in FORM if name != "gender"]
    + [("/mail", NOTE, name) for name in NOTE],
)
async def test_a_missing_field_is_named(
    visitor: Visitor, path: str, form: dict[str, str], missing: str
) -> None:
    fields = {name: value for name, value in form.items() if name != missing}
    response = await visitor.post(path, fields)
    assert response.status_code == 400
    assert f"“{missing}”" in await response.get_data(as_text=True)


async def test_nothing_chosen_is_told_beside_the_choices(visitor: Visitor) -> None:
    fields = {name: value for name, value in FORM.items() if name != "gender"}
    response = await visitor.post("/contact", fields)
    assert response.status_code == 422
    assert 'id="gender-error"' in await response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "value"), [("subject", ""), ("subject", "a\nb"), ("subject", "x" * 101), ("body", "")]
)
async def test_a_bad_message_is_not_sent(
    visitor: Visitor, dump: Callable[[], Dump], field: str, value: str
) -> None:
    response = await visitor.post("/mail", {**NOTE, field: value})
    assert response.status_code == 422
    assert f'id="{field}-error"' in await response.get_data(as_text=True)
    assert dump()["outbox"] == []


@pytest.mark.parametrize(
    ("path", "form"),
    [
        *(
            ("/contact", {**FORM, "email": email})
            for email in (".a@example.org", "a.@example.org", "a..b@example.org")
        ),
        *(
            (path, {**form, field: text})
            for path, form, field in (("/contact", FORM, "name"), ("/mail", NOTE, "subject"))
            for text in ("a\x7fb", "a\x85b", "a\u2028b", "=?utf-8?q?a=0d=0aBcc:_b@c.d?=")
        ),
    ],
)
async def test_what_no_message_can_carry_is_refused_with_what_was_typed(
    visitor: Visitor, dump: Callable[[], Dump], path: str, form: dict[str, str]
) -> None:
    response = await visitor.post(path, form)
    text = await response.get_data(as_text=True)
    assert response.status_code == 422
    assert "This can&#39;t be mailed as it stands." in text
    assert form.get("email", form.get("body", "")).splitlines()[0] in text
    assert dump()["outbox"] == []


async def test_who_writes_too_often_has_to_wait(
    serve: Serve, server: Server, dump: Callable[[], Dump]
) -> None:
    changes: dict[str, Any] = {"MAIL_BACKEND": "smtp", "MAIL_PORT": server.port}
    visitor = Visitor(await serve(RATE_LIMITS={"contact": (2, 3600)}, **changes))
    statuses = [(await visitor.post("/mail", NOTE)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert len(await server.has(2)) == 2


async def test_where_too_much_mail_waits_the_visitor_is_told_so(
    visitor: Visitor, dump: Callable[[], Dump]
) -> None:
    visitor.app.extensions["mail"].settings.most = 0
    response = await visitor.post("/mail", NOTE)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert dump()["outbox"] == []


async def test_by_default_mail_is_a_file(serve: Serve, settings: Any) -> None:
    app = await serve()
    response = await Visitor(app).post("/mail", NOTE)
    assert response.status_code == 200
    assert app.extensions["mail"].settings.backend == "file"
