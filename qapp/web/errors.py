"""Turn what went wrong into what a visitor sees; the one place that knows both."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from quart import (
    Quart,
    Response,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from quart.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError, OperationalError
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError

from qapp.ext.csrf import CSRFError
from qapp.ext.database import (
    DatabaseBusy,
    DatabaseClosed,
    DatabaseFailure,
    DiskFull,
    StatementTimeout,
    TransactionTimeout,
)
from qapp.ext.limits import RateLimited
from qapp.ext.proxies import behind
from qapp.ext.storage import StorageFull
from qapp.ext.threads import PoolBusy

from .requests import is_of_api
from .site import error_id

RETRY_AFTER_S = 2
PROBLEM_JSON = "application/problem+json"  # RFC 9457
# Headers that belong to an answer's status.
KEPT_HEADERS = frozenset(
    {"Allow", "Retry-After", "Location", "Content-Range", "Connection", "WWW-Authenticate"}
)
# What a form's password fields are called: what was typed there is never sent back.
SECRET_FIELDS = frozenset({"password", "confirm", "current"})


class NotFound(Exception):
    """What was asked for is not there."""


class Forbidden(Exception):
    """Somebody else may do this, not who asked; `words` say so where the usual ones don't fit."""

    def __init__(self, words: Words | None = None) -> None:
        super().__init__()
        self.words = words


class LoginNeeded(Exception):
    """The page is for those who are logged in; they get there by the login page."""


class Words(NamedTuple):
    """What a person is told about a status: what happened, and what to do next."""

    sentence: str
    advice: str


WORDS = {
    400: Words("We did not understand this request.", "Go back and try again."),
    401: Words("You have to log in for this.", "Log in, then do it again."),
    403: Words(
        "You may not do this.", "Only who owns it can. Perhaps you are logged in as another?"
    ),
    404: Words("There is nothing here.", "Check the address, or search for it."),
    405: Words("This page can't be used that way.", "Go back and use the page's own buttons."),
    406: Words("We have nothing in a form that you accept.", "Ask for HTML instead."),
    408: Words("Your request took too long to arrive.", "Check your connection and try again."),
    412: Words("It is not as you last saw it.", "Open it again, then decide."),
    413: Words("That is too much at once.", "Send less, or in several parts."),
    415: Words("We can't read this kind of data.", "Send a form."),
    422: Words("Something in the form is not right.", "Go back, correct it and send it again."),
    429: Words("That was too often.", "Wait a little, then try again."),
    500: Words("Something broke on our side.", "It is in our log. Please try again in a while."),
    503: Words("We are too busy right now.", "Nothing was stored. Please try again in a moment."),
    507: Words("We have no room left to store this.", "Please try again later."),
}
# What a program's author can do is another thing.
API_WORDS = {
    400: Words("The request can't be read.", "Compare it with /docs."),
    401: Words(
        "This needs a token.", "Send “Authorization: Bearer …”; your account page makes tokens."
    ),
    403: Words("You may not do this.", "It is another's, or the token is only for reading."),
    404: Words("There is nothing here.", "What there is stands in /docs."),
    405: Words("This can't be done here.", "What can be done is in the header Allow."),
    406: Words("We have nothing in a form that you accept.", "Accept application/json."),
    415: Words("We can't read this kind of data.", "Send application/json, encoded in UTF-8."),
}


def init_app(app: Quart) -> None:
    """Register the handlers."""
    app.register_error_handler(HTTPException, handle_http)
    app.register_error_handler(500, handle_unexpected)
    app.register_error_handler(CSRFError, handle_csrf)
    app.register_error_handler(NotFound, handle_not_found)
    app.register_error_handler(Forbidden, handle_forbidden)
    app.register_error_handler(LoginNeeded, handle_login_needed)
    app.register_error_handler(RateLimited, handle_rate_limited)
    for busy in (DatabaseBusy, DatabaseClosed, StatementTimeout, TransactionTimeout, PoolBusy):
        app.register_error_handler(busy, handle_busy)
    app.register_error_handler(StorageFull, handle_storage_full)
    app.register_error_handler(DatabaseFailure, handle_failure)
    # The ORM's: a lock or a time limit, or what the database can't do at all.
    app.register_error_handler(OperationalError, handle_busy)
    app.register_error_handler(DBAPIError, handle_failure)


async def error_response(
    code: int,
    words: Words | None = None,
    headers: dict[str, str] | None = None,
    *,
    faults: list[dict[str, str]] | None = None,
) -> Response:
    """Make an error's page, or its JSON for programs.

    :param faults: what is wrong with which field, for the JSON.
    """
    status = HTTPStatus(code)
    words = words or words_of(code) or Words(f"{status.phrase}.", status.description)
    identity = error_id() if code == 500 else None
    if wants_json():
        body: dict[str, object] = {"type": "about:blank", "title": status.phrase, "status": code}
        body["detail"] = f"{words.sentence} {words.advice}".strip()
        if faults:
            body["errors"] = faults
        if identity:
            body["error_id"] = identity
        response: Response = jsonify(body)
        response.mimetype = PROBLEM_JSON
    else:
        page = await render_template(
            "errors/error.html",
            code=code,
            name=status.phrase,
            sentence=words.sentence,
            advice=words.advice,
            request_id=identity,
        )
        response = Response(page, mimetype="text/html")
    response.status_code = code
    response.headers.update(headers or {})
    return response


