"""How a view gets its form, and what is missing in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart
from werkzeug.exceptions import BadRequest
from wtforms import BooleanField, HiddenField, StringField, SubmitField

from qapp.ext.forms import QuartForm
from qapp.web.forms import read_form
from tests.conftest import KEY, PASSWORD, Dump, Visitor


class Form(QuartForm):
    colour = StringField(default="red")
    shape = HiddenField()
    is_large = BooleanField()
    send = SubmitField()


@pytest.fixture
def bare() -> Quart:
    """An app without the site."""
    app = Quart(__name__)
    app.secret_key = KEY
    return app


async def test_a_form_that_is_not_sent_lacks_nothing(bare: Quart) -> None:
    async with bare.test_request_context("/", method="GET"):
        form = await read_form(Form)
    assert form.colour.data == "red"


async def test_keywords_go_to_the_form(bare: Quart) -> None:
    async with bare.test_request_context("/", method="GET"):
        form = await read_form(Form, data={"colour": "blue"})
    assert form.colour.data == "blue"


@pytest.mark.parametrize("kind", ["form", "json"])
@pytest.mark.parametrize("missing", ["colour", "shape"])
async def test_a_field_not_sent_is_named(bare: Quart, kind: str, missing: str) -> None:
    fields = {"colour": "", "shape": ""}
    del fields[missing]
    sent: dict[str, Any] = {kind: fields}
    async with bare.test_request_context("/", method="POST", **sent):
        with pytest.raises(BadRequest, match=f"The form lacks the field “{missing}”"):
            await read_form(Form)


async def test_an_empty_field_is_sent_and_a_box_not_ticked_is_not(bare: Quart) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        fields = {"colour": "", "shape": "round"}
        async with bare.test_request_context("/", method=method, form=fields):
            form = await read_form(Form)
        assert (form.colour.data, form.shape.data, form.is_large.data) == ("", "round", False)


FORMS: dict[str, dict[str, str]] = {
    "/register": {"username": "carol", "password": PASSWORD, "confirm": PASSWORD},
    "/login": {"username": "alice", "password": PASSWORD},
    "/add": {"title": "t", "text": "x"},
    "/post/1/edit": {"title": "t", "text": "x", "version": "1"},
    "/account": {
        "action": "password",
        "current": PASSWORD,
        "password": PASSWORD,
        "confirm": PASSWORD,
    },
}


@pytest.mark.parametrize("path", FORMS)
async def test_every_field_of_every_form_is_missed(
    alice: Visitor, dump: Callable[[], Dump], path: str
) -> None:
    await alice.add()
    before = dump()
    for missing in FORMS[path].keys() - {"action"}:
        fields = {name: value for name, value in FORMS[path].items() if name != missing}
        response = await alice.post(path, fields)
        assert response.status_code == 400
        page = await response.get_data(as_text=True)
        assert f"The form lacks the field “{missing}”." in page
    assert dump() == before


async def test_a_file_in_place_of_a_text_is_a_missing_field(alice: Visitor) -> None:
    body = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\nx\r\n' % (name, rest)
        for name, rest in ((b"title", b'; filename="x"'), (b"text", b""))
    )
    headers = {
        "X-CSRFToken": await alice.token(),
        "Content-Type": "multipart/form-data; boundary=B",
    }
    response = await alice.open("/add", "POST", data=body + b"--B--\r\n", headers=headers)
    assert response.status_code == 400
    assert "The form lacks the field “title”." in await response.get_data(as_text=True)


async def test_a_form_may_come_as_json(alice: Visitor, visitor: Visitor) -> None:
    headers = {"X-CSRFToken": await alice.token()}
    fields = {"title": "From JSON", "text": "x"}
    response = await alice.open("/add", "POST", json=fields, headers=headers)
    assert response.status_code == 302
    assert "From JSON" in await visitor.text("/")
    response = await alice.open("/add", "POST", json={**fields, "title": ""}, headers=headers)
    assert response.status_code == 422
