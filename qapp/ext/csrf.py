"""Refuse requests that another site makes a visitor's browser send.

The names, settings, messages and token format are Flask-WTF's, so that a Flask app and a Quart
app that share a secret and a session accept each other's tokens. The check of where a request
comes from goes beyond it: a good token sent from a foreign page is refused too.

    from quart import Quart, render_template_string
    from qapp.ext.csrf import CSRFError, CSRFProtect

    app = Quart(__name__)
    app.secret_key = "change me"
    CSRFProtect(app)

    @app.route("/", methods=["GET", "POST"])
    async def index():
        return await render_template_string("<form method=post>"
            "<input type=hidden name=csrf_token value={{ csrf_token() }}><button>Go</button>")

    @app.errorhandler(CSRFError)
    async def refused(error):
        return error.description, 400
"""

import hmac
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from itsdangerous import BadData, SignatureExpired
from markupsafe import Markup
from quart import Blueprint, Quart, current_app, g, request, session
from quart.wrappers import Request
from werkzeug.exceptions import BadRequest
from wtforms.validators import ValidationError

from qapp.ext.proxies import behind

from .csrf_signing import DEFAULTS, EXTENSION, csrf_config, read_token, sign_nonce, signing_keys

ViewOrBlueprint = TypeVar("ViewOrBlueprint", bound=Callable[..., Any] | Blueprint | str)


class CSRFError(BadRequest):
    """Refuse a request whose token or origin is wrong, with status 400.

    `description` is the reason, in Flask-WTF's words. `cross_site` is True when the request came
    from elsewhere: offer to send the form again only when it is False.
    """

    description = "CSRF validation failed."

    def __init__(self, description: str | None = None, *, cross_site: bool = False) -> None:
        super().__init__(description)
        self.cross_site = cross_site


class CSRFProtect:
    """Check the token and the origin of every request that may change something.

    Runs before each view for the methods in `WTF_CSRF_METHODS`, and gives templates
    `csrf_token()` and `csrf_meta_tag()`. One instance serves any number of apps; what it exempts
    is exempt in all.
    """

    def __init__(self, app: Quart | None = None) -> None:
        self._exempt: set[object] = set()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Set the defaults of `WTF_CSRF_*` and check the app's requests from now on."""
        for name, value in DEFAULTS.items():
            app.config.setdefault(name, value)
        app.extensions[EXTENSION] = self
        app.add_template_global(generate_csrf, "csrf_token")
        app.add_template_global(csrf_meta_tag)
        config = app.config

        @app.before_request
        async def check_request() -> None:
            # In an open app context, as tests have one, a request shares the g of the one before.
            behind(g).pop("csrf_valid", None)
            if config["WTF_CSRF_ENABLED"] and config["WTF_CSRF_CHECK_DEFAULT"]:
                await self.protect(apply_exemptions=True)

    def exempt(self, view_or_blueprint: ViewOrBlueprint) -> ViewOrBlueprint:
        """Leave a view, or all views of a blueprint, unchecked; usable as a decorator.

        A view stays exempt below decorators that use `functools.wraps`. A blueprint inside an
        exempt one is still checked.

        :param view_or_blueprint: "module.view", too: each function of this name in that module.
        """
        self._exempt.add(view_or_blueprint)
        return view_or_blueprint

    async def protect(self, apply_exemptions: bool = False, only_headers: bool = False) -> None:
        """Check the current request now, unless its method changes nothing.

        Marks it by `g.csrf_valid`, so that its forms need not check the token again.

        :param apply_exemptions: pass what is exempt, and what no view answers: an unknown path or
            a method that its view lacks, of which the answer is 404 or 405.
        :param only_headers: look for the token there alone, so that no body is read.
        :raises CSRFError: if it comes from another site or has no good token.
        """
        asked = behind(request)
        config = csrf_config()
        if asked.method not in config["WTF_CSRF_METHODS"]:
            return
        if apply_exemptions and (asked.endpoint is None or self._is_exempt(asked, asked.endpoint)):
            return
        _check_origin(asked)
        name, limit_s = config["WTF_CSRF_FIELD_NAME"], config["WTF_CSRF_TIME_LIMIT"]
        token = None if only_headers else await _token_of_form(asked, name)
        try:
            check_csrf(token or _token_of_headers(asked), None, limit_s, name)
        except ValidationError as error:
            raise CSRFError(str(error)) from error
        behind(g).csrf_valid = True

    def _is_exempt(self, asked: Request, endpoint: str) -> bool:
        app = behind(current_app)
        if app.blueprints.get(asked.blueprint or "") in self._exempt:
            return True
        # A function by identity, not by "module.name" as Flask-WTF does: two views of one name in
        # a module (in two factories, say) must not share an exemption given to one of them.
        view: object = app.view_functions.get(endpoint)
        while view is not None:
            name = f"{getattr(view, '__module__', '')}.{getattr(view, '__name__', '')}"
            if view in self._exempt or name in self._exempt:
                return True
            view = getattr(view, "__wrapped__", None)
        return False