def words_of(code: int) -> Words | None:
    """Return what a person, or a program's author, is told about a status."""
    return (API_WORDS.get(code) if is_api() else None) or WORDS.get(code)


def is_api() -> bool:
    """Tell whether the request is for the API."""
    return is_of_api(behind(request).path)


def wants_json() -> bool:
    """Tell whether the client is a program: it asks the API, or accepts JSON but no HTML."""
    if is_api():
        return True
    accepted = request.accept_mimetypes
    json = accepted.accept_json or accepted.quality(PROBLEM_JSON) > 0
    return json and not accepted.accept_html


async def handle_http(error: HTTPException) -> ResponseReturnValue:
    """Answer with an error's own status; its description where it says more than the status."""
    if error.code is None or error.response is not None:
        return error.get_response()
    words = words_of(error.code)
    if error.code == 404:
        words = nothing_here()
    elif isinstance(error, BadRequestKeyError):
        words = Words(f"The form lacks the field “{error.args[0]}”.", WORDS[400].advice)
    elif error.description not in (None, type(error).description):
        words = Words(str(error.description), words.advice if words and not is_api() else "")
    headers = {name: value for name, value in error.get_headers() if name in KEPT_HEADERS}
    return await error_response(error.code, words, headers)


async def handle_unexpected(_: InternalServerError) -> ResponseReturnValue:
    """Say that something broke, with the id under which the log has the traceback."""
    return await error_response(500)


async def handle_csrf(error: CSRFError) -> ResponseReturnValue:
    """Offer a form with an expired token again, as typed; not one that came from elsewhere."""
    if wants_json() or request.mimetype not in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ):
        return await error_response(400, Words("The form has expired.", str(error.description)))
    names = {current_app.config["WTF_CSRF_FIELD_NAME"]} | SECRET_FIELDS
    posted: list[tuple[str, str]] = (
        [] if error.cross_site else list((await request.form).items(multi=True))
    )
    page = await render_template(
        "errors/expired.html",
        may_resend=not error.cross_site,
        action=request.full_path.removesuffix("?"),
        fields=[(name, value) for name, value in posted if name not in names],
        secret_fields=[name for name in dict(posted) if name in SECRET_FIELDS],
    )
    return page, 400


async def handle_not_found(_: NotFound) -> ResponseReturnValue:
    """Answer 404, naming the path."""
    return await error_response(404, nothing_here())


def nothing_here() -> Words:
    """Name the path that was asked for, without characters that HTML may not hold or that hide."""
    path = "".join(character if character.isprintable() else "�" for character in request.path)
    sentence, advice = words_of(404) or WORDS[404]
    return Words(sentence, f"We looked for {path}. {advice}")


async def handle_forbidden(error: Forbidden) -> ResponseReturnValue:
    """Answer 403."""
    return await error_response(403, error.words)


async def handle_login_needed(_: LoginNeeded) -> ResponseReturnValue:
    """Lead to the login page, and from there back."""
    if wants_json():
        return await error_response(401)
    return redirect(url_for("accounts.login", next=request.full_path.removesuffix("?")))


async def handle_rate_limited(error: RateLimited) -> ResponseReturnValue:
    """Answer 429 and when to try again."""
    minutes = -(-error.retry_after_s // 60)
    when = f"{error.retry_after_s} seconds" if minutes == 1 else f"{minutes} minutes"
    words = Words(WORDS[429].sentence, f"Wait {when}, then try again.")
    return await error_response(429, words, {"Retry-After": str(error.retry_after_s)})


async def handle_busy(error: Exception) -> ResponseReturnValue:
    """Answer 503: nothing was stored, and soon there is room again."""
    current_app.logger.warning("Busy: %s %s: %s", request.method, request.path, error)
    return await error_response(503, headers={"Retry-After": str(RETRY_AFTER_S)})


async def handle_failure(error: DatabaseFailure | DBAPIError) -> ResponseReturnValue:
    """Answer 503 where the disk is at fault; who runs the site finds it in the log."""
    current_app.logger.error("Database: %s %s: %s", request.method, request.path, error)
    full = Words("We have no room left to store this.", "Please try again later.")
    words = full if isinstance(error, DiskFull) else None
    return await error_response(503, words, {"Retry-After": "60"})


async def handle_storage_full(error: StorageFull) -> ResponseReturnValue:
    """Answer 507; who runs the site finds it in the log."""
    current_app.logger.error("Storage: %s %s: %s", request.method, request.path, error)
    return await error_response(507)
