import asyncio
import functools
import io
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from quart import (
    Blueprint,
    Quart,
    current_app,
    g,
    render_template_string,
    request,
    session,
)
from quart.datastructures import FileStorage
from quart.typing import ResponseReturnValue

import qapp.ext.sijax
from qapp.ext.csrf import CSRFError, CSRFProtect, generate_csrf
from qapp.ext.sijax import (
    CometResponse,
    ObjResponse,
    Sijax,
    SijaxError,
    UploadResponse,
    init_static_path,
    route,
)
from tests.ext.sijax.tools import OURS, commands, form_of, make_app, post

UNAVAILABLE = [{"type": "alert", "alert": "The action you performed is unavailable! (Sijax error)"}]
WRONG = [
    {
        "type": "alert",
        "alert": "You tried to perform an action in a wrong way! (Sijax error)",
    }
]
Change = Callable[[ObjResponse], object]


async def made(change: Change, *, headers: dict[str, str] | None = None, **config: Any) -> Any:
    """Return the commands that a change of the response makes."""
    app = make_app(lambda: g.sijax.register_callback("go", lambda answer: change(answer)), **config)
    return await commands(app, "go", headers=OURS if headers is None else headers)


async def error_of(change: Change, **config: Any) -> str:
    """Return the message of the SijaxError that a change of the response raises."""
    errors: list[str] = []

    def attempt(answer: ObjResponse) -> None:
        with pytest.raises(SijaxError) as raised:
            change(answer)
        errors.append(str(raised.value))

    assert await made(attempt, **config) == []
    return errors[0]


@pytest.mark.parametrize(
    ("change", "command"),
    [
        (lambda r: r.alert("hi"), {"type": "alert", "alert": "hi"}),
        *(
            (
                lambda r, name=name: getattr(r, name)("#a", "<b>x</b>"),
                {"type": "html", "selector": "#a", "html": "<b>x</b>", "setType": how},
            )
            for name, how in (
                ("html", "replace"),
                ("html_append", "append"),
                ("html_prepend", "prepend"),
            )
        ),
        *(
            (
                lambda r, name=name: getattr(r, name)("#a", "value", 1),
                {"type": "attr", "selector": "#a", "key": "value", "value": 1, "setType": how},
            )
            for name, how in (
                ("attr", "replace"),
                ("attr_append", "append"),
                ("attr_prepend", "prepend"),
            )
        ),
        (
            lambda r: r.css("a", "color", "red"),
            {"type": "css", "selector": "a", "key": "color", "value": "red"},
        ),
        (lambda r: r.remove("#a"), {"type": "remove", "remove": "#a"}),
        (lambda r: r.redirect("/x?a=b#c"), {"type": "redirect", "redirect": "/x?a=b#c"}),
        (
            lambda r: r.redirect("https://b.test/", external=True),
            {"type": "redirect", "redirect": "https://b.test/", "external": True},
        ),
        (
            lambda r: r.call("a.b", (1, None)),
            {"type": "call", "call": "a.b", "params": [1, None]},
        ),
        (lambda r: r.call("f"), {"type": "call", "call": "f", "params": []}),
        (
            lambda r: r._add_command("mine", {"x": Markup("<i>")}),
            {"type": "mine", "x": "<i>"},
        ),
    ],
)
async def test_a_command_is_the_json_that_sijax_made_of_it(
    change: Change, command: dict[str, Any]
) -> None:
    def checked(answer: ObjResponse) -> None:
        assert change(answer) is answer

    assert await made(checked) == [command]


async def test_commands_keep_their_order_and_can_be_taken_back() -> None:
    chain = await made(lambda r: r.alert("0").clear_commands().alert("1").remove("b").alert("2"))
    assert [c["type"] for c in chain] == ["alert", "remove", "alert"]


