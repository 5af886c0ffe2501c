"""What schemathesis can't know of the API's requests, done to each before it is sent."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from typing import Any

import httpx
import schemathesis

from qapp.web.api.idempotency import KEY
from qapp.web.api.texts import IF_MATCH

TAG = re.compile(IF_MATCH["schema"]["pattern"])
TOKEN_IN_USE = 1
numbers = itertools.count(1)


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: Any) -> None:
    """Name each deed by a key of its own, and every second time the version that there is.

    The token that all is sent with is not revoked: in its place another, which is not there.
    """
    number = next(numbers)
    if str(case.path_parameters.get("token_id")) == str(TOKEN_IN_USE):
        case.path_parameters["token_id"] = 999_999
    headers = case.headers
    key = headers.get("Idempotency-Key")
    if isinstance(key, str) and KEY.fullmatch(key):  # the same again with another body is 422
        headers["Idempotency-Key"] = f"{key}-{number}"[-255:]
    seen = headers.get("If-Match")
    if isinstance(seen, str) and TAG.fullmatch(seen) and number % 2:
        url = f"{case.operation.base_url}{case.formatted_path}"
        with suppress(httpx.HTTPError, KeyError):
            headers["If-Match"] = httpx.get(url, timeout=10).headers["ETag"]
