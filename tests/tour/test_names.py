"""The table of Flask's names: it is complete, what it says is so, and it is found."""

from __future__ import annotations

import ast
import asyncio
import doctest
import html
import inspect
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from itertools import groupby
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import flask
import flask.cli
import flask.sessions
import flask.views
import pytest
import quart
import werkzeug.datastructures
import werkzeug.utils
from markupsafe import Markup
from quart import Quart

from qapp.tour.names import Row, found, table, words_of
from tests.conftest import Page, Visitor

TABLE = table()
ONLY_HERE = "only here"

# Every name of the reference that a Flask developer holds.
REFERENCE = """
    Flask
    add_url_rule route get post put delete patch
    before_request after_request teardown_request teardown_appcontext before_request_funcs
    after_request_funcs before_first_request
    context_processor template_context_processors update_template_context
    template_filter template_global template_test
    create_jinja_loader jinja_env jinja_options
    errorhandler error_handlers
    make_response dispatch_request preprocess_request process_response full_dispatch_request
    match_request
    open_resource open_instance_resource
    open_session save_session session_interface
    request_context test_request_context app_context test_client test_cli_runner
    request_class response_class root_path instance_path package_name import_name static_path
    static_url_path secret_key session_cookie_name debug testing config logger view_functions
    url_map blueprints extensions cli
    run host port wsgi_app
    request.form request.files request.data request.json request.get_json request.values
    request.args request.cookies request.method request.path request.script_root request.url
    request.base_url request.url_root request.headers request.endpoint request.view_args
    request.blueprint request.remote_addr request.is_secure request.stream request.environ
    FileStorage save
    Response headers status_code data get_data mimetype set_cookie key value max_age expires path
    domain secure httponly samesite delete_cookie
    session new modified permanent permanent_session_lifetime
    g current_app
    url_for endpoint _external _anchor _method _scheme
    abort redirect jsonify send_file send_from_directory stream_with_context after_this_request
    copy_current_request_context has_request_context
    render_template render_template_string stream_template get_template_attribute
    flash message category get_flashed_messages with_categories category_filter
    escape Markup striptags unescape %
    secure_filename
    Blueprint url_prefix app_errorhandler template_folder static_folder
    MethodView View
    request_started request_finished request_tearing_down got_request_exception template_rendered
    before_render_template message_flashed appcontext_pushed appcontext_popped
    appcontext_tearing_down
    shell routes cli.command
    query_db one get_db init_db schema.sql
    config.from_object config.from_prefixed_env config.from_file config.from_pyfile
    websocket before_serving after_serving while_serving add_background_task make_push_promise
    request.body_timeout test_app run_sync
"""

every_row = pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: f"{row.kind} {row.names[0]}")


async def typed(example: str) -> list[tuple[str, str, str]]:
    """Type an example as into `python -m asyncio`; return each input, what it says, what came.

    Each input runs in a task of its own, so that no context is left from the one before.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    inputs = []
    for part in doctest.DocTestParser().get_examples(example):
        code = compile(
            part.source, "<example>", "single", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        output = StringIO()
        try:
            with redirect_stdout(output):
                result = FunctionType(code, namespace)()
                if inspect.iscoroutine(result):
                    await asyncio.create_task(result)
        except Exception as error:
            if part.exc_msg != f"{type(error).__name__}: {error}\n":
                raise
            output.write(part.want)
        inputs.append((part.source, part.want, output.getvalue()))
    return inputs


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Show values as a console does, in an empty folder that is empty afterwards."""

    def show(value: object) -> None:
        if value is not None:
            print(repr(value))  # noqa: T201 - it is what a console does

    monkeypatch.setattr(sys, "displayhook", show)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


@every_row
@pytest.mark.usefixtures("console")
async def test_an_example_gives_what_it_says(row: Row) -> None:
    inputs = await typed(TABLE.prelude + row.example)
    assert len(inputs) > 4
    for source, want, got in inputs:
        same = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
        assert same, f"{source}said {want}gave {got}"


@every_row
def test_an_example_shows_every_name_and_is_short(row: Row) -> None:
    for name in row.names:
        here = re.escape(row.renamed.get(name, name))
        assert re.search(rf"(?<!\w){here}(?!\w)", row.example), name
    assert len(row.example.splitlines()) <= 14
    assert max(map(len, row.example.splitlines())) <= 88


def test_every_name_of_the_reference_is_there() -> None:
    assert set(REFERENCE.split()) <= {name for row in TABLE.rows for name in row.names}


def test_the_rows_of_a_kind_stand_together_and_name_what_they_have() -> None:
    kinds = [kind for kind, _ in groupby(row.kind for row in TABLE.rows)]
    assert len(kinds) == len(set(kinds))
    for row in TABLE.rows:
        assert {*row.renamed, *row.gone} <= set(row.names), row
        assert len(row.names) == len(set(row.names)), row


OF_THE_APP = (
    "method", "hook", "template", "errors", "files", "testing", "attribute", "server",
)  # fmt: skip


def places() -> dict[str, list[object]]:
    """Return where Flask has the names of a kind."""
    app = flask.Flask("demo")
    context = app.test_request_context("/")
    shop = flask.Blueprint("shop", "demo")
    return {
        "class": [flask, flask.views, flask.views.View, shop, Markup("")],
        "dispatch": [app, context],
        "session": [flask, app, app.session_interface, flask.sessions.SecureCookieSession()],
        "request": [context.request],
        "upload": [
            werkzeug.utils,
            werkzeug.datastructures,
            werkzeug.datastructures.FileStorage(),
        ],
        "response": [flask, flask.Response()],
        "globals": [flask],
        "function": [flask],
        "signal": [flask],
        "command": [SimpleNamespace(**flask.cli.FlaskGroup().commands), flask.cli, app.cli],
        "config": [app.config],
        ONLY_HERE: [flask, app, context.request],
        **{kind: [app] for kind in OF_THE_APP},
    }