async def test_a_script_is_opt_in_and_the_old_client_is_redirected_by_one_all_the_same() -> None:
    assert "SIJAX_ALLOW_SCRIPT" in await error_of(lambda r: r.script("f()"))
    allowed = await made(lambda r: r.script("f()"), SIJAX_ALLOW_SCRIPT=True)
    assert allowed == [{"type": "script", "script": "f()"}]
    old = await made(lambda r: r.redirect("/x"), headers={})
    assert old == [{"type": "script", "script": 'window.location = "/x";'}]


@pytest.mark.parametrize(
    "uri",
    [
        "//evil.test",
        "///evil.test",
        "https://evil.test/",
        "http://localhost@evil.test/",
        "http://localhost:81/",
        "https:evil.test",
        "http:///evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\\evil.test",
        "\\\\evil.test",
        "/a\nb",
        "\t//evil.test",
        " //evil.test",
        "/\u2028",
        "http://[::1",
    ],
)
async def test_a_redirect_stays_on_the_site(uri: str) -> None:
    await error_of(lambda r: r.redirect(uri))


@pytest.mark.parametrize("uri", ["", "?a=1", "next", "../up", "http://localhost/x", "/%C3%A9"])
async def test_a_redirect_within_the_site_may_be_written_in_any_way(uri: str) -> None:
    assert (await made(lambda r: r.redirect(uri)))[0]["redirect"] == uri


async def test_what_an_app_gets_wrong_is_said() -> None:
    assert "list or a tuple" in await error_of(lambda r: r.call("f", "ab"))
    assert "SIJAX_MAX_COMMANDS" in await error_of(
        lambda r: fill(r, 4),
        SIJAX_MAX_COMMANDS=3,
    )
    async with make_app(lambda: None).test_request_context("/"):
        await current_sijax()
        wrongs: tuple[Callable[[], object], ...] = (
            lambda: g.sijax.register_callback("f", 3),
            lambda: g.sijax.register_callback("f", print, args_extra="ab"),
            lambda: g.sijax.register_callback("f", print, response_class=3),
            lambda: g.sijax.register_event("before_processing", None),
            lambda: g.sijax.set_request_uri("").get_js(),
        )
        for wrong in wrongs:
            with pytest.raises(SijaxError):
                wrong()
        with pytest.raises(SijaxError, match="no request of Sijax"):
            await g.sijax.process_request()


def fill(answer: ObjResponse, count: int) -> None:
    """Add so many commands, and forget them even if there are too many."""
    try:
        for _ in range(count):
            answer.alert("x")
    finally:
        answer.clear_commands()


async def current_sijax() -> Any:
    """Prepare the current request, as a request that comes from outside is."""
    await current_app.preprocess_request()
    return g.sijax


async def test_a_request_without_both_fields_is_the_views_own() -> None:
    app = make_app(lambda: None)
    client = app.test_client()
    for sent in (
        {"form": {"sijax_rq": "f"}},
        {"form": {"sijax_args": "[]"}},
        {"json": form_of("f")},
        {"query_string": form_of("f")},
        {"data": b"\xff\xfe", "headers": {"Content-Type": "text/plain"}},
    ):
        response = await client.post("/", **sent)
        assert await response.get_data(as_text=True) == "a page"
    response = await client.get("/", query_string=form_of("f"))
    assert await response.get_data(as_text=True) == "a page"


@pytest.mark.parametrize(
    "name", ["", "nobody", "_secret", "__class__", "register_callback", "a.b", "value", "\0", "é"]
)
async def test_only_what_is_registered_can_be_called(name: str) -> None:
    class Handlers:
        value = 3

        @property
        def private(self) -> Callable[..., None]:
            raise AssertionError("a property was read")

        def _secret(self, answer: ObjResponse) -> None:
            raise AssertionError("a private method was called")

        def shown(self, answer: ObjResponse) -> None:
            answer.alert("shown")

    app = make_app(lambda: g.sijax.register_object(Handlers()))
    assert await commands(app, name) == UNAVAILABLE
    assert await commands(app, "shown") == [{"type": "alert", "alert": "shown"}]


