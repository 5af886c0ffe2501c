import gc
import io
import re
import time
import weakref
from datetime import timedelta
from textwrap import dedent
from typing import Any

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from quart import Quart, render_template_string, request, session
from quart.datastructures import FileStorage
from quart.testing.client import QuartClient
from quart.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from wtforms import fields, validators
from wtforms.csrf.session import SessionCSRF

from qapp.ext import forms
from qapp.ext.csrf import CSRFProtect, generate_csrf
from qapp.ext.forms import AUTO, NoControlCharacters, QuartForm

SECRET = "the secret of the tests"
NONCE = "5ca1ab1e" * 5
TOKEN = str(URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(NONCE))
NO_CSRF = {"csrf": False}


class HourOldSigner(TimestampSigner):
    def get_timestamp(self) -> int:
        return int(time.time()) - 3601


class PostForm(QuartForm):
    title = fields.StringField(validators=[validators.DataRequired(), validators.Length(max=20)])
    stars = fields.IntegerField(validators=[validators.Optional()])
    day = fields.DateField(validators=[validators.Optional()])
    tags = fields.SelectMultipleField(choices=["a", "b"])
    draft = fields.BooleanField()
    token_of_draft = fields.HiddenField(default="7")


class ShortForm(QuartForm):
    title = fields.StringField(validators=[validators.DataRequired()])
    draft = fields.BooleanField()


class UploadForm(QuartForm):
    photo = fields.FileField()
    more = fields.MultipleFileField()
    name = fields.StringField()
    names = fields.FieldList(fields.StringField())
    post = fields.FormField(PostForm)


def make_app(**config: Any) -> Quart:
    """Return an app whose page answers what the form holds, and in which no form has a token."""
    app = Quart("site")
    app.config.update({"SECRET_KEY": SECRET, "WTF_CSRF_ENABLED": False, **config})

    @app.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def page() -> ResponseReturnValue:
        form = await PostForm.create_form()
        valid = await form.validate_on_submit()
        return {"valid": valid, "errors": form.errors, "title": form.title.data}

    return app


async def post(app: Quart | None = None, **options: Any) -> dict[str, Any]:
    client = QuartClient(app or make_app())
    async with client.session_transaction() as stored:
        stored["csrf_token"] = NONCE
    response = await client.open("/", **{"method": "POST", **options})
    answer: dict[str, Any] = await response.get_json()
    return answer


