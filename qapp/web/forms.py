"""How a view gets its form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from werkzeug.exceptions import BadRequest
from wtforms import (
    BooleanField,
    ButtonField,
    Field,
    FieldList,
    FileField,
    FormField,
    RadioField,
    SelectMultipleField,
)
from wtforms.csrf.core import CSRFTokenField

from qapp.ext.forms import QuartForm

F = TypeVar("F", bound=QuartForm)

# Of these a browser sends nothing when nothing is ticked, chosen or clicked; a list has the entries
# that are sent, and a token may come in a header instead.
SENT_IF_CHOSEN = (
    BooleanField,
    ButtonField,
    CSRFTokenField,
    FieldList,
    FileField,
    RadioField,
    SelectMultipleField,
)


async def read_form(form_class: type[F], **kwargs: Any) -> F:
    """Return a form, filled when the request submits one; `kwargs` go to `create_form`.

    :raises BadRequest: if a field was not sent at all, naming it. A browser sends every field,
        empty ones too, but for boxes, choices and files of which none is chosen.
    """
    form = await form_class.create_form(**kwargs)
    if form.is_submitted():
        for field in _flat(form):
            if not field.raw_data and not isinstance(field, SENT_IF_CHOSEN):
                raise BadRequest(f"The form lacks the field “{field.name}”.")
    return form


def _flat(fields: Iterable[Field]) -> Iterator[Field]:
    """Yield the fields, and in the place of nested forms their fields."""
    for field in fields:
        if isinstance(field, FormField):
            yield from _flat(field)
        else:
            yield field


def stripped(value: str | None) -> str | None:
    """Remove the blanks around a text."""
    return value.strip() if value is not None else None
