"""How a view gets its form."""

from __future__ import annotations

from typing import Any, TypeVar

from quart import request
from werkzeug.exceptions import BadRequest
from wtforms import BooleanField, HiddenField, SubmitField

from qapp.ext.forms import QuartForm

F = TypeVar("F", bound=QuartForm)


async def read_form(form_class: type[F], **kwargs: Any) -> F:
    """Return a form, filled when the request submits one; `kwargs` go to `create_form`.

    :raises BadRequest: if a field was not sent at all, naming it. A browser sends every field,
        empty ones too, only not a box that is not ticked.
    """
    form = await form_class.create_form(**kwargs)
    if form.is_submitted() and not request.is_json:
        posted = await request.form
        for field in form:
            optional = isinstance(field, BooleanField | HiddenField | SubmitField)
            if not optional and field.name not in posted:
                raise BadRequest(f"The form lacks the field “{field.name}”.")
    return form