async def refusal(**options: Any) -> str:
    """Post what cannot be read as a form, and return the page that says so."""
    response = await make_app().test_client().post("/", **options)
    assert response.status_code == 400
    return await response.get_data(as_text=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_form_is_filled_and_validated_when_the_method_submits(method: str) -> None:
    answer = await post(method=method, form={"title": "Hello"})
    assert answer == {"valid": True, "errors": {}, "title": "Hello"}
    answer = await post(method=method)
    assert answer["errors"] == {"title": ["This field is required."]}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_form_is_neither_filled_nor_validated_by_a_safe_method(method: str) -> None:
    async with make_app().test_request_context("/?title=Hello", method=method):
        form = await PostForm.create_form(title="a default")
        assert not form.is_submitted()
        assert not await form.validate_on_submit()
        assert (form.title.data, form.errors) == ("a default", {})


async def test_a_box_that_is_on_by_default_is_off_when_nothing_is_submitted() -> None:
    async with make_app().test_request_context("/", method="POST"):
        assert (await PostForm.create_form(AUTO, draft=True)).draft.data is False


async def test_values_handed_in_take_the_place_of_the_request() -> None:
    async with make_app().test_request_context("/", method="POST", form={"title": "posted"}):
        given = await PostForm.create_form(MultiDict({"title": "given"}))
        assert (given.title.data, given.is_submitted()) == ("given", True)
        none = await PostForm.create_form(formdata=None, data={"title": "a default"})
        assert none.title.data == "a default"
        prefixed = await PostForm.create_form(MultiDict({"a-title": "x"}), prefix="a")
        assert prefixed.title.data == "x"
        with pytest.raises(TypeError, match="getlist"):
            await PostForm.create_form({"title": "no multidict"})  # type: ignore[arg-type]


async def test_outside_a_request_a_form_is_not_submitted() -> None:
    assert not (await PostForm.create_form(meta=NO_CSRF)).is_submitted()


async def test_a_form_is_forgotten_without_a_search_and_its_fields_may_outlive_it() -> None:
    async with make_app().test_request_context("/", method="POST", form={"title": "x"}):
        form = await ShortForm.create_form()
        await form.validate_on_submit()
        known, title = weakref.ref(form), form.title
        gc.disable()
        try:
            del form
            assert known() is None
        finally:
            gc.enable()
        assert 'value="x"' in title()


async def test_extra_validators_are_asked_on_submit() -> None:
    async with make_app().test_request_context("/", method="POST", form={"title": "x"}):
        form = await PostForm.create_form()
        assert not await form.validate_on_submit({"title": [validators.Length(min=9)]})
        assert form.errors == {"title": ["Field must be at least 9 characters long."]}


async def submit_files(form: dict[str, str], names: list[str]) -> UploadForm:
    files = {name: FileStorage(io.BytesIO(b"data"), filename=f"{name}.png") for name in names}
    seen: list[UploadForm] = []
    app = make_app()

    @app.post("/upload")
    async def upload() -> str:
        seen.append(await UploadForm.create_form())
        return "read"

    response = await QuartClient(app).open("/upload", method="POST", form=form, files=files)
    assert await response.get_data(as_text=True) == "read"
    return seen[0]


async def test_files_reach_file_fields_and_text_reaches_the_others() -> None:
    form = await submit_files({"name": "Ann"}, ["photo", "more"])
    assert (form.photo.data.filename, form.more.data[0].filename) == ("photo.png", "more.png")
    assert form.name.data == "Ann"


async def test_a_file_under_the_name_of_a_text_field_is_dropped_and_the_reverse() -> None:
    form = await submit_files({"photo": "text"}, ["name", "names-0", "post-title"])
    assert (form.photo.data, form.name.data, form.names.data) == (None, None, [])
    assert form.post.form.title.data is None


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"title": "Hello", "unknown": 1}, {"title": "Hello"}),
        ({"title": 5, "stars": 3}, {"title": "5", "stars": 3}),
        ({"title": 1.5, "stars": "4"}, {"title": "1.5", "stars": 4}),
        ({"title": True, "draft": True}, {"title": "true", "draft": True}),
        ({"title": "x", "draft": False, "stars": None}, {"draft": False, "stars": None}),
        ({"title": ["x", "y"], "tags": ["a", "b"]}, {"title": "x", "tags": ["a", "b"]}),
    ],
)
async def test_json_counts_as_the_form_it_stands_for(
    body: dict[str, Any], data: dict[str, Any]
) -> None:
    async with make_app().test_request_context("/", method="POST", json=body):
        form = await PostForm.create_form()
        assert await form.validate_on_submit()
        assert {name: form.data[name] for name in data} == data


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"stars": 1}, {"title": ["This field is required."]}),
        ({"title": "x", "stars": [True]}, {"stars": ["Not a valid integer value."]}),
        ({"title": "x", "stars": 1e999}, {"stars": ["Not a valid integer value."]}),
        ({"title": "x", "day": 20261120}, {"day": ["Not a valid date value."]}),
        ({"title": 10**40}, {"title": ["Field cannot be longer than 20 characters."]}),
    ],
)
async def test_json_of_the_wrong_kind_is_an_error_of_its_field(
    body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    assert (await post(json=body))["errors"] == errors


@pytest.mark.parametrize("value", [{"a": 1}, [["x"]], [{"a": None}], {}])
async def test_nested_json_is_refused_and_its_field_named(value: object) -> None:
    page = await refusal(json={"title": value})
    assert "The JSON value of &#39;title&#39; must be text, a number, or a list of these." in page


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        *((b, "must be a JSON object of form fields") for b in (b"[]", b'"a"', b"5", b"null")),
        *((b, "must be a JSON object of form fields") for b in (b"{", b"", b"[{}]")),
        *((body, "is not valid JSON") for body in (b'{"title": "\xff"}', b"[" * 100_000)),
    ],
    ids=lambda value: ascii(value[:20]),
)
async def test_json_that_is_no_object_is_refused(body: bytes, reason: str) -> None:
    page = await refusal(data=body, headers={"Content-Type": "application/json"})
    assert f"The body {reason}." in page


async def test_half_a_character_in_json_is_refused_even_in_a_name() -> None:
    page = await refusal(json={"title": "a\ud800"})
    assert "The JSON text of &#39;title&#39; holds half a character." in page
    page = await refusal(json={"\udfff" * 50: ["\ud800"]})
    assert "of &#39;" + "\\udfff" * 40 + "&#39; holds half a character." in page


async def test_hidden_tag_renders_hidden_fields_and_skips_all_others() -> None:
    async with make_app(WTF_CSRF_ENABLED=True).test_request_context("/"):
        form = await PostForm.create_form()
        token, draft = str(form.csrf_token(id=False)), str(form.token_of_draft(id=False))
        page = await render_template_string("{{ form.hidden_tag() }}", form=form)
        assert page == f"{draft}\n{token}"
        names = ("csrf_token", "title", "unknown", "validate")
        assert form.hidden_tag(*names, form.token_of_draft, form.title) == f"{token}\n{draft}"
        assert f'name="csrf_token" type="hidden" value="{generate_csrf()}"' in token


