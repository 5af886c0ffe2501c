"""The form that reads the request."""

import weakref
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cached_property
from inspect import isawaitable
from typing import Any, Final, Self

from markupsafe import Markup
from quart import g, session
from werkzeug.datastructures import MultiDict
from wtforms import Field, FieldList, Form, FormField, HiddenField
from wtforms.csrf.core import CSRF, CSRFTokenField
from wtforms.fields.choices import SelectFieldBase
from wtforms.meta import DefaultMeta
from wtforms.widgets import HiddenInput

from qapp.ext.csrf import check_csrf, generate_csrf
from qapp.ext.csrf_signing import csrf_config
from qapp.ext.proxies import behind

from .submission import OwnPart, is_submitted, read_submission
from .validation import AsyncValidation, Run, Validator


class _Auto(Enum):
    REQUEST = "the current request"


AUTO: Final = _Auto.REQUEST
# Fields that hand on their form, to those in them or to a function that tells their choices.
MAKERS: Final = (FieldList, FormField, SelectFieldBase)


class _TokenField(CSRFTokenField):  # type: ignore[misc]  # WTForms ships no types
    """Signs its token when that is asked for, as a form that was sent is rarely shown again."""

    def process(self, *args: Any, **kwargs: Any) -> None:
        HiddenField.process(self, *args, **kwargs)
        own_session = behind(session)
        own_session.accessed = True  # as `generate_csrf` has it
        if not own_session.get(self.meta.csrf_field_name):
            self.current_token = self.csrf_impl.generate_csrf_token(self)

    @cached_property
    def current_token(self) -> str:
        """The token that is rendered, whatever the form was sent with."""
        token: str = self.csrf_impl.generate_csrf_token(self)
        return token


class _SessionCSRF(CSRF):  # type: ignore[misc]
    field_class = _TokenField

    def generate_csrf_token(self, csrf_token_field: Field) -> str:
        meta = csrf_token_field.meta
        return generate_csrf(_own_secret(meta), meta.csrf_field_name)

    def validate_csrf_token(self, form: Form, field: Field) -> None:
        if not behind(g).get("csrf_valid", False):
            meta = field.meta
            secret, limit_s = _own_secret(meta), meta.csrf_time_limit
            check_csrf(field.data, secret, limit_s, meta.csrf_field_name)


def _own_secret(meta: DefaultMeta) -> str | bytes | None:
    """Return the secret of a form that has one; None is the app's, with its older ones."""
    secret: str | bytes | None = meta.csrf_secret
    return None if secret == _app_secret() else secret


def _app_secret() -> str | bytes | None:
    config = csrf_config()
    secret: str | bytes | None = config["WTF_CSRF_SECRET_KEY"] or config["SECRET_KEY"]
    return secret