@pytest.mark.parametrize(
    "args",
    [
        "",
        "[",
        "{}",
        "null",
        '"ab"',
        "1",
        "[NaN]",
        "[Infinity]",
        "[1]",
        "[1,2,3]",
        "[" * 50_000,
        "[" + "1" * 5000 + ",1]",
        f'["{"x" * 70_000}", 1]',
        "[1,2]x",
        "\ufeff[1,2]",
    ],
    ids=lambda text: ascii(text[:12]),
)
async def test_arguments_that_do_not_fit_call_nothing(args: str) -> None:
    app = make_app(lambda: g.sijax.register_callback("two", lambda answer, a, b: answer.alert("?")))
    assert await commands(app, "two", args) == WRONG


async def test_a_function_without_parameters_is_not_called_by_what_is_no_list() -> None:
    app = make_app(lambda: g.sijax.register_callback("f", lambda answer: answer.alert("?")))
    assert await commands(app, "f", "{}") == WRONG


async def test_an_error_within_a_function_is_no_wrong_call() -> None:
    def broken(answer: ObjResponse) -> None:
        raise TypeError("takes 1 positional argument but 2 were given")

    def stops(answer: ObjResponse) -> None:
        next(iter(()))

    app = make_app(lambda: g.sijax.register_callback("f", broken).register_callback("stops", stops))
    assert (await post(app, "f")).status_code == 500
    assert (await post(app, "stops")).status_code == 500


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(JSON, max_size=5))
def test_arguments_reach_the_function_and_come_back_as_they_were(args: list[Any]) -> None:
    async def round_trip() -> None:
        seen: list[Any] = []

        async def echo(answer: ObjResponse, *values: Any) -> None:
            seen.extend(values)
            answer.call("f", values)

        app = make_app(lambda: g.sijax.register_callback("echo", echo))
        (command,) = await commands(app, "echo", args)
        assert seen == args
        assert command["params"] == args

    asyncio.run(round_trip())


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_name_and_any_arguments_get_an_answer(name: str, args: str) -> None:
    async def ask() -> None:
        app = make_app(lambda: g.sijax.register_callback("f", lambda answer, a: None))
        assert await commands(app, name, args or "-") in ([], WRONG, UNAVAILABLE)

    asyncio.run(ask())


async def test_functions_of_every_kind_can_be_called() -> None:
    class Handler:
        async def __call__(self, answer: ObjResponse, name: str) -> None:
            answer.alert(f"object {name}")

        async def method(self, answer: ObjResponse, name: str) -> None:
            answer.alert(f"method {name}")

    async def coroutine(answer: ObjResponse, extra: str, name: str) -> None:
        answer.alert(f"{extra} {name}")

    def blocking(answer: ObjResponse, name: str) -> None:
        where = threading.current_thread() is threading.main_thread()
        answer.alert(f"{request.path} {where} {name}")

    def register() -> None:
        g.sijax.register_callback("object", Handler())
        g.sijax.register_callback("method", Handler().method)
        g.sijax.register_callback("extra", coroutine, args_extra=["extra"])
        g.sijax.register_callback("partial", functools.partial(coroutine, extra="partial"))
        g.sijax.register_callback("returned", lambda answer, name: coroutine(answer, "r", name))
        g.sijax.register_callback("blocking", blocking)

    app = make_app(register)
    said = {
        name: [c["alert"] for c in await commands(app, name, ["x"])]
        for name in ("object", "method", "extra", "partial", "returned", "blocking")
    }
    assert said == {
        "object": ["object x"],
        "method": ["method x"],
        "extra": ["extra x"],
        "partial": ["You tried to perform an action in a wrong way! (Sijax error)"],
        "returned": ["r x"],
        "blocking": ["/ False x"],
    }