def generate_csrf(secret_key: str | bytes | None = None, token_key: str | None = None) -> str:
    """Return the token for the forms of this request, the same at every call.

    The first call of a visit puts a random value into the session.

    :param secret_key: what signs it; by default `WTF_CSRF_SECRET_KEY`, or the app's secret key.
    :param token_key: where the value stands in the session; by default `WTF_CSRF_FIELD_NAME`.
    :raises RuntimeError: if the app has no secret key.
    """
    name: str = token_key or csrf_config()["WTF_CSRF_FIELD_NAME"]
    signing_keys(secret_key)  # raises before the session is touched
    nonce = session.get(name)
    if not nonce:
        nonce = session[name] = secrets.token_hex(20)
    # For "Vary: Cookie", so that no cache hands a page with a token to another visitor: a session
    # that is only read is not noticed by Quart 0.22 on Flask 3.1.3.
    session.accessed = True
    # By the value, too: a login that clears the session would leave the token before it behind.
    tokens: dict[object, str] = g.setdefault("_csrf_tokens", {})
    made_of = (name, secret_key, str(nonce))
    if made_of not in tokens:
        tokens[made_of] = sign_nonce(str(nonce), secret_key)
    setattr(g, name, tokens[made_of])  # where Flask-WTF's users look for it in tests
    return tokens[made_of]


def csrf_meta_tag(
    name: str | None = None, secret_key: str | bytes | None = None, token_key: str | None = None
) -> Markup:
    """Return a `<meta>` element that holds the token, for scripts that send it in a header.

    :param name: the element's name; by default `WTF_CSRF_META_NAME`.
    :param secret_key: as `generate_csrf` takes it; `token_key` too.
    """
    tag = Markup('<meta name="{}" content="{}">')
    name = name or csrf_config()["WTF_CSRF_META_NAME"]
    return tag.format(name, generate_csrf(secret_key, token_key))


def validate_csrf(
    data: str | None,
    secret_key: str | bytes | None = None,
    time_limit: int | None = None,
    token_key: str | None = None,
) -> None:
    """Check a token from outside against the session.

    :param time_limit: in seconds; by default `WTF_CSRF_TIME_LIMIT`.
    :param secret_key: as `generate_csrf` takes it; `token_key` too.
    :raises wtforms.validators.ValidationError: with the reason, in Flask-WTF's words.
    :raises RuntimeError: if the app has no secret key.
    """
    config = csrf_config()
    limit_s = config["WTF_CSRF_TIME_LIMIT"] if time_limit is None else time_limit
    check_csrf(data, secret_key, limit_s, token_key or config["WTF_CSRF_FIELD_NAME"])


def check_csrf(
    data: str | None, secret_key: str | bytes | None, limit_s: int | None, token_key: str
) -> None:
    """Check a token as `validate_csrf` does; None for `limit_s` is as long as the session."""
    if not data:
        raise ValidationError("The CSRF token is missing.")
    nonce = behind(session).get(token_key)
    if not nonce:
        raise ValidationError("The CSRF session token is missing.")
    try:
        signed = read_token(data, limit_s, secret_key)
    except SignatureExpired as error:
        raise ValidationError("The CSRF token has expired.") from error
    except (BadData, UnicodeEncodeError) as error:  # the latter from a lone surrogate in JSON
        raise ValidationError("The CSRF token is invalid.") from error
    # As bytes: compare_digest raises TypeError on text beyond ASCII.
    if not hmac.compare_digest(str(nonce).encode(), str(signed).encode()):
        raise ValidationError("The CSRF tokens do not match.")


def _check_origin(asked: Request) -> None:
    """Check that the browser says this very site caused the request.

    `Origin: null` is refused although browsers also send it for the own forms of a page with
    `Referrer-Policy: no-referrer`: a sandboxed frame on any site sends the same. Pages with
    forms need another policy.

    :raises CSRFError: with `cross_site`.
    """
    own_origin = f"{asked.scheme}://{asked.host}".lower()
    sites = asked.headers.getlist("Sec-Fetch-Site")
    origins = asked.headers.getlist("Origin")
    if any(site not in {"same-origin", "none"} for site in sites):
        raise CSRFError("The request comes from another site.", cross_site=True)
    if any(origin.lower() != own_origin for origin in origins):
        raise CSRFError("The origin does not match the host.", cross_site=True)
    if sites or origins or not asked.is_secure or not csrf_config()["WTF_CSRF_SSL_STRICT"]:
        return
    if not asked.referrer:
        raise CSRFError("The referrer header is missing.", cross_site=True)
    # The slash ends the host: "https://host.evil" and "https://host@evil" only begin like it.
    if not f"{asked.referrer.lower()}/".startswith(f"{own_origin}/"):
        raise CSRFError("The referrer does not match the host.", cross_site=True)


async def _token_of_form(asked: Request, name: str) -> str | None:
    """Return the first token in the body: the form's, or that of a prefixed form."""
    form = await asked.form
    if token := form.get(name):
        return str(token)
    # A part of a multipart body may lack a name.
    prefixed = (value for key, value in form.items() if key and key.endswith(f"-{name}"))
    return next(filter(None, prefixed), None)


def _token_of_headers(asked: Request) -> str | None:
    return next(filter(None, map(asked.headers.get, csrf_config()["WTF_CSRF_HEADERS"])), None)
