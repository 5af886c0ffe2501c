"""What a program is told when its request can't be answered, for every path of the API."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from quart import Quart, Response
from quart_schema.validation import (
    QuerystringValidationError,
    RequestHeadersValidationError,
    RequestSchemaValidationError,
)

from qapp.web.errors import Words, error_response

from .models import Fault

MOST_FAULTS = 20
# What pydantic says in the words of Python.
PLAIN = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field here.",
    "model_type": "This has to be a JSON object.",
    "model_attributes_type": "This has to be a JSON object.",
    "string_type": "This has to be a text.",
    "string_unicode": "This is no Unicode text: it holds half a character.",
    "list_type": "This has to be a list.",
    "int_parsing": "This has to be a whole number.",
    "int_type": "This has to be a whole number.",
    "int_from_float": "This has to be a whole number.",
    "finite_number": "This has to be a whole number.",
    "is_instance_of": "This has to be a file, and one alone.",
}


class Invalid(Exception):
    """The request can be read, but something in it can't be used."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults


def init_app(app: Quart) -> None:
    """Register the handlers of what only the API raises."""
    app.register_error_handler(Invalid, handle_invalid)
    app.register_error_handler(RequestSchemaValidationError, handle_schema)


def fault(field: str, detail: str) -> Invalid:
    """Return the error of a field, named as in `Fault`, with what is wrong with it."""
    return Invalid(Fault(field=field, detail=detail))


async def handle_invalid(error: Invalid) -> Response:
    """Answer 422, naming each field and its fault."""
    count = len(error.faults)
    shown = error.faults[:MOST_FAULTS]
    said = " ".join(f"{each.field}: {each.detail}" for each in shown[:3])
    sentence = f"The request has {'a fault' if count == 1 else f'{count} faults'}."
    return await error_response(
        422, Words(sentence, said), faults=[each.model_dump() for each in shown]
    )


async def handle_schema(error: RequestSchemaValidationError) -> Response:
    """Answer 422 to what does not fit its model."""
    wrong = error.validation_error
    if not isinstance(wrong, ValidationError):  # a body that is no object at all
        return await handle_invalid(fault("", PLAIN["model_type"]))
    is_body = not isinstance(error, QuerystringValidationError | RequestHeadersValidationError)
    found = wrong.errors(include_url=False, include_context=False, include_input=False)
    return await handle_invalid(Invalid(*faults_of(found, is_body=is_body)))


def faults_of(found: Iterable[ErrorDetails], *, is_body: bool) -> list[Fault]:
    """Return what pydantic has found: where, as a pointer in a body, and what."""
    faults = []
    for each in found:
        names = [shown(str(part)) for part in each["loc"]]
        pointer = "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in names)
        text = PLAIN.get(each["type"]) or f"{each['msg']}."
        if each["type"] == "string_pattern_mismatch":
            text = "This holds what it may not, or nothing but blanks."
        faults.append(Fault(field=pointer if is_body else ".".join(names), detail=text))
    return faults


def shown(name: str) -> str:
    """Return a name from outside as it can be shown: not too long, and nothing that hides."""
    return "".join(letter if letter.isprintable() else "�" for letter in name[:60])