async def test_events_come_before_and_after_and_in_place_of_what_is_wrong() -> None:
    async def before(answer: ObjResponse) -> None:
        answer.alert("before")

    def register() -> None:
        sijax = g.sijax.register_callback("f", lambda answer: answer.alert("f"))
        sijax.register_event(sijax.EVENT_BEFORE_PROCESSING, before)
        sijax.register_event(sijax.EVENT_AFTER_PROCESSING, lambda answer: answer.alert("after"))
        sijax.register_event(
            sijax.EVENT_INVALID_REQUEST, lambda answer, name: answer.alert(f"no {name}")
        )
        sijax.register_event(
            sijax.EVENT_INVALID_CALL, lambda answer, function: answer.alert("not so")
        )
        assert sijax.has_event("invalid_call")
        assert sijax.get_event("before_processing") is before
        assert sijax.get_event("never") is None

    app = make_app(register)
    for name, args, middle in (("f", [], "f"), ("g", [], "no g"), ("f", [1], "not so")):
        said = [c["alert"] for c in await commands(app, name, args)]
        assert said == ["before", middle, "after"]


async def test_a_generator_must_be_registered_as_a_stream() -> None:
    closed: list[str] = []

    async def steps(answer: ObjResponse) -> AsyncIterator[object]:
        yield None

    def hidden(answer: ObjResponse) -> Iterator[object]:
        def inner() -> Iterator[object]:
            closed.append("never begun")
            yield None

        return inner()

    app = make_app(
        lambda: g.sijax.register_callback("steps", steps).register_callback("hidden", hidden)
    )
    assert (await post(app, "steps")).status_code == 500
    assert (await post(app, "hidden")).status_code == 500
    assert closed == []


async def test_a_stream_that_is_no_generator_is_answered_at_once_with_its_session() -> None:
    async def visit(answer: ObjResponse) -> None:
        session["seen"] = "yes"
        answer.alert("done")

    app = make_app(lambda: g.sijax.register_comet_callback("visit", visit))
    response = await post(app, "visit")
    assert "Set-Cookie" in response.headers
    assert response.content_type == "application/json"
    old = await app.test_client().post("/", form=form_of("visit"))
    assert old.content_type == "text/html; charset=utf-8"
    assert "processCommands" in await old.get_data(as_text=True)


async def test_two_requests_at_once_never_mix() -> None:
    both = asyncio.Barrier(2)

    async def slow(answer: ObjResponse, name: str) -> None:
        answer.alert(name)
        await both.wait()
        answer.alert(f"{name} {request.headers['X-User']}")

    def register() -> None:
        g.sijax.register_callback(request.headers["X-User"], slow)

    app = make_app(register)
    answers = await asyncio.gather(
        *(commands(app, who, [who], headers={**OURS, "X-User": who}) for who in ("al", "bo"))
    )
    assert [[c["alert"] for c in answer] for answer in answers] == [
        ["al", "al al"],
        ["bo", "bo bo"],
    ]
    # What one request registered, another does not have.
    assert await commands(app, "al", ["x"], headers={**OURS, "X-User": "bo"}) == UNAVAILABLE


async def test_two_apps_share_one_extension_but_nothing_else() -> None:
    sijax = Sijax()
    apps = [Quart("one"), Quart("two")]
    for app in apps:
        app.config["SIJAX_CSRF"] = False
        sijax.init_app(app)
        assert app.extensions["sijax"] is sijax

        @route(app, "/")
        async def index() -> ResponseReturnValue:
            name = current_app.import_name
            g.sijax.register_callback(name, lambda answer: answer.alert(name))
            return await g.sijax.process_request()  # type: ignore[no-any-return]

    assert await commands(apps[0], "one") == [{"type": "alert", "alert": "one"}]
    assert await commands(apps[1], "one") == UNAVAILABLE
    assert apps[0].extensions["sijax_streams"] is not apps[1].extensions["sijax_streams"]


def upload_app(handler: Callable[..., Any], **config: Any) -> Quart:
    return make_app(lambda: g.sijax.register_upload_callback("photo", handler), **config)


async def upload(app: Quart, **options: Any) -> Any:
    options = {
        "form": form_of("photo_upload", ["photo"], title="Tea"),
        "files": {"file": FileStorage(io.BytesIO(b"data" * 500_000), filename="../a.png")},
        "headers": OURS,
        **options,
    }
    return await app.test_client().post("/", **options)