async def test_a_form_has_a_token_by_the_settings_of_its_app_or_its_own() -> None:
    async with make_app(WTF_CSRF_FIELD_NAME="proof").test_request_context("/"):
        assert "proof" not in await PostForm.create_form()
        assert "proof" in await PostForm.create_form(meta={"csrf": True})
    app = Quart("no CSRFProtect, no settings")
    app.secret_key = SECRET
    async with app.test_request_context("/"):
        assert "csrf_token" not in await PostForm.create_form(meta=NO_CSRF)
        assert "csrf_token" not in session
        assert "csrf_token" in await PostForm.create_form()
        assert "csrf_token" in session


@pytest.mark.parametrize("kind", ["form", "json"])
@pytest.mark.parametrize(
    ("token", "errors"),
    [
        (TOKEN, {}),
        ("", {"csrf_token": ["The CSRF token is missing."]}),
        ("\0é", {"csrf_token": ["The CSRF token is invalid."]}),
    ],
    ids=["good", "none", "bad"],  # of the good one's own text each process would have another
)
async def test_a_form_checks_its_token_itself_where_no_csrfprotect_did(
    kind: str, token: str, errors: dict[str, list[str]]
) -> None:
    body = {"title": "x", "csrf_token": token}
    assert (await post(make_app(WTF_CSRF_ENABLED=True), **{kind: body}))["errors"] == errors


async def test_a_form_trusts_the_check_of_csrfprotect() -> None:
    CSRFProtect(app := make_app(WTF_CSRF_ENABLED=True))
    answer = await post(app, json={"title": "x"}, headers={"X-CSRFToken": TOKEN})
    assert answer["errors"] == {}


class NoteForm(QuartForm):
    line = fields.StringField(validators=[NoControlCharacters(), validators.Length(min=100)])
    text = fields.TextAreaField(validators=[NoControlCharacters(allow="\n\r\t")])
    code = fields.StringField(validators=[NoControlCharacters("Letters only.")])
    number = fields.IntegerField(validators=[NoControlCharacters()])


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\0", "a NUL character"),
        *((character, "a line break") for character in "\n\r"),
        ("\t", "a tab"),
        *((c, f"the control character U+00{ord(c):02X}") for c in "\x01\x1b\x1f"),
        *((c, f"the lone surrogate U+{ord(c):X}") for c in "\ud800\udfff"),
    ],
)
async def test_control_characters_are_refused_by_name(character: str, name: str) -> None:
    message = f"This field must not contain {name}."
    data = MultiDict(dict.fromkeys(("line", "text", "code"), f"a{character}b"))
    form = await NoteForm.create_form(data, meta=NO_CSRF)
    assert not form.validate()
    assert form.line.errors == [message]  # and not also that it is too short
    assert form.text.errors == ([] if character in "\n\r\t" else [message])
    assert form.code.errors == ["Letters only."]


async def test_other_characters_and_other_kinds_of_data_pass() -> None:
    text = " ~\x7fé\N{SNOWMAN}\U0001f600" * 20
    data = MultiDict({"line": text, "text": f"{text}\r\n\t", "number": "5"})
    assert (await NoteForm.create_form(data, meta=NO_CSRF)).validate()


async def test_the_app_of_the_docstring_runs() -> None:
    assert forms.__doc__ is not None
    names: dict[str, Any] = {"__name__": __name__}
    exec(dedent(forms.__doc__[forms.__doc__.index("    from") :]), names)  # noqa: S102
    client: QuartClient = names["app"].test_client()
    page = await (await client.get("/")).get_data(as_text=True)
    token = re.search('value="([^"]+)"', page)
    assert token is not None
    for name, answer in (
        ("Ann", "Hello Ann"),
        ("Bob", "{&#39;name&#39;: [&#39;Bob is taken.&#39;]}"),
    ):
        form = {"name": name, "csrf_token": token[1]}
        assert answer in await (await client.post("/", form=form)).get_data(as_text=True)
    assert "token is missing" in await (await client.post("/")).get_data(as_text=True)


