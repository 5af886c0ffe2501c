"""Read JSON as RFC 8259 has it: what programs read in different ways is refused."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from werkzeug.exceptions import BadRequest

HALF = re.compile("[\ud800-\udfff]")  # of a pair, which is left when they are paired


def loads(data: bytes) -> Any:
    """Return what a JSON text holds.

    :raises BadRequest: if it is not encoded in UTF-8, is no JSON, names a field twice or by what is
        no Unicode, is nested too deeply, or has NaN, an infinity or a number of thousands of
        digits.
    """
    try:
        return json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not encoded in UTF-8.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body is no JSON: {error.msg} ({where}).") from error
    except RecursionError as error:
        raise BadRequest("The JSON is nested too deeply.") from error
    except ValueError as error:
        text = "a number in it is too long" if "digits" in str(error) else str(error)
        raise BadRequest(f"The body is no JSON that we take: {text}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if not "".join(found).isascii():
        for name in found:
            if HALF.search(name):
                raise ValueError(f"the name {name[:60]!a} of a field holds half a character")
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"an object has the field {name[:60]!a} twice")
            seen.add(name)
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