async def test_an_upload_gets_its_files_and_the_forms_fields() -> None:
    async def save(answer: UploadResponse, files: Any, values: dict[str, list[str]]) -> None:
        answer.alert(f"{files['file'].filename} {len(files['file'].read())} {values}")
        answer.reset_form().alert(answer.form_id)

    response = await upload(upload_app(save))
    told, reset, form_id = json.loads(await response.get_data(as_text=True))
    assert told["alert"] == "../a.png 2000000 {'title': ['Tea']}"
    assert reset == {"type": "call", "call": "sjxUpload.resetForm", "params": ["photo"]}
    assert form_id["alert"] == "photo"


async def test_an_uploads_files_stay_open_while_it_streams_and_no_longer() -> None:
    kept: list[Any] = []

    async def save(answer: UploadResponse, files: Any, values: Any) -> AsyncIterator[object]:
        kept.append(files["file"])
        yield answer.alert("begun")
        answer.alert(str(len(files["file"].read())))

    response = await upload(upload_app(save))
    lines = (await response.get_data(as_text=True)).splitlines()
    assert [json.loads(line)[0]["alert"] for line in lines] == ["begun", "2000000"]
    assert kept[0].stream.closed
    old = await upload(upload_app(save), headers={})
    assert (await old.get_data(as_text=True)).count("processCommands(") == 2


@pytest.mark.parametrize(
    "args", ["[]", '["photo","x"]', '["other"]', "[3]", "[null]", "[[]]", "{}"]
)
async def test_an_upload_for_another_form_is_a_wrong_call(args: str) -> None:
    def save(answer: UploadResponse, files: Any, values: Any) -> None:
        raise AssertionError("called")

    response = await upload(upload_app(save), form=form_of("photo_upload", args))
    assert json.loads(await response.get_data(as_text=True)) == WRONG


async def test_a_form_with_files_is_read_only_where_a_view_asks_for_it() -> None:
    app = make_app(lambda: None)

    @app.post("/own")
    async def own() -> str:
        with pytest.raises(SijaxError, match=r"sijax\.route"):
            _ = g.sijax.is_sijax_request
        await g.sijax.load()
        await g.sijax.load()
        return f"{g.sijax.is_sijax_request} {len(g.sijax._files.getlist('file'))}"

    client = app.test_client()
    file = FileStorage(io.BytesIO(b"x"), filename="a")
    response = await client.post("/own", form={"a": "b"}, files={"file": file})
    assert await response.get_data(as_text=True) == "False 1"


async def test_a_function_without_a_name_can_be_executed() -> None:
    app = make_app(lambda: None)

    @app.post("/now")
    async def now() -> ResponseReturnValue:
        return await g.sijax.execute_callback(  # type: ignore[no-any-return]
            ["a"], lambda answer, extra, a: answer.alert(extra + a), args_extra=("x",)
        )

    response = await app.test_client().post("/now")
    assert await response.get_json() == [{"type": "alert", "alert": "xa"}]


async def test_a_response_of_ones_own_adds_commands() -> None:
    class Chart(ObjResponse):
        JSON_AS_ASCII = True
        JSON_SORT_KEYS = True

        def draw(self, points: list[int]) -> Self:
            return self._add_command("draw", {"points": points, "a": "é"})

    app = make_app(
        lambda: g.sijax.register_callback("f", lambda r: r.draw([1]), response_class=Chart)
    )
    text = await (await post(app, "f")).get_data(as_text=True)
    assert text == '[{"a":"\\u00e9","points":[1],"type":"draw"}]'


async def test_register_comet_object_makes_streams_of_methods() -> None:
    class Handlers:
        async def count(self, answer: CometResponse) -> AsyncIterator[object]:
            yield answer.alert("1")

    app = make_app(lambda: g.sijax.register_comet_object(Handlers()))
    response = await post(app, "count")
    assert await response.get_data(as_text=True) == '[{"type":"alert","alert":"1"}]\n'


