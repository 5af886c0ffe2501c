"""Which validators are to be awaited."""

from __future__ import annotations

from functools import lru_cache, partial
from inspect import iscoroutinefunction
from types import FunctionType, MethodType

from wtforms import Field, FieldList, FormField

# What says of itself whether it is async; of all others their class does.
FUNCTIONS = frozenset({FunctionType, MethodType, partial})
# Validators of these modules' classes return nothing; of any other, nobody knows before the call.
OWN_MODULES = ("wtforms.", f"{__package__}.")


def is_plain(field: Field) -> bool:
    """Return whether nothing of a field is to be awaited: then WTForms may call all of it."""
    if isinstance(field, FieldList | FormField):
        return False
    kinds: list[type] = [type(validator) for validator in field.validators]
    return all(map(_returns_nothing, kinds))


@lru_cache(maxsize=1000)
def _returns_nothing(kind: type) -> bool:
    return kind.__module__.startswith(OWN_MODULES) and not _is_called_async(kind)


def is_async(validator: object) -> bool:
    """Return whether a validator is a coroutine function, or an object called like one."""
    kind: type = type(validator)
    if kind in FUNCTIONS:
        return iscoroutinefunction(validator)
    return _is_called_async(kind)


@lru_cache(maxsize=1000)
def _is_called_async(kind: type) -> bool:
    # Looked up once a class: `iscoroutinefunction` takes longer than most validators do.
    return iscoroutinefunction(getattr(kind, "__call__", None))  # noqa: B004  # not whether, but which
