"""The operations of the API: what each takes and answers, checked and documented at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import wraps
from typing import Any, NamedTuple

from pydantic import ValidationError
from quart import Response, g, request
from quart_schema import (
    DataSource,
    document_querystring,
    document_response,
    operation_id,
    validate_request,
)
from quart_schema.validation import QuerystringValidationError
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import NotAcceptable, UnsupportedMediaType

from .models import Fault, Model
from .problems import Invalid, shown

JSON = "application/json"
MULTIPART = "multipart/form-data"
ANYTHING = "*/*"
ATTRIBUTE = "api_operation"
View = Callable[..., Awaitable[Any]]


class Operation(NamedTuple):
    """What is documented of an operation besides its models.

    :ivar status: of the good answer.
    :ivar description: of the good answer.
    :ivar kinds: the media types of the good answer; of JSON the model says what is in it.
    :ivar errors: the statuses that it may answer instead, beside those of all.
    :ivar is_idempotent: that it heeds an Idempotency-Key.
    :ivar needs_match: that it needs an If-Match.
    """

    status: int
    description: str
    kinds: Mapping[str, Any]
    errors: frozenset[int]
    is_idempotent: bool
    needs_match: bool


def operation(
    description: str,
    answer: type[Model] | None = None,
    *,
    status: int = 200,
    headers: type[Model] | None = None,
    query: type[Model] | None = None,
    body: type[Model] | None = None,
    source: DataSource = DataSource.JSON,
    kinds: Mapping[str, Any] | None = None,
    errors: Iterable[int] = (),
    is_idempotent: bool = False,
    needs_match: bool = False,
) -> Callable[[View], View]:
    """Make a view an operation of the API. It gets `query_args` and `data` if it has such models.

    :param answer: what it returns; None where it returns a `Response`.
    :param source: of the body: JSON, or a multipart form.
    :param kinds: the media types of an answer that is no JSON, each with its JSON schema.
    """
    produced = {} if answer is None else {JSON: None}
    made = Operation(
        status,
        description,
        {**produced, **(kinds or {})},
        frozenset(errors),
        is_idempotent,
        needs_match,
    )

    fields = {} if query is None else query.model_fields
    known = frozenset(field.alias or name for name, field in fields.items())

    def decorate(view: View) -> View:
        described = view
        if answer is not None:
            described = document_response(answer, status, headers)(answered(view, headers))
        if body is not None:
            described = validate_request(body, source=source)(described)
        if query is not None:
            described = document_querystring(query)(asked(described, query))

        @wraps(described)
        async def checked(*args: Any, **kwargs: Any) -> Any:
            check_accept(made.kinds)
            if request.query_string:
                check_names(known)
            if body is not None:
                check_body(source)
            return await described(*args, **kwargs)

        setattr(checked, ATTRIBUTE, made)
        return operation_id(view.__name__)(checked)

    return decorate


def answered(view: View, headers_model: type[Model] | None) -> View:
    """Make a response of what a view returns: a model, or one with its status and headers.

    A model was checked when it was made. quart-schema would make a dictionary of it and look at
    each value again, which takes longer than finding an entry.
    """

    @wraps(view)
    async def answering(*args: Any, **kwargs: Any) -> Response:
        result = await view(*args, **kwargs)
        if isinstance(result, Response):
            return result
        model, status, headers = result if isinstance(result, tuple) else (result, 200, {})
        response = Response(model.model_dump_json(), status, mimetype=JSON)
        if headers_model is not None:
            for name, value in headers_model(**headers):
                response.headers.add(name, value)
        if g.get("is_replayed"):
            response.headers.add("Idempotent-Replayed", "true")
        return response

    return answering


def asked(view: View, model: type[Model]) -> View:
    """Give a view its query string as a model.

    quart-schema would make a validator of the model for each request, which takes longer than to
    use it.
    """

    @wraps(view)
    async def asking(*args: Any, **kwargs: Any) -> Any:
        values = {
            name: found[0] if len(found) == 1 else found for name, found in request.args.lists()
        }
        try:
            query = model.model_validate(values)
        except ValidationError as error:
            raise QuerystringValidationError(error) from error
        return await view(*args, query_args=query, **kwargs)

    return asking


UNKNOWN = "There is no such parameter here."


def check_names(known: Collection[str]) -> None:
    """Refuse a query string with names that are not known.

    :raises Invalid: naming each.
    """
    unknown = [name for name in request.args if name not in known]
    if unknown:
        raise Invalid(*(Fault(field=shown(name), detail=UNKNOWN) for name in unknown))


def check_accept(kinds: Collection[str]) -> None:
    """Refuse a client that accepts none of the media types.

    :raises NotAcceptable: naming them.
    """
    header = request.headers.get("Accept") or ANYTHING
    if not kinds or ANYTHING in kinds or header == ANYTHING:
        return
    # Without parameters: many clients say which charset they accept, and JSON has but one.
    accepted = MIMEAccept((kind.partition(";")[0], q) for kind, q in request.accept_mimetypes)
    if any(accepted.quality(kind) > 0 for kind in kinds):
        return
    raise NotAcceptable(f"We have nothing that you accept here: accept {' or '.join(kinds)}.")


def check_body(source: DataSource) -> None:
    """Refuse a body that does not say that it is JSON in UTF-8, or a multipart form.

    :raises UnsupportedMediaType: if it says something else, or nothing.
    """
    if source is DataSource.FORM_MULTIPART:
        if request.mimetype != MULTIPART:
            raise UnsupportedMediaType(f"We can't read this kind of data. Send {MULTIPART}.")
        return
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != JSON or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType
