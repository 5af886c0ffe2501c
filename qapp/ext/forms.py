"""WTForms on Quart, under Flask-WTF's names: what reads the request or validates is awaited."""

import re
from enum import Enum
from functools import cached_property
from typing import Any, Final, Self

from markupsafe import Markup
from quart import g, has_request_context, request
from werkzeug.datastructures import CombinedMultiDict, FileStorage, MultiDict
from werkzeug.exceptions import BadRequest
from wtforms import Field, FileField, Form
from wtforms.csrf.core import CSRF
from wtforms.meta import DefaultMeta
from wtforms.validators import StopValidation
from wtforms.widgets import HiddenInput

from qapp.ext.csrf import csrf_config, generate_csrf, validate_csrf

SUBMIT_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class _Auto(Enum):
    REQUEST = "the current request"


AUTO: Final = _Auto.REQUEST


class _SessionCSRF(CSRF):  # type: ignore[misc]  # WTForms ships no types
    def generate_csrf_token(self, csrf_token_field: Field) -> str:
        return generate_csrf()

    def validate_csrf_token(self, form: Form, field: Field) -> None:
        if not g.get("csrf_valid", False):
            validate_csrf(field.data)


class QuartForm(Form):  # type: ignore[misc]  # WTForms ships no types
    """A form of the current request, with a CSRF token unless `WTF_CSRF_ENABLED` is off.

    Build it by `await create_form()`; the plain constructor takes the values it is handed and
    reads no request.
    """

    class Meta(DefaultMeta):  # type: ignore[misc]
        """Read the CSRF settings from the app; `meta={"csrf": False}` turns it off for a form."""

        csrf_class = _SessionCSRF

        @cached_property
        def csrf(self) -> bool:
            """Return whether the form has a token."""
            return bool(csrf_config()["WTF_CSRF_ENABLED"])

        @cached_property
        def csrf_field_name(self) -> str:
            """Return the name of the token's field."""
            name: str = csrf_config()["WTF_CSRF_FIELD_NAME"]
            return name

        def wrap_formdata(
            self, form: Form, formdata: MultiDict[str, Any] | None
        ) -> MultiDict[str, Any] | None:
            """Give files to the form's own file fields only, and text only to all others.

            Anybody can upload a file under the name of a text field, and `int()` or `len()` of a
            file is a TypeError.
            """
            if not isinstance(formdata, MultiDict):
                wrapped: MultiDict[str, Any] | None = super().wrap_formdata(form, formdata)
                return wrapped
            file_names = {f.name for f in form if isinstance(f, FileField)}
            return MultiDict(
                (name, value)
                for name, value in formdata.items(multi=True)
                if isinstance(value, FileStorage) == (name in file_names)
            )

    @classmethod
    async def create_form(
        cls, formdata: MultiDict[str, Any] | _Auto | None = AUTO, **kwargs: Any
    ) -> Self:
        """Return the form, filled from the current request when that submits something.

        :param formdata: values to take instead; None takes none.
        :param kwargs: `obj`, `prefix`, `data`, `meta` and defaults of fields, as in WTForms.
        :raises BadRequest: if a JSON body is not an object of texts, numbers and lists of them.
        """
        if formdata is AUTO:
            formdata = await _read_submission() if _is_submitted() else None
        return cls(formdata, **kwargs)

    def is_submitted(self) -> bool:
        """Return whether the current request's method submits a form."""
        return _is_submitted()

    async def validate_on_submit(
        self, extra_validators: dict[str, list[Any]] | None = None
    ) -> bool:
        """Return whether the form is submitted and valid; `errors` tells what is not."""
        return self.is_submitted() and bool(self.validate(extra_validators))

    def hidden_tag(self, *fields: str | Field) -> Markup:
        """Render the hidden fields, all or the given ones; others among these are skipped."""
        chosen = [self._fields.get(f) if isinstance(f, str) else f for f in fields or self]
        hidden = [f for f in chosen if f is not None and isinstance(f.widget, HiddenInput)]
        # Without ids, which would stand twice on a page with two forms.
        return Markup("\n").join(f(id=False) for f in hidden)


class NoControlCharacters:
    """Refuse text with NUL, other C0 control characters or lone surrogates.

    Databases, XML, mail headers and terminals choke on the former, UTF-8 on the latter. Ends the
    field's chain of validators, so that the next one need not expect them.

    :param message: the error, in place of one that names the character.
    :param allow: characters that may pass, such as line breaks and tabs where there are many lines.
    """

    _REFUSED = re.compile("[\0-\x1f\ud800-\udfff]")
    _NAMES: Final = {
        "\0": "a NUL character",
        "\t": "a tab",
        "\n": "a line break",
        "\r": "a line break",
    }

    def __init__(self, message: str | None = None, allow: str = "") -> None:
        self.message = message
        self.allow = allow

    def __call__(self, form: Form, field: Field) -> None:
        """Check the field's text; anything but text passes.

        :raises StopValidation: if it holds such a character.
        """
        if not isinstance(field.data, str):
            return
        for found in self._REFUSED.findall(field.data):
            if found not in self.allow:
                raise StopValidation(self.message or self._describe(found))

    def _describe(self, character: str) -> str:
        kind = "the lone surrogate" if character >= "\ud800" else "the control character"
        name = self._NAMES.get(character, f"{kind} U+{ord(character):04X}")
        return f"This field must not contain {name}."


def _is_submitted() -> bool:
    return has_request_context() and request.method in SUBMIT_METHODS


async def _read_submission() -> MultiDict[str, Any]:
    """Return what the request submits, empty but never None: an unticked box sends nothing.

    :raises BadRequest: if a JSON body cannot be read as a form.
    """
    if not request.is_json:
        return CombinedMultiDict([await request.files, await request.form])
    try:
        body = await request.get_json(silent=True)
    # Quart lets both through: bytes that are not UTF-8, and brackets nested a thousand deep.
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON.") from error
    return _from_json(body)


def _from_json(body: object) -> MultiDict[str, str]:
    """Return JSON as the texts that the same form would post: WTForms expects nothing else."""
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object of form fields.")
    formdata: MultiDict[str, str] = MultiDict()
    for name, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                formdata.add(name, _as_text(name, item))
    return formdata


def _as_text(name: str, value: object) -> str:
    # The name comes from outside: cut, and by repr, which escapes what UTF-8 cannot answer with.
    field = repr(name[:40])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise BadRequest(f"The JSON value of {field} must be text, a number, or a list of these.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # A form post cannot hold one, and showing it in the form again would fail.
        raise BadRequest(f"The JSON text of {field} holds half a character.") from error
    return value
