import re
import time
from collections.abc import Callable
from functools import partial, wraps
from textwrap import dedent
from typing import Any

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from quart import Blueprint, Quart, g, render_template_string, session
from quart.testing.client import QuartClient
from quart.typing import ResponseReturnValue
from werkzeug.datastructures import Headers
from wtforms.validators import ValidationError

from qapp.ext import csrf as csrf_module
from qapp.ext.csrf import (
    CSRFError,
    CSRFProtect,
    csrf_meta_tag,
    generate_csrf,
    validate_csrf,
)

SECRET = "the secret of the tests"
NONCE = "5ca1ab1e" * 5
MISSING = "The CSRF token is missing."
SESSIONLESS = "The CSRF session token is missing."
INVALID = "The CSRF token is invalid."
AWAY = "The request comes from another site. (cross site)"
ORIGIN = "The origin does not match the host. (cross site)"
NO_REFERRER = "The referrer header is missing. (cross site)"
REFERRER = "The referrer does not match the host. (cross site)"


class HourOldSigner(TimestampSigner):
    def get_timestamp(self) -> int:
        return int(time.time()) - 3601


def flask_wtf_token(nonce: str = NONCE, secret: str = SECRET, **options: Any) -> str:
    return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token", **options).dumps(nonce))


TOKEN = flask_wtf_token()


async def view() -> str:
    return f"valid: {g.get('csrf_valid')}"


def make_app(csrf: CSRFProtect | None = None, **config: Any) -> Quart:
    app = Quart("site")
    app.config.update({"SECRET_KEY": SECRET, **config})
    (csrf or CSRFProtect()).init_app(app)
    app.add_url_rule("/", view_func=view, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    app.add_url_rule("/token", view_func=lambda: generate_csrf())

    @app.errorhandler(CSRFError)
    async def refuse(error: CSRFError) -> ResponseReturnValue:
        return f"{error.description}{' (cross site)' * error.cross_site}", 400

    return app


async def visitor(app: Quart | None = None, **config: Any) -> QuartClient:
    client = QuartClient(app or make_app(**config))
    async with client.session_transaction() as stored:
        stored["csrf_token"] = NONCE
    return client


async def refusal(client: QuartClient, path: str = "/", **request: Any) -> str | None:
    """Post, and return why that was refused; None if it reached its view."""
    response = await client.open(path, **{"method": "POST", **request})
    assert response.status_code in {200, 400}
    return None if response.status_code == 200 else await response.get_data(as_text=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_an_unsafe_method_needs_the_token_of_the_session(method: str) -> None:
    client = QuartClient(make_app())
    assert await refusal(client, method=method, form={"csrf_token": TOKEN}) == SESSIONLESS
    token = await (await client.get("/token")).get_data(as_text=True)
    assert await refusal(client, method=method) == MISSING
    response = await client.open("/", method=method, headers={"X-CSRFToken": token})
    assert await response.get_data(as_text=True) == "valid: True"


async def test_a_safe_method_passes_from_anywhere_and_only_a_token_touches_the_session() -> None:
    client = await visitor()
    headers = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    for method in ("GET", "HEAD", "OPTIONS"):
        response = await client.open("/", method=method, headers=headers)
        assert response.status_code == 200
        assert "Vary" not in response.headers
    assert (await client.get("/token")).headers["Vary"] == "Cookie"


async def test_a_request_that_no_view_answers_is_not_checked() -> None:
    client = make_app().test_client()
    assert (await client.post("/nowhere")).status_code == 404
    assert (await client.post("/token")).status_code == 405


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"form": {"csrf_token": TOKEN}}, None),
        ({"form": {"login-csrf_token": TOKEN}}, None),
        ({"form": {"csrf_token": "", "a-csrf_token": "", "b-csrf_token": TOKEN}}, None),
        ({"form": {"my_csrf_token": TOKEN, "csrf_token-a": TOKEN}}, MISSING),
        ({"json": {"a": 1}, "headers": {"X-CSRFToken": TOKEN}}, None),
        ({"form": {"a": "1"}, "headers": {"X-CSRF-Token": TOKEN}}, None),
        ({"form": {"csrf_token": "bad"}, "headers": {"X-CSRFToken": TOKEN}}, INVALID),
        ({"json": {"csrf_token": TOKEN}}, MISSING),
        ({"query_string": {"csrf_token": TOKEN}}, MISSING),
    ],
)
async def test_the_token_is_sought_in_forms_then_prefixed_forms_then_headers(
    sent: dict[str, Any], reason: str | None
) -> None:
    assert await refusal(await visitor(), **sent) == reason


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (flask_wtf_token("0" * 40), "The CSRF tokens do not match."),
        (flask_wtf_token("fünf \N{SNOWMAN}"), "The CSRF tokens do not match."),
        (flask_wtf_token(signer=HourOldSigner), "The CSRF token has expired."),
        (flask_wtf_token(secret="another secret"), INVALID),
        *((bad, INVALID) for bad in (TOKEN[:-2], NONCE, "é\N{SNOWMAN}.ö.ü", "\0", "a\0b.c.d")),
        *((bad, INVALID) for bad in (".", "..", " ", "x" * 400_000, "ImEi." * 90_000)),
    ],
    ids=lambda value: ascii(value[:20]),
)
async def test_a_bad_token_is_refused_with_the_reason(token: str, reason: str) -> None:
    assert await refusal(await visitor(), form={"csrf_token": token}) == reason


