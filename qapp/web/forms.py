"""How a view gets its form."""

from __future__ import annotations

from typing import Any, TypeVar

from werkzeug.exceptions import BadRequest
from wtforms import BooleanField, SubmitField
from wtforms.csrf.core import CSRFTokenField

from qapp.ext.forms import QuartForm

F = TypeVar("F", bound=QuartForm)


async def read_form(form_class: type[F], **kwargs: Any) -> F:
    """Return a form, filled when the request submits one; `kwargs` go to `create_form`.

    :raises BadRequest: if a field was not sent at all, naming it. A browser sends every field,
        empty ones too, only not a box that is not ticked.
    """
    form = await form_class.create_form(**kwargs)
    if form.is_submitted():
        for field in form:
            # A token may come in a header instead.
            optional = isinstance(field, BooleanField | CSRFTokenField | SubmitField)
            if not optional and not field.raw_data:
                raise BadRequest(f"The form lacks the field “{field.name}”.")
    return form