def protected(*, by_csrf_protect: bool) -> Quart:
    app = make_app(
        lambda: g.sijax.register_callback("f", lambda answer: answer.alert("done")),
        SIJAX_CSRF=True,
    )
    if by_csrf_protect:
        CSRFProtect(app)

    @app.get("/token")
    async def token() -> str:
        return generate_csrf()

    @app.errorhandler(CSRFError)
    async def refuse(error: CSRFError) -> ResponseReturnValue:
        return error.description or "", 400

    return app


@pytest.mark.parametrize("by_csrf_protect", [False, True])
async def test_a_call_needs_a_token_in_the_form_or_a_header(by_csrf_protect: bool) -> None:
    app = protected(by_csrf_protect=by_csrf_protect)
    client = app.test_client()
    token = await (await client.get("/token")).get_data(as_text=True)
    stale = token[:-3] + "abc"
    for form, headers, status in (
        (form_of("f"), {}, 400),
        (form_of("f", csrf_token=stale), {}, 400),
        (form_of("f"), {"X-CSRFToken": stale}, 400),
        (form_of("f", csrf_token=token), {"Origin": "https://evil.test"}, 400),
        (form_of("f", csrf_token=token), {}, 200),
        (form_of("f"), {"X-CSRFToken": token}, 200),
    ):
        assert (await client.post("/", form=form, headers=headers)).status_code == status
    response = await app.test_client().post("/", form=form_of("f", csrf_token=token))
    assert response.status_code == 400  # a stranger's session


async def test_no_token_is_asked_for_where_they_are_turned_off() -> None:
    app = make_app(
        lambda: g.sijax.register_callback("f", lambda answer: answer.alert("done")),
        SIJAX_CSRF=True,
        WTF_CSRF_ENABLED=False,
    )
    assert (await post(app, "f")).status_code == 200


async def test_an_upload_needs_a_token_too() -> None:
    def save(answer: UploadResponse, files: Any, values: Any) -> None:
        raise AssertionError("called")

    assert (await upload(upload_app(save, SIJAX_CSRF=True))).status_code == 400


async def test_a_view_that_csrf_protect_exempts_needs_no_token() -> None:
    app = make_app(lambda: None, SIJAX_CSRF=True)
    csrf = CSRFProtect(app)

    @route(app, "/open", endpoint="open")
    async def view() -> ResponseReturnValue:
        return await g.sijax.process_request()  # type: ignore[no-any-return]

    csrf.exempt(view)
    response = await app.test_client().post("/open", form=form_of("f"))
    assert response.status_code == 200


async def test_the_page_is_told_where_to_call_and_by_which_token() -> None:
    app = make_app(lambda: None, SIJAX_CSRF=True, SIJAX_ALLOW_SCRIPT=True)
    async with app.test_request_context("//evil.test/ä b?x=<y>&z=1"):
        sijax = await current_sijax()
        told = json.loads(sijax.get_js("a nonce"))
        assert told["uri"] == "/evil.test/%C3%A4%20b?x=<y>&z=1"
        assert told["csrf"] == ["csrf_token", generate_csrf()]
        assert told["script"] == "a nonce"
        assert json.loads(sijax.set_json_uri("/j").set_request_uri("/z").get_js())["uri"] == "/z"
        html = await render_template_string("<meta content='{{ g.sijax.get_js() }}'>")
        assert json.loads(unescape(html.split("'")[1]))["uri"] == "/z"
    async with make_app(lambda: None).test_request_context("/"):
        assert json.loads((await current_sijax()).get_js()) == {"uri": "/"}


async def test_data_can_be_set_by_hand() -> None:
    async with make_app(lambda: None).test_request_context("/"):
        sijax = await current_sijax()
        assert (sijax.is_sijax_request, sijax.requested_function) == (False, None)
        assert sijax.request_args == []
        sijax.set_data(form_of("f", [1, "a"]))
        assert sijax.is_sijax_request
        assert sijax.get_data()["sijax_rq"] == sijax.requested_function == "f"
        assert sijax.request_args == [1, "a"]
        assert sijax.form_values() == {}


