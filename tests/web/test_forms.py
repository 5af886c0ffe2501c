"""How a view gets its form, and what is missing in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart, flash, render_template, render_template_string
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from wtforms import (
    BooleanField,
    ButtonField,
    FieldList,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
)
from wtforms.validators import DataRequired, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from qapp.ext.forms import FileField, MultipleFileField, QuartForm
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


class Address(QuartForm):
    street = StringField("Street", [DataRequired("Which street?")])
    is_home = BooleanField()
    secret = HiddenField()


class WideForm(QuartForm):
    size = RadioField("Size", choices=["small", "large"], description="Of the shirt.")
    colours = SelectMultipleField("Colours", choices=["red", "blue"])
    days = SelectMultipleField(
        "Days", choices=["Mo", "Tu"], widget=ListWidget(), option_widget=CheckboxInput()
    )
    kind = SelectField("Kind", choices=["a", "b"])
    photo = FileField("Photo")
    photos = MultipleFileField("Photos")
    words = FieldList(StringField("Word"), "Words")
    address = FormField(Address, "Address")
    more = ButtonField("More")

    def validate_words(self, field: FieldList) -> None:
        if field.data == ["x"]:
            raise ValidationError("Another word.")


CHOSEN = {"kind": "a", "address-street": "", "address-secret": ""}


async def test_what_a_browser_leaves_out_when_nothing_is_chosen_is_not_missed(bare: Quart) -> None:
    async with bare.test_request_context("/", method="POST", form=CHOSEN):
        form = await read_form(WideForm)
    assert (form.size.data, form.colours.data, form.days.data) == (None, [], [])
    assert (form.photo.data, form.photos.data, form.words.data) == (None, [], [])


@pytest.mark.parametrize("missing", CHOSEN)
async def test_a_field_of_a_nested_form_is_missed_by_its_full_name(
    bare: Quart, missing: str
) -> None:
    sent = {name: value for name, value in CHOSEN.items() if name != missing}
    async with bare.test_request_context("/", method="POST", form=sent):
        with pytest.raises(BadRequest, match=f"The form lacks the field “{missing}”"):
            await read_form(WideForm)


async def render(app: Quart, call: str, *, path: str = "/", **context: Any) -> str:
    """Return what a macro makes of it, without the blanks between elements."""
    names = "render_form, render_field, render_errors, render_pagination, render_messages"
    source = '{% from "macros/forms.html" import ' + names + " %}{{ " + call + " }}"
    async with app.test_request_context(path):
        text = await render_template_string(source, **context)
    return re.sub(r"\s*\n\s*", "", text)


async def wide(app: Quart, **sent: str) -> WideForm:
    async with app.test_request_context("/"):
        form = await WideForm.create_form(MultiDict(sent) if sent else None, meta={"csrf": False})
        if sent:
            await form.validate_async()
    return form


@pytest.mark.parametrize("name", ["size", "days"])
async def test_a_group_of_boxes_has_a_legend_and_a_label_for_each(app: Quart, name: str) -> None:
    form = await wide(app)
    page = await render(app, f"render_field(form.{name}, data_x='1')", form=form)
    assert page.startswith(f'<fieldset class="field" id="{name}" tabindex="-1"')
    assert f'<legend id="{name}-legend">{form[name].label.text}</legend>' in page
    assert page.count('<div class="form-check"><input class="form-check-input" data-x="1"') == 2
    for i, label in enumerate(form[name].choices):
        assert f'<label for="{name}-{i}">{label}</label>' in page
    is_radio = name == "size"
    role = 'aria-describedby="size-hint" role="radiogroup" aria-labelledby="size-legend">'
    assert (role in page) == is_radio


async def test_a_bad_group_says_so_and_the_summary_leads_to_it(app: Quart) -> None:
    form = await wide(app, **CHOSEN)
    page = await render(app, "render_field(form.size)", form=form)
    assert 'aria-describedby="size-hint size-error" role="radiogroup"' in page
    assert 'aria-labelledby="size-legend" aria-invalid="true"' in page
    assert '<p class="field-error" id="size-error">' in page
    assert '<a href="#size">Size: ' in await render(app, "render_errors(form)", form=form)


async def test_selects_and_file_fields_look_like_controls(app: Quart) -> None:
    form = await wide(app)
    for name, klass, more in (
        ("kind", "form-select", ""),
        ("colours", "form-select", "multiple"),
        ("photo", "form-control", 'type="file"'),
        ("photos", "form-control", "multiple"),
    ):
        page = await render(app, f"render_field(form.{name})", form=form)
        assert f'class="{klass}" id="{name}"' in page
        assert more in page


class Nested(QuartForm):
    albums = FieldList(FormField(WideForm), min_entries=1)


@pytest.mark.parametrize(
    ("form_class", "is_multipart"), [(WideForm, True), (Nested, True), (Form, False)]
)
async def test_a_form_with_files_is_sent_as_multipart(
    app: Quart, form_class: type[QuartForm], is_multipart: bool
) -> None:
    async with app.test_request_context("/"):
        form = await form_class.create_form()
    page = await render(app, "render_form(form)", form=form)
    head = '<form method="post" enctype="multipart/form-data" novalidate>'
    assert page.startswith(head) == is_multipart
    assert page.startswith('<form method="post" novalidate>') != is_multipart
    assert page.count('name="csrf_token"') == 1
    page = await render(app, "render_form(form, enctype='text/plain')", form=form)
    assert page.startswith('<form method="post" enctype="text/plain"')


async def test_nested_forms_and_lists_show_each_field_and_its_errors(app: Quart) -> None:
    form = await wide(app, **{**CHOSEN, "size": "small", "words-0": "x"})
    assert form.errors == {"words": ["Another word."], "address": {"street": ["Which street?"]}}
    page = await render(app, "render_form(form)", form=form)
    assert "<strong>2 things need another look.</strong>" in page
    assert '<li><a href="#words">Words: Another word.</a></li>' in page
    assert '<li><a href="#address-street">Street: Which street?</a></li>' in page
    assert '<p class="field-error" id="words-error">Another word.</p></fieldset>' in page
    assert '<p class="field-error" id="address-street-error">Which street?</p>' in page
    assert '<input id="words-0" name="words-0"' in page.replace('class="form-control" ', "")
    assert 'name="address-secret" type="hidden"' in page
    assert "[" not in page
    assert "{" not in page


class Pages:
    """What Flask-SQLAlchemy's Pagination offers."""

    def __init__(self, page: int, pages: int) -> None:
        self.page, self.pages = page, pages
        self.has_prev, self.has_next = page > 1, page < pages
        self.prev_num = page - 1 if self.has_prev else None
        self.next_num = page + 1 if self.has_next else None

    def iter_pages(self) -> list[int | None]:
        return [1, None, *range(max(2, self.page), self.pages + 1)]