class QuartForm(Form, AsyncValidation):  # type: ignore[misc]  # WTForms ships no types
    """A form of the current request, with a CSRF token unless `WTF_CSRF_ENABLED` is off.

    Build it by `await create_form()`; the plain constructor takes the values it is handed and
    reads no request.

    Validators may be async: `async def validate_<field>(form, field)`, and coroutine functions or
    what returns an awaitable among a field's `validators` and the `extra_validators`. They run
    after the sync ones of their field, in order, unless the field has an error by then or was
    stopped, as by `Optional`; one after the other, also those of different fields. They raise
    `ValidationError` and `StopValidation`; any other error ends the validation.

    Messages are WTForms' own, in English. In the visitor's language, where WTForms has it:
    `create_form(meta={"locales": ["de", "en"]})`; from elsewhere, by `Meta.get_translations(form)`
    as WTForms has it. `WTF_I18N_ENABLED`, by which Flask-WTF asks Flask-Babel, is not read, as
    Flask-Babel needs Flask.
    """

    class Meta(DefaultMeta):  # type: ignore[misc]
        """Read the CSRF settings from the app; what a form's own `Meta` or `meta` says goes first.

        `csrf`, `csrf_class`, `csrf_secret`, `csrf_field_name` and `csrf_time_limit` in seconds,
        where None is as long as the session lives.
        """

        csrf_class = _SessionCSRF
        csrf_context = session  # for a csrf_class of WTForms, such as SessionCSRF

        @cached_property
        def csrf(self) -> bool:
            """Return whether the form has a token: one for all that is nested in a form."""
            outer = getattr(self, "_parent_form", None)
            while outer is not None:
                if isinstance(outer, QuartForm):
                    return False
                outer = outer._parent_form
            return bool(csrf_config()["WTF_CSRF_ENABLED"])

        @cached_property
        def csrf_secret(self) -> str | bytes | None:
            """Return what signs the token."""
            return _app_secret()

        @cached_property
        def csrf_field_name(self) -> str:
            """Return the name of the token's field, and of its place in the session."""
            name: str = csrf_config()["WTF_CSRF_FIELD_NAME"]
            return name

        @cached_property
        def csrf_time_limit(self) -> int | None:
            """Return for how many seconds a token is good."""
            limit_s: int | None = csrf_config()["WTF_CSRF_TIME_LIMIT"]
            return limit_s

        def bind_field(self, form: Form, unbound_field: Any, options: Mapping[str, Any]) -> Field:
            """Let a field know its form without keeping it, unless it makes others of that form.

            In a circle, each form would stay until Python looks for garbage.
            """
            makes_others = issubclass(unbound_field.field_class, MAKERS)
            owner = form if makes_others else weakref.proxy(form)
            return super().bind_field(owner, unbound_field, options)

        def wrap_formdata(self, form: Form, formdata: Any) -> Any:
            """Give files to file fields only, and text only to all others."""
            if isinstance(formdata, MultiDict | OwnPart):
                return OwnPart(form, formdata)
            return super().wrap_formdata(form, formdata)

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
            formdata = await read_submission() if is_submitted() else None
        return cls(formdata, **kwargs)

    def is_submitted(self) -> bool:
        """Return whether the current request's method submits a form."""
        return is_submitted()

    def validate(self, extra_validators: Mapping[str, Iterable[Validator]] | None = None) -> bool:
        """Return whether the form is valid, where no validator is async.

        A subclass may override it, by a coroutine function too: that one calls this one for the
        sync validators (the others follow after it) or `await super().validate_async()` for all.

        :raises RuntimeError: if a validator is async.
        """
        # In lists of its own: WTForms appends each `validate_<field>` to those it is given.
        extra = {name: list(own) for name, own in (extra_validators or {}).items()}
        return bool(super().validate(extra))

    async def validate_async(
        self, extra_validators: Mapping[str, Iterable[Validator]] | None = None
    ) -> bool:
        """Return whether the form is valid, async validators included; `errors` tells what is not.

        :param extra_validators: more of them by the name of the field, to run after its own.
        """
        if self._async_run is not None:  # an overridden `validate` asks; that one is running
            is_valid = QuartForm.validate(self, extra_validators)
            return await self._async_run.finish() and is_valid
        run = self._async_run = Run()
        try:
            # An override need not take the argument.
            arguments = () if extra_validators is None else (extra_validators,)
            result: object = self.validate(*arguments)
            if not isinstance(result, bool) and isawaitable(result):
                result = await result
            return await run.finish() and bool(result)
        finally:
            run.drop()
            self._async_run = None

    async def validate_on_submit(
        self, extra_validators: Mapping[str, Iterable[Validator]] | None = None
    ) -> bool:
        """Return whether the form is submitted and valid; `errors` tells what is not."""
        return self.is_submitted() and await self.validate_async(extra_validators)

    def hidden_tag(self, *fields: str | Field) -> Markup:
        """Render the hidden fields, all or the given ones; others among these are skipped."""
        chosen = [self._fields.get(f) if isinstance(f, str) else f for f in fields or self]
        hidden = [f for f in chosen if f is not None and isinstance(f.widget, HiddenInput)]
        # Without ids, which would stand twice on a page with two forms.
        return Markup("\n").join(f(id=False) for f in hidden)