async def test_the_script_is_served_and_not_sent_twice() -> None:
    client = make_app(lambda: None).test_client()
    response = await client.get("/sijax/sijax.js")
    assert response.content_type == "text/javascript"
    assert b"export const Sijax" in await response.get_data()
    etag = response.headers["ETag"]
    again = await client.get("/sijax/sijax.js", headers={"If-None-Match": etag})
    assert again.status_code == 304
    client = make_app(lambda: None, SIJAX_SCRIPT_URL=None).test_client()
    assert (await client.get("/sijax/sijax.js")).status_code == 404


def test_the_script_is_copied_once_and_never_over_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "js" / "sijax"
    make_app(lambda: None, SIJAX_STATIC_PATH=str(folder))
    assert {path.name for path in folder.iterdir()} == {"sijax.js", "sijax_version"}
    (folder / "mine.js").write_text("mine")
    (folder / "sijax.js").write_text("changed by hand")
    init_static_path(folder)
    assert (folder / "sijax.js").read_text() == "changed by hand"
    (folder / "sijax_version").write_text("an older one")
    init_static_path(folder)
    assert "export const Sijax" in (folder / "sijax.js").read_text()
    assert (folder / "mine.js").read_text() == "mine"
    with pytest.raises(SijaxError, match="neither empty"):
        init_static_path(tmp_path)


@pytest.mark.parametrize("options", [{}, {"methods": ["GET"]}, {"methods": ["get", "PUT"]}])
async def test_a_route_takes_posts_on_apps_and_blueprints(options: dict[str, Any]) -> None:
    app, blueprint = make_app(lambda: None), Blueprint("part", "site", url_prefix="/part")

    @route(blueprint, "/<name>", **options)
    def view(name: str) -> str:
        return f"{name} {g.sijax.is_sijax_request}"

    assert view.__name__ == "view"
    app.register_blueprint(blueprint)
    client = app.test_client()
    assert await (await client.get("/part/a")).get_data(as_text=True) == "a False"
    response = await client.post("/part/a", form=form_of("f"))
    assert await response.get_data(as_text=True) == "a True"


async def test_a_form_that_is_too_long_is_refused_before_the_view() -> None:
    app = make_app(lambda: None, MAX_CONTENT_LENGTH=1000)
    assert (await post(app, "f", ["x" * 2000])).status_code == 413


async def test_the_app_of_the_docstring_works_as_it_stands_there() -> None:
    text = qapp.ext.sijax.__doc__ or ""
    source = "".join(re.findall(r"^(?:    .*)?\n", text, flags=re.M))
    lines = [line for line in source.splitlines() if line.strip()]
    code = "\n".join(line[4:] for line in lines)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "docstring", "exec", dont_inherit=True), names)  # noqa: S102
    client = names["app"].test_client()
    page = await (await client.get("/")).get_data(as_text=True)
    (content,) = re.findall(r'name="sijax" content="([^"]+)"', page)
    field, token = json.loads(unescape(content))["csrf"]
    assert '<script type="module" src="/sijax/sijax.js">' in page
    form = form_of("hello", ["you"], **{field: token})
    response = await client.post("/", form=form, headers=OURS)
    assert await response.get_json() == [{"type": "alert", "alert": "Hello, you"}]
    assert (await client.post("/", form=form_of("hello", ["you"]))).status_code == 400


async def test_only_a_blueprint_s_requests_may_be_prepared() -> None:
    app, blueprint = Quart(__name__), Blueprint("shop", __name__)
    app.secret_key = "a key for tests, long enough to be one"
    Sijax().init_app(app, blueprint="shop")

    @app.get("/")
    @blueprint.get("/shop")
    async def view() -> str:
        return str("sijax" in g)

    app.register_blueprint(blueprint)
    async with app.test_app():
        client = app.test_client()
        assert await (await client.get("/")).get_data(as_text=True) == "False"
        assert await (await client.get("/shop")).get_data(as_text=True) == "True"