async def test_pages_are_linked_with_what_the_address_asks_for(app: Quart) -> None:
    page = await render(
        app,
        "render_pagination(pages, fragment='list')",
        path="/?q=a+b&q=%22%3E%3Cb&page=3&sort=x",
        pages=Pages(3, 4),
    )
    kept = "?q=a+b&amp;q=%22%3E%3Cb&amp;sort=x&amp;page="
    assert f'href="/{kept}2#list" rel="prev">Previous</a>' in page
    assert f'href="/{kept}4#list" rel="next">Next</a>' in page
    assert '<li class="page-item disabled"><span class="page-link">…</span></li>' in page
    assert '<li class="page-item active"><a class="page-link"' in page
    assert f'href="/{kept}3#list" aria-current="page">3</a>' in page


async def test_the_first_page_has_none_before_and_a_single_one_has_no_links(app: Quart) -> None:
    page = await render(app, "render_pagination(pages, size='sm', align='end')", pages=Pages(1, 2))
    assert '<ul class="pagination pagination-sm justify-content-end">' in page
    assert '<li class="page-item disabled"><span class="page-link">Previous</span></li>' in page
    assert await render(app, "render_pagination(pages)", pages=Pages(1, 1)) == ""


async def test_pages_of_another_address_have_the_values_they_are_given(app: Quart) -> None:
    page = await render(
        app,
        "render_pagination(pages, 'blog.show', args={'post_id': 5, 'q': 'x'})",
        path="/?secret=1",
        pages=Pages(1, 2),
    )
    assert 'href="/post/5?q=x&amp;page=2"' in page
    assert "secret" not in page


async def test_an_address_cannot_choose_where_the_links_lead(app: Quart) -> None:
    path = "/?_scheme=javascript&_external=1&_anchor=x&endpoint=y&_method=POST"
    page = await render(app, "render_pagination(pages)", path=path, pages=Pages(1, 2))
    assert page.count('href="/?_scheme=javascript') == page.count("href=") == 3


async def test_messages_look_as_on_every_page(app: Quart) -> None:
    source = '{% from "macros/forms.html" import render_messages %}{{ render_messages() }}'
    async with app.test_request_context("/"):
        for category in ("success", "warning", "error", "message", "<odd>"):
            await flash(f"<b>{category}", category)
        base = await render_template("base.html")
    async with app.test_request_context("/"):
        for category in ("success", "warning", "error", "message", "<odd>"):
            await flash(f"<b>{category}", category)
        shown = await render_template_string(source)
    first, last = base.index('<div class="flash'), base.rindex("</div>", 0, base.index("</main>"))
    assert shown.split() == base[first : last + 6].split()


async def test_messages_may_be_handed_in_and_look_otherwise(app: Quart) -> None:
    page = await render(
        app,
        "render_messages([('danger', 'no'), ('x', 'what')], {'danger': 'error'}, 'warning', false)",
    )
    assert page == (
        '<div class="flash flash-error" role="alert"><span class="flash-text">no</span></div>'
        '<div class="flash flash-warning" role="alert"><span class="flash-text">what</span></div>'
    )