async def test_a_part_without_a_name_holds_no_token() -> None:
    part = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (
        await refusal(await visitor(), data=part, headers=headers) == "The CSRF token is missing."
    )


async def test_a_bad_header_or_a_lone_surrogate_is_no_token() -> None:
    assert await refusal(await visitor(), headers={"X-CSRFToken": "\xe9\xff"}) == INVALID
    async with make_app().test_request_context("/"):
        generate_csrf()
        with pytest.raises(ValidationError, match=f"^{INVALID}$"):
            validate_csrf("\ud800")


async def test_our_token_is_one_that_flask_wtf_reads_the_same_within_a_request() -> None:
    async with make_app().test_request_context("/"):
        token = await render_template_string("{{ csrf_token() }}")
        assert token == generate_csrf() == g.csrf_token
        nonce = URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").loads(token, max_age=3600)
        assert re.fullmatch("[0-9a-f]{40}", nonce)
        assert nonce == session["csrf_token"]
        session.clear()
        assert generate_csrf() != token
        validate_csrf(generate_csrf())


@pytest.mark.parametrize(
    ("config", "good", "bad"),
    [
        ({"SECRET_KEY_FALLBACKS": ["old", "older"]}, [SECRET, "old", "older"], ["own"]),
        ({"SECRET_KEY_FALLBACKS": ["old"], "WTF_CSRF_SECRET_KEY": "own"}, ["own"], [SECRET, "old"]),
    ],
)
async def test_the_first_key_signs_and_its_fallbacks_are_read(
    config: dict[str, Any], good: list[str], bad: list[str]
) -> None:
    client = await visitor(**config)
    for secret in good + bad:
        form = {"csrf_token": flask_wtf_token(secret=secret)}
        assert await refusal(client, form=form) == (None if secret in good else INVALID)
    token = await (await client.get("/token")).get_data(as_text=True)
    assert URLSafeTimedSerializer(good[0], salt="wtf-csrf-token").loads(token) == NONCE