@pytest.mark.parametrize("protected", [False, True])
async def test_a_nested_form_needs_no_token_of_its_own(protected: bool) -> None:
    class Outer(QuartForm):
        post = fields.FormField(PostForm)
        posts = fields.FieldList(fields.FormField(PostForm))

    app = make_app(WTF_CSRF_ENABLED=True)
    if protected:
        CSRFProtect(app)

    @app.post("/nested")
    async def nested() -> ResponseReturnValue:
        form = await Outer.create_form()
        return {"valid": await form.validate_on_submit(), "fields": sorted(form.post.form.data)}

    client = QuartClient(app)
    async with client.session_transaction() as stored:
        stored["csrf_token"] = NONCE
    form = {"csrf_token": TOKEN, "post-title": "x", "posts-0-title": "x"}
    answer = await (await client.post("/nested", form=form)).get_json()
    assert answer == {"valid": True, "fields": sorted(PostForm(meta=NO_CSRF).data)}
    if not protected:
        del form["csrf_token"]
        answer = await (await client.post("/nested", form=form)).get_json()
        assert answer["valid"] is False


async def test_a_form_has_a_secret_a_name_and_a_time_of_its_own() -> None:
    class OwnForm(QuartForm):
        class Meta:
            csrf_secret = "its own"
            csrf_field_name = "proof"
            csrf_time_limit = None

    async with make_app(WTF_CSRF_ENABLED=True).test_request_context("/", method="POST"):
        token = (await OwnForm.create_form()).proof.current_token
        nonce = URLSafeTimedSerializer("its own", salt="wtf-csrf-token").loads(token)
        assert session["proof"] == nonce
        old = URLSafeTimedSerializer("its own", salt="wtf-csrf-token", signer=HourOldSigner)
        for sent, is_valid in ((old.dumps(nonce), True), (generate_csrf(None, "proof"), False)):
            form = await OwnForm.create_form(MultiDict({"proof": sent}))
            assert await form.validate_on_submit() == is_valid


async def test_the_limit_of_a_form_is_in_seconds() -> None:
    app = make_app(WTF_CSRF_ENABLED=True, WTF_CSRF_TIME_LIMIT=None)
    async with app.test_request_context("/", method="POST"):
        session["csrf_token"] = NONCE
        old = URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token", signer=HourOldSigner).dumps(
            NONCE
        )
        for limit_s, is_valid in ((3600, False), (3700, True), (None, True)):
            meta = {"csrf_time_limit": limit_s}
            form = await PostForm.create_form(
                MultiDict({"title": "x", "csrf_token": old}), meta=meta
            )
            assert await form.validate_on_submit() == is_valid


async def test_a_form_may_have_another_kind_of_token() -> None:
    class OwnForm(QuartForm):
        class Meta:
            csrf_class = SessionCSRF
            csrf_secret = b"its own"
            csrf_time_limit = timedelta(minutes=5)

    async with make_app(WTF_CSRF_ENABLED=True).test_request_context("/", method="POST"):
        token = (await OwnForm.create_form()).csrf_token.current_token
        assert "##" in token
        for sent, is_valid in ((token, True), (generate_csrf(), False)):
            form = await OwnForm.create_form(MultiDict({"csrf_token": sent}))
            assert await form.validate_on_submit() == is_valid


async def test_fallback_keys_sign_forms_still() -> None:
    old = str(URLSafeTimedSerializer("old", salt="wtf-csrf-token").dumps(NONCE))
    app = make_app(WTF_CSRF_ENABLED=True, SECRET_KEY_FALLBACKS=["old"])
    assert (await post(app, form={"title": "x", "csrf_token": old}))["valid"]


async def test_messages_are_in_the_language_that_is_asked_for() -> None:
    app = Quart("site")
    app.config.update(WTF_CSRF_ENABLED=False, WTF_I18N_ENABLED=True)

    @app.post("/")
    async def page() -> ResponseReturnValue:
        asked = request.accept_languages.best_match(["en", "de"], "en")
        form = await PostForm.create_form(meta={"locales": [asked]})
        await form.validate_on_submit()
        return {"errors": form.errors["title"]}

    for language, message in (
        ("de-AT,de;q=0.9", "Dieses Feld wird benötigt."),
        ("en", "This field is required."),
        ("fr", "This field is required."),
    ):
        response = await app.test_client().post("/", headers={"Accept-Language": language})
        assert (await response.get_json())["errors"] == [message]


async def test_translations_may_come_from_elsewhere() -> None:
    class Shouting:
        def gettext(self, text: str) -> str:
            return text.upper()

        def ngettext(self, one: str, many: str, count: int) -> str:
            return (one if count == 1 else many).upper()

    class ShoutingForm(PostForm):
        class Meta:
            def get_translations(self, form: QuartForm) -> Shouting:
                return Shouting()

    async with make_app().test_request_context("/", method="POST"):
        form = await ShoutingForm.create_form()
        assert not await form.validate_on_submit()
        assert form.errors["title"] == ["THIS FIELD IS REQUIRED."]
