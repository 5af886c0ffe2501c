"""Make of the driver's tuples what the caller asked for: rows, NamedTuples or dataclasses."""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Callable
from typing import Any

from qapp.ext.database.contract import Row
from qapp.ext.database.errors import ParameterError

Build = Callable[[tuple[Any, ...]], Any]

SHAPES_KEPT = 2048


class Shapes:
    """The functions that build rows, one for each statement and type."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, type[Any]], tuple[Any, Build]] = {}

    def find(self, sql: str, into: type[Any], description: Any) -> Build:
        """Return the function that makes an `into` of a row that a cursor describes.

        :raises ParameterError: if the fields of `into` are not the columns, in their order.
        """
        kept = self._kept.get((sql, into))
        if kept is not None and kept[0] == description:  # columns may change with the table
            return kept[1]
        build = _shape(into, tuple(column[0] for column in description or ()))
        if len(self._kept) >= SHAPES_KEPT:
            self._kept.clear()
        self._kept[sql, into] = (description, build)
        return build


def is_mutable(into: type[Any]) -> bool:
    """Tell whether a caller could change a row that another was given too."""
    if into is Row or not dataclasses.is_dataclass(into):
        return False
    return not getattr(into, "__dataclass_params__").frozen  # noqa: B009 - not in its type's stub


def _shape(into: type[Any], columns: tuple[str, ...]) -> Build:
    if into is Row:
        base = namedtuple("Row", columns, rename=True)  # type: ignore[misc]  # known at run time only
        make: Build = type("Row", (base, Row), {"__slots__": ()})._make  # type: ignore[attr-defined]
        return make
    if dataclasses.is_dataclass(into):
        fields = tuple(field.name for field in dataclasses.fields(into))
        make = lambda row: into(*row)  # noqa: E731 - one name for all branches
    elif hasattr(into, "_make"):
        fields = into._fields
        make = into._make
    else:
        raise ParameterError(f"{into.__name__} is neither a NamedTuple nor a dataclass")
    if fields != columns:
        raise ParameterError(
            f"{into.__name__} has the fields {', '.join(fields)}; "
            f"the statement returns {', '.join(columns) or 'nothing'}"
        )
    return make
