"""What a request submits, as WTForms expects it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from quart import has_request_context, request
from werkzeug.datastructures import CombinedMultiDict, FileStorage, MultiDict
from werkzeug.exceptions import BadRequest
from wtforms import Field, FieldList, FileField, Form, FormField
from wtforms.fields.core import UnboundField

from qapp.ext.proxies import behind

from .validation import AsyncValidation

SUBMIT_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What may stand under a name, said by whether it is a file.
_TEXT: Final = frozenset({False})
_FILE: Final = frozenset({True})
_TOO_LONG_INDEX: Final = re.compile("[0-9]{10}")


def is_submitted() -> bool:
    """Return whether there is a request, and its method submits something."""
    return has_request_context() and behind(request).method in SUBMIT_METHODS


async def read_submission() -> MultiDict[str, Any]:
    """Return what the request submits, empty but never None: an unticked box sends nothing.

    :raises BadRequest: if a JSON body cannot be read as a form.
    """
    asked = behind(request)
    if not asked.is_json:
        files, form = await asked.files, await asked.form
        return CombinedMultiDict([files, form]) if files else form
    try:
        body = await asked.get_json(silent=True)
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


class OwnPart(Mapping[str, Any]):
    """What of a submission may reach a form: files file fields only, and text all others only.

    Anybody can upload a file under the name of a text field, and `int()` or `len()` of a file is a
    TypeError. Entries of a FieldList count, and so do nested forms; a QuartForm among these has a
    part of its own, another form gets text only.

    A view and no copy: a list of a thousand nested forms would make a thousand copies.
    """

    def __init__(self, form: Form, submission: MultiDict[str, Any] | OwnPart) -> None:
        self._all: MultiDict[str, Any] = (
            submission._all if isinstance(submission, OwnPart) else submission
        )
        self._lists: dict[str, list[Any]] = {}
        self._fields = {field.name: field for field in form}

    def getlist(self, name: str) -> list[Any]:
        """Return the values under a name, as WTForms asks for them."""
        values = self._lists.get(name)
        if values is None:  # each field asks whether there are some, and then for them
            kinds = self._kinds(name)
            values = self._lists[name] = [
                value
                for value in self._all.getlist(name)
                if isinstance(value, FileStorage) in kinds
            ]
        return [*values]

    def __getitem__(self, name: str) -> Any:
        for value in self.getlist(name):
            return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.getlist(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __bool__(self) -> bool:
        return bool(self._all)

    @cached_property
    def _parents(self) -> list[Field]:
        # The longest name first: of "a" and "a-b", "a-b-0" belongs to the latter.
        parents = [f for f in self._fields.values() if isinstance(f, FieldList | FormField)]
        return sorted(parents, key=lambda field: -len(field.name))

    @cached_property
    def _names(self) -> list[str]:
        # Those of others first, at little cost: each list of each nested form asks for all names.
        own = tuple(self._fields)
        return [n for n in self._all if isinstance(n, str) and n.startswith(own) and n in self]

    def _kinds(self, name: str) -> frozenset[bool]:
        if name in self._fields:
            return _FILE if isinstance(self._fields[name], FileField) else _TEXT
        # FieldList takes for an index what `isdigit` calls digits, but int() refuses "²" and more
        # than 4300 of them.
        has_odd_digit = not name.isascii() and any(c.isdigit() and not c.isascii() for c in name)
        if has_odd_digit or _TOO_LONG_INDEX.search(name):
            return frozenset()
        for parent in self._parents:
            if name.startswith(parent.name):
                return _kinds_within(parent)
        return _TEXT


def _kinds_within(field: Field | UnboundField) -> frozenset[bool]:
    """Return what a FieldList or a FormField may hold; entries are judged before they are made."""
    if isinstance(field, FieldList):
        return _kinds_within(field.unbound_field)
    if isinstance(field, FormField):
        return _kinds_of_form(field.form_class)
    if issubclass(field.field_class, FieldList):
        return _kinds_within(_argument(field, "unbound_field"))
    if issubclass(field.field_class, FormField):
        return _kinds_of_form(_argument(field, "form_class"))
    return _FILE if issubclass(field.field_class, FileField) else _TEXT


def _argument(field: UnboundField, name: str) -> Any:
    return field.args[0] if field.args else field.kwargs[name]


def _kinds_of_form(form_class: type[Form]) -> frozenset[bool]:
    return _TEXT | _FILE if issubclass(form_class, AsyncValidation) else _TEXT