PLACES = places()


def is_there(name: str, row: Row, objects: list[object]) -> bool:
    """Tell whether an object has a name, or one of the row's functions a parameter called so."""
    name = {"%": "__mod__"}.get(name, name.rpartition(".")[2])
    if any(name in dir(thing) for thing in objects):
        return True
    functions = [
        getattr(thing, other) for thing in objects for other in row.names if other in dir(thing)
    ]
    return any(
        name in inspect.signature(function).parameters
        for function in functions
        if inspect.isroutine(function)
    )


@every_row
def test_flask_has_the_names_but_those_it_has_given_up(row: Row) -> None:
    if row.kind == "pattern":  # the tutorials' own functions
        assert row.gone == ()
        return
    for name in row.names:
        if name in row.gone or row.kind == ONLY_HERE:
            assert not is_there(name, row, PLACES[ONLY_HERE]), name
        else:
            assert is_there(name, row, PLACES[row.kind]), name


def test_names_that_are_only_here_are_in_quart() -> None:
    app = Quart("demo")
    request = app.test_request_context("/").request
    for row in TABLE.rows:
        if row.kind == ONLY_HERE:
            assert all(is_there(n, row, [quart, quart.utils, app, request]) for n in row.names)


def rows_of(page: Page) -> list[Row]:
    """Return the rows that a page shows."""
    rows: list[Row] = page.context["shown"]
    return rows


async def test_the_page_shows_every_name(visitor: Visitor, pages: list[Page]) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", await visitor.text("/tour/api")))
    assert pages[-1].template == "tour/api.html"
    assert f"{len(TABLE.rows)} of {len(TABLE.rows)} rows" in text
    for row in TABLE.rows:
        assert row.example in text
        for words in (row.flask, row.here):
            assert words.replace("`", "") in text
        for name in row.names:
            assert name in text


async def test_the_tour_leads_to_it(visitor: Visitor) -> None:
    assert '<a href="/tour/api">' in await visitor.text("/tour/")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SET_COOKIE", {"set_cookie"}),
        ("cookie", {"session", "secret_key", "request.args", "set_cookie"}),
        ("  template   hook ", {"context_processor", "template_filter", "template_global"}),
        ("jsonify()", {"make_response"}),
        ("asgi_app", {"wsgi_app"}),
        ("samesite", {"set_cookie"}),
        ("set_cookie websocket", set()),
        ("<script>alert(1)</script>", set()),
        ("x" * 2000, set()),
        ("जेब", set()),
    ],
)
async def test_a_search_finds_rows_with_every_word(
    visitor: Visitor, pages: list[Page], query: str, names: set[str]
) -> None:
    response = await visitor.get("/tour/api", query_string={"q": query})
    assert response.status_code == 200
    assert {row.names[0] for row in rows_of(pages[-1])} == names
    page = await response.get_data(as_text=True)
    assert ("No row has" in page) is (not names)
    assert "<script>alert" not in page
    assert len(pages[-1].context["query"]) <= 200


@pytest.mark.parametrize("query", ["", " ", "\0", "\0\n\t\0", "\u200b"])
async def test_without_a_word_every_row_is_shown(
    visitor: Visitor, pages: list[Page], query: str
) -> None:
    page = await visitor.text("/tour/api?q=" + "".join(f"%{byte:02x}" for byte in query.encode()))
    assert rows_of(pages[-1]) == list(TABLE.rows)
    assert "\0" not in page


async def test_a_null_separates_words(visitor: Visitor, pages: list[Page]) -> None:
    assert "\0" not in await visitor.text("/tour/api?q=SET%00cookie")
    assert pages[-1].context["query"] == "SET cookie"
    assert rows_of(pages[-1]) == found(TABLE.rows, ["set", "COOKIE"])


async def test_a_kind_alone_or_with_words(visitor: Visitor, pages: list[Page]) -> None:
    await visitor.text("/tour/api?kind=hook")
    assert {row.kind for row in rows_of(pages[-1])} == {"hook"}
    page = await visitor.text("/tour/api?kind=hook&q=template")
    assert {row.names[0] for row in rows_of(pages[-1])} == {
        "context_processor",
        "template_filter",
        "template_global",
    }
    assert '<input type="hidden" name="kind" value="hook">' in page
    assert f"3 of {len(TABLE.rows)} rows for “template” of the kind “hook”" in page
    assert 'href="/tour/api?q=template&amp;kind=function"' in page


@pytest.mark.parametrize("kind", ["nothing", "<b>", "\0x", "hook hook", "k" * 2000])
async def test_an_unknown_kind_has_no_rows(visitor: Visitor, pages: list[Page], kind: str) -> None:
    response = await visitor.get("/tour/api", query_string={"kind": kind, "q": "get"})
    page = await response.get_data(as_text=True)
    assert response.status_code == 200
    assert rows_of(pages[-1]) == []
    assert '<a href="/tour/api?q=get">in all kinds</a>' in page
    assert '<a href="/tour/api">all ' in page
    assert "<b>" not in page


async def test_few_rows_have_their_example_open(visitor: Visitor) -> None:
    assert "<details open>" in await visitor.text("/tour/api?q=set_cookie")
    assert "<details open>" not in await visitor.text("/tour/api?q=get")


def test_words_are_few_and_visible() -> None:
    assert words_of(" a\0b\x1b c\u2028d ") == ["a", "b", "c", "d"]
    assert words_of("a " * 2000) == ["a"] * 100
