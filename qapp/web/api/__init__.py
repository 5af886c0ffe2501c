"""What all sections need for the API: models, operations, errors, versions, repeats, limits."""

from __future__ import annotations

from quart import Quart

from . import cors, problems, rates
from .conditional import changed, etag_of, not_modified, require_match
from .document import document_of, schema
from .idempotency import Answer, once
from .models import (
    Before,
    Created,
    Digits,
    Limit,
    Located,
    Model,
    NextPage,
    Number,
    Tagged,
    Time,
    one_line,
    time_of,
)
from .operation import JSON, check_accept, operation
from .problems import Invalid, fault
from .rates import count_request, tell_standing

__all__ = [
    "JSON",
    "Answer",
    "Before",
    "Created",
    "Digits",
    "Invalid",
    "Limit",
    "Located",
    "Model",
    "NextPage",
    "Number",
    "Tagged",
    "Time",
    "changed",
    "check_accept",
    "count_request",
    "document_of",
    "etag_of",
    "fault",
    "init_app",
    "not_modified",
    "once",
    "one_line",
    "operation",
    "require_match",
    "tell_standing",
    "time_of",
]


def init_app(app: Quart) -> None:
    """Prepare an app for its operations."""
    provider, make_response = app.json, app.make_response
    schema.init_app(app)
    # quart-schema looks at what every view returns, pages too, and writes times in another way than
    # Flask: operations make their responses themselves.
    app.json = provider
    app.make_response = make_response  # type: ignore[method-assign]
    problems.init_app(app)
    rates.init_app(app)
    cors.init_app(app)