@pytest.mark.parametrize(
    ("headers", "http", "https"),
    [
        ([], None, NO_REFERRER),
        *(([("Sec-Fetch-Site", good)], None, None) for good in ("same-origin", "none")),
        *(([("Sec-Fetch-Site", bad)], AWAY, AWAY) for bad in ("same-site", "cross-site", "")),
        ([("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")], AWAY, AWAY),
        ([("Origin", "http://localhost")], None, ORIGIN),
        ([("Origin", "https://LOCALHOST")], ORIGIN, None),
        ([("Host", "localhost:443"), ("Origin", "https://localhost")], ORIGIN, None),
        ([("Host", "localhost:81"), ("Origin", "http://localhost:81")], None, ORIGIN),
        *(([("Origin", bad)], ORIGIN, ORIGIN) for bad in ("http://localhost:81", "http://a.b", "")),
        ([("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], ORIGIN, ORIGIN),
        ([("Referer", "https://evil.test/"), ("Sec-Fetch-Site", "same-origin")], None, None),
        *(([("Referer", f"https://localhost{path}")], None, None) for path in ("", "/form?a=1")),
        *(([("Referer", f"https://localhost{bad}")], None, REFERRER) for bad in (".a", "@a/")),
        *(([("Referer", bad)], None, REFERRER) for bad in ("http://localhost/", "https://[bad")),
    ],
)
async def test_a_good_token_counts_only_from_this_very_site(
    headers: list[tuple[str, str]], http: str | None, https: str | None
) -> None:
    client = await visitor()
    for scheme, reason in (("http", http), ("https", https)):
        request: dict[str, Any] = {"scheme": scheme, "headers": Headers(headers)}
        assert await refusal(client, form={"csrf_token": TOKEN}, **request) == reason
    if https in {NO_REFERRER, REFERRER}:
        client.app.config["WTF_CSRF_SSL_STRICT"] = False
        assert await refusal(client, form={"csrf_token": TOKEN}, **request) is None


async def test_an_exempt_view_or_blueprint_is_reached_without_a_token_and_no_other() -> None:
    app, outer, inner = make_app(), Blueprint("outer", "site"), Blueprint("inner", "site")
    csrf: CSRFProtect = app.extensions["csrf"]
    exempt: Callable[[], str] = csrf.exempt(lambda: "exempt")
    decorated = wraps(exempt)(lambda: exempt())
    for path, function in (("/exempt", exempt), ("/decorated", decorated), ("/same", lambda: "no")):
        app.add_url_rule(path, endpoint=f"dotted.{path}", view_func=function, methods=["POST"])
    outer.post("/outer")(view)
    inner.post("/inner")(view)
    outer.register_blueprint(inner)
    app.register_blueprint(csrf.exempt(outer))
    async with app.app_context():  # shares its g with the requests
        client = await visitor(app)
        for path in ("/exempt", "/decorated", "/outer"):
            assert await refusal(client, path, headers={"Origin": "null"}) is None
        for path in ("/same", "/inner", "/"):
            assert await refusal(client, path) == MISSING
        assert await refusal(client, form={"csrf_token": TOKEN}) is None
        response = await client.post("/outer")
        assert await response.get_data(as_text=True) == "valid: None"


async def test_settings_are_read_at_each_request() -> None:
    client = await visitor()
    config = client.app.config
    config["WTF_CSRF_TIME_LIMIT"] = None
    form = {"csrf_token": flask_wtf_token(signer=HourOldSigner)}
    assert await refusal(client, form=form) is None
    config.update(WTF_CSRF_METHODS=["PUT"], WTF_CSRF_HEADERS=["X-Proof"])
    assert await refusal(client) is None
    assert await refusal(client, method="PUT", headers={"X-CSRFToken": TOKEN}) == MISSING
    assert await refusal(client, method="PUT", headers={"X-Proof": TOKEN}) is None
    config["WTF_CSRF_FIELD_NAME"] = "proof"
    assert await refusal(client, method="PUT", form={"csrf_token": TOKEN}) == MISSING
    config["WTF_CSRF_ENABLED"] = False
    assert await refusal(client, method="PUT", headers={"Origin": "null"}) is None


async def test_with_the_default_check_off_a_view_asks_for_protection_itself() -> None:
    csrf = CSRFProtect()
    client = await visitor(make_app(csrf, WTF_CSRF_CHECK_DEFAULT=False))

    @client.app.route("/by-hand", methods=["GET", "POST"])
    @csrf.exempt
    async def by_hand() -> str:
        await csrf.protect()
        return await view()

    assert await refusal(client) is None
    assert await refusal(client, "/by-hand") == MISSING
    assert await refusal(client, "/by-hand", form={"csrf_token": TOKEN}) is None
    assert await refusal(client, "/by-hand", method="GET") is None


async def test_two_apps_in_one_process_keep_their_settings_and_secrets() -> None:
    csrf = CSRFProtect()
    one, two = make_app(csrf), make_app(csrf, SECRET_KEY="two", WTF_CSRF_METHODS=["PUT"])
    assert one.extensions["csrf"] is two.extensions["csrf"] is csrf
    assert await refusal(await visitor(one)) == MISSING
    client = await visitor(two)
    assert await refusal(client) is None
    assert await refusal(client, method="PUT", form={"csrf_token": TOKEN}) == INVALID


async def test_an_app_without_a_secret_key_is_told_so() -> None:
    async with make_app(SECRET_KEY=None).test_request_context("/"):
        with pytest.raises(RuntimeError, match="A secret key is required to use CSRF"):
            generate_csrf()


async def test_without_a_handler_the_answer_is_a_400_page_with_the_reason() -> None:
    app = Quart("site")
    CSRFProtect(app)
    app.add_url_rule("/", view_func=view, methods=["POST"])
    response = await app.test_client().post("/")
    assert response.status_code == 400
    assert f"<p>{MISSING}</p>" in await response.get_data(as_text=True)
    assert CSRFError().description == "CSRF validation failed."


async def test_the_app_of_the_docstring_runs() -> None:
    assert csrf_module.__doc__ is not None
    names: dict[str, Any] = {"__name__": __name__}
    exec(dedent(csrf_module.__doc__[csrf_module.__doc__.index("    from") :]), names)  # noqa: S102
    client: QuartClient = names["app"].test_client()
    assert await refusal(client) == MISSING
    page = await (await client.get("/")).get_data(as_text=True)
    token = re.search("value=([^>]+)>", page)
    assert token is not None
    assert await refusal(client, form={"csrf_token": token[1]}) is None


async def test_a_meta_tag_holds_the_token_for_scripts() -> None:
    async with make_app().test_request_context("/"):
        tag = await render_template_string("{{ csrf_meta_tag() }}")
        assert tag == csrf_meta_tag() == f'<meta name="csrf-token" content="{generate_csrf()}">'
        assert '<meta name="&#34;&gt;&lt;b" content=' in csrf_meta_tag('"><b')
    async with make_app(WTF_CSRF_META_NAME="proof").test_request_context("/"):
        own = csrf_meta_tag(secret_key="own", token_key="other")
        assert own == f'<meta name="proof" content="{generate_csrf("own", "other")}">'


async def test_a_token_may_have_a_key_a_place_and_a_time_of_its_own() -> None:
    async with make_app(WTF_CSRF_TIME_LIMIT=None).test_request_context("/"):
        usual, own = generate_csrf(), generate_csrf("own key", "place")
        assert session["place"] != session["csrf_token"]
        assert (g.csrf_token, g.place) == (usual, own)
        assert generate_csrf(b"own key", "place") != generate_csrf(None, "place")
        validate_csrf(own, "own key", None, "place")
        for arguments in ((), ("own key",), (None, None, "place")):
            with pytest.raises(ValidationError):
                validate_csrf(own, *arguments)
        session["csrf_token"] = NONCE
        old = flask_wtf_token(signer=HourOldSigner)
        validate_csrf(old)
        with pytest.raises(ValidationError, match=r"^The CSRF token has expired\.$"):
            validate_csrf(old, time_limit=60)


async def test_a_view_is_exempt_by_the_name_of_its_module_and_its_own() -> None:
    app = make_app()
    csrf: CSRFProtect = app.extensions["csrf"]
    assert csrf.exempt(f"{__name__}.view") == f"{__name__}.view"
    app.add_url_rule("/wrapped", "wrapped", view_func=wraps(view)(partial(view)), methods=["POST"])
    app.add_url_rule("/other", "other", view_func=lambda: "other", methods=["POST"])
    client = await visitor(app)
    assert await refusal(client) is None
    assert await refusal(client, "/wrapped") is None
    assert await refusal(client, "/other") == MISSING


async def test_a_check_by_hand_honours_exemptions_when_asked_to() -> None:
    csrf = CSRFProtect()
    app = make_app(csrf, WTF_CSRF_CHECK_DEFAULT=False)

    @app.before_request
    async def check() -> None:
        await csrf.protect(apply_exemptions=True)

    app.add_url_rule("/exempt", "exempt", view_func=csrf.exempt(lambda: "exempt"), methods=["POST"])
    client = await visitor(app)
    assert await refusal(client) == MISSING
    assert await refusal(client, "/exempt") is None
    assert (await client.post("/nowhere")).status_code == 404
