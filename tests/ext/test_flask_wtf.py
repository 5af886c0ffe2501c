"""Flask-WTF itself beside ours: tokens, messages and what counts as a good upload."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import flask  # what ours is compared with
import flask_wtf
import flask_wtf.csrf
import flask_wtf.file
import pytest
import wtforms
from hypothesis import example, given
from hypothesis import strategies as st
from quart import Quart, render_template_string
from werkzeug.datastructures import FileStorage, MultiDict

from qapp.ext import csrf, forms

SECRET = "the secret of both"
CONFIG: dict[str, Any] = {"SECRET_KEY": SECRET}


def flask_app(**config: Any) -> flask.Flask:
    app = flask.Flask("site")
    app.config.update(CONFIG, **config)
    flask_wtf.CSRFProtect(app)

    @app.route("/", methods=["GET", "POST"])
    def page() -> Any:
        return flask.render_template_string("{{ csrf_token() }} {{ csrf_meta_tag() }}")

    @app.errorhandler(flask_wtf.csrf.CSRFError)
    def refused(error: flask_wtf.csrf.CSRFError) -> Any:
        return error.description, 400

    return app


def quart_app(**config: Any) -> Quart:
    app = Quart("site")
    app.config.update(CONFIG, **config)
    csrf.CSRFProtect(app)

    @app.route("/", methods=["GET", "POST"])
    async def page() -> str:
        return await render_template_string("{{ csrf_token() }} {{ csrf_meta_tag() }}")

    @app.errorhandler(csrf.CSRFError)
    async def refused(error: csrf.CSRFError) -> Any:
        return error.description, 400

    return app


class Both:
    """One visitor of both apps, whose cookie both can read."""

    def __init__(self, **config: Any) -> None:
        self.flask = flask_app(**config)
        self.quart = quart_app(**config)
        self.cookie = ""

    async def open(self, framework: str, **options: Any) -> tuple[int, str]:
        """Open a page of an app; keep the cookie that it sets."""
        headers = {"Cookie": self.cookie, **options.pop("headers", {})}
        if framework == "flask":
            answer = self.flask.test_client(use_cookies=False).open(
                "/", headers=headers, **_old(options)
            )
            status, text, cookie = answer.status_code, answer.text, answer.headers.get("Set-Cookie")
        else:
            client = self.quart.test_client(use_cookies=False)
            reply = await client.open("/", headers=headers, **options)
            text = await reply.get_data(as_text=True)
            status, cookie = reply.status_code, reply.headers.get("Set-Cookie")
        if cookie:
            self.cookie = cookie.partition(";")[0]
        return status, text


def _old(options: dict[str, Any]) -> dict[str, Any]:
    options = dict(options)
    if "form" in options:
        options["data"] = options.pop("form")
    if options.pop("scheme", "http") == "https":
        options["base_url"] = "https://localhost"
    return options


@pytest.mark.parametrize(("maker", "reader"), [("flask", "quart"), ("quart", "flask")])
@pytest.mark.parametrize("place", ["form", "header"])
@pytest.mark.parametrize(
    "config", [{}, {"WTF_CSRF_SECRET_KEY": "another"}, {"WTF_CSRF_FIELD_NAME": "proof"}]
)
async def test_a_token_of_one_is_good_in_the_other(
    maker: str, reader: str, place: str, config: dict[str, Any]
) -> None:
    both = Both(**config)
    status, page = await both.open(maker)
    assert status == 200
    token, _, tag = page.partition(" ")
    assert tag == f'<meta name="csrf-token" content="{token}">'
    name = config.get("WTF_CSRF_FIELD_NAME", "csrf_token")
    sent: dict[str, Any] = (
        {"form": {name: token}} if place == "form" else {"headers": {"X-CSRFToken": token}}
    )
    for framework in (reader, maker):
        status, page = await both.open(framework, method="POST", **sent)
        assert status == 200
    # And the session of the first goes on in the second: a new token is of the same value.
    _, page = await both.open(reader)
    status, _ = await both.open(maker, method="POST", form={name: page.partition(" ")[0]})
    assert status == 200


@pytest.mark.parametrize(
    ("sent", "config"),
    [
        ({}, {}),
        ({"form": {"csrf_token": ""}}, {}),
        ({"form": {"csrf_token": "bad"}}, {}),
        ({"form": {"csrf_token": "a.b.c"}}, {}),
        ({"form": {"login-csrf_token": "bad"}}, {}),
        ({"headers": {"X-CSRF-Token": "bad"}}, {}),
        ({"form": {"csrf_token": "good"}}, {"WTF_CSRF_TIME_LIMIT": -1}),
        ({"form": {"csrf_token": "good"}, "scheme": "https"}, {}),
        (
            {
                "form": {"csrf_token": "good"},
                "scheme": "https",
                "headers": {"Referer": "https://evil.test/"},
            },
            {},
        ),
        ({"form": {"csrf_token": "other"}}, {}),
    ],
)
@pytest.mark.parametrize("has_session", [True, False])
async def test_both_refuse_in_the_same_words(
    sent: dict[str, Any], config: dict[str, Any], has_session: bool
) -> None:
    both = Both(**config)
    _, page = await both.open("flask")
    if sent.get("form", {}).get("csrf_token") == "good":
        sent = {**sent, "form": {"csrf_token": page.partition(" ")[0]}}
    if sent.get("form", {}).get("csrf_token") == "other":
        _, page = await Both().open("flask")
        sent = {**sent, "form": {"csrf_token": page.partition(" ")[0]}}
    cookie = both.cookie if has_session else ""
    answers = []
    for framework in ("flask", "quart"):
        both.cookie = cookie
        answers.append(await both.open(framework, method="POST", **sent))
    assert answers[0][0] == 400
    # Ours looks at the origin first, so the reason can only differ where two are wrong.
    if has_session or "scheme" not in sent:
        assert answers[0] == answers[1]
    assert answers[1][0] == 400


class FlaskUpload(flask_wtf.FlaskForm):  # type: ignore[misc]  # it ships no types
    one = flask_wtf.file.FileField()
    many = flask_wtf.file.MultipleFileField()


class QuartUpload(forms.QuartForm):
    one = forms.FileField()
    many = forms.MultipleFileField()


def file_errors(
    form_class: type[wtforms.Form], module: Any, check: str, arguments: Iterable[Any], files: Any
) -> tuple[bool, dict[str, list[str]]]:
    validator = getattr(module, check)(*arguments)
    form = form_class(MultiDict(files), meta={"csrf": False})
    valid = form.validate({"one": [validator], "many": [validator]})
    return valid, {name: list(errors) for name, errors in form.errors.items()}


FILES = st.lists(
    st.tuples(
        st.sampled_from(["one", "many"]),
        st.builds(
            lambda name, content: FileStorage(io.BytesIO(content), filename=name),
            st.one_of(
                st.sampled_from(["", "a.png", "A.PNG", ".png", "png", "a.png ", "a.tar.gz", "a."]),
                st.text(max_size=8),
            ),
            st.binary(max_size=8),
        ),
    ),
    max_size=4,
)
CHECKS = st.one_of(
    st.tuples(st.just("FileRequired"), st.sampled_from([(), ("Choose one.",)])),
    st.tuples(
        st.just("FileAllowed"),
        st.sampled_from([(["png"],), (["png", "gz"], "No."), (("tar.gz", ""),), ([],)]),
    ),
    st.tuples(st.just("FileSize"), st.sampled_from([(4,), (8, 2), (5, 5, "Five bytes."), (0,)])),
)


@given(CHECKS, FILES)
@example(("FileAllowed", (["png"],)), [("one", FileStorage(io.BytesIO(), filename="a.PNG "))])
def test_uploads_are_judged_alike_in_the_same_words(
    check: tuple[str, tuple[Any, ...]], files: list[tuple[str, FileStorage]]
) -> None:
    app = flask.Flask("site")
    app.config.update(CONFIG)
    with app.test_request_context():
        theirs = file_errors(FlaskUpload, flask_wtf.file, *check, files)
    assert file_errors(QuartUpload, forms, *check, files) == theirs


def test_the_names_of_both_are_the_same() -> None:
    for theirs, ours in (
        (flask_wtf.file, forms),
        (flask_wtf.csrf, csrf),
    ):
        public = {
            name
            for name, value in vars(theirs).items()
            if getattr(value, "__module__", None) == theirs.__name__ and not name.startswith("_")
        }
        # same_origin is a helper of the check that ours replaces.
        assert public - {"same_origin"} <= vars(ours).keys()
