"""Sijax in a browser, under the site's own Content-Security-Policy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from quart import Quart, Response, g, render_template_string
from quart.typing import ResponseReturnValue

from qapp.ext.sijax import ObjResponse, Sijax, UploadResponse, route
from qapp.web.headers import HEADERS
from tests.browser.conftest import Watched, watched_page
from tests.ext.sijax.tools import Site, served

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Sijax</title><link rel="icon" href="data:,">
<meta name="sijax" content="{{ g.sijax.get_js(nonce) }}">
<script type="module" src="{{ url_for('sijax_script') }}"></script>
<script type="module" src="/own.js"></script></head><body>
<p id="out">old</p><p class="many">one</p><p class="many">two</p><input id="field" value="b">
<button data-sijax="greet" data-sijax-args='["you"]'>Greet</button>
<form id="search" data-sijax="search">
  <input name="q" value="tea"><input name="a[b][]" value="1"><input name="a[b][]" value="2">
  <input type="checkbox" name="off"><input name="gone" disabled value="x">
  <input name="__proto__[x]" value="polluted">
  <select name="s" multiple><option selected>u<option selected>v<option>w</select>
  <button>Search</button>
</form>
<form id="photo" data-sijax-upload="{{ upload }}">
  <input name="title" value="Tea"><input type="file" name="file" aria-label="File">
  <button>Upload</button>
</form></body></html>"""
OWN = """import { Sijax } from "/sijax/sijax.js";
window.chart = { draw(...args) { this.drawn = args; } };
Sijax.process_mine = ({ text }) => { document.querySelector("#out").textContent = text; };
"""
SCRIPTED = "<script>hacked = 1</script>fine"


class Handlers:
    """What the page can call; each test has its own."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.closed = asyncio.Event()
        self.seen: list[Any] = []

    def greet(self, answer: ObjResponse, name: str) -> None:
        answer.html("#out", f"Hello, <b>{name}</b>")

    def change(self, answer: ObjResponse, method: str, args: list[Any]) -> None:
        getattr(answer, method)(*args)

    def mine(self, answer: ObjResponse) -> None:
        answer._add_command("mine", {"text": "my own"})

    def search(self, answer: ObjResponse, values: dict[str, Any]) -> None:
        self.seen.append(values)
        answer.html("#out", "searched")

    def fail(self, answer: ObjResponse) -> None:
        raise ValueError("meant to fail")

    async def count(self, answer: ObjResponse) -> AsyncIterator[object]:
        try:
            yield answer.html("#out", "first")
            await self.goes_on.wait()
            yield answer.html("#out", "second")
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def save(
        self, answer: UploadResponse, files: Any, values: dict[str, list[str]]
    ) -> AsyncIterator[object]:
        file = files["file"]
        yield answer.html("#out", f"{file.filename} {len(file.read())} {values['title']}")
        answer.reset_form().attr("#field", "value", "uploaded")


@pytest.fixture
def handlers() -> Handlers:
    """The functions of this test."""
    return Handlers()


def make_app(handlers: Handlers, **config: Any) -> Quart:
    """Return an app of its own, with tokens and with the site's headers unless they are others."""
    app = Quart("site")
    app.config.update(
        SECRET_KEY="the secret of the tests", SESSION_COOKIE_SAMESITE="Lax", HEADERS=HEADERS
    )
    app.config.update(config)
    Sijax(app)

    @route(app, "/")
    async def index() -> ResponseReturnValue:
        for name in ("greet", "change", "mine", "search", "fail"):
            g.sijax.register_callback(name, getattr(handlers, name))
        g.sijax.register_comet_callback("count", handlers.count)
        upload = g.sijax.register_upload_callback("photo", handlers.save)
        if g.sijax.is_sijax_request:
            response: Response = await g.sijax.process_request()
            return response
        return await render_template_string(PAGE, upload=upload, nonce="n0nce")

    @app.get("/own.js")
    async def own() -> Response:
        return Response(OWN, content_type="text/javascript")

    @app.get("/next")
    async def following() -> str:
        return '<!DOCTYPE html><title>Next</title><link rel="icon" href="data:,"><h1>Next</h1>'

    @app.after_request
    async def secure(response: Response) -> Response:
        response.headers.update(app.config["HEADERS"])
        return response

    return app


@pytest_asyncio.fixture(loop_scope="session")
async def site(handlers: Handlers) -> AsyncIterator[Site]:
    """The app, served."""
    async with served(make_app(handlers)) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def watched(browser: Browser, site: Site) -> AsyncIterator[Watched]:
    """The page, opened; nothing may be told to its console but what the test takes away."""
    watched = await watched_page(browser, site)  # type: ignore[arg-type]  # only its url is read
    watched.page.set_default_timeout(30_000)
    await watched.page.goto("/")
    yield watched
    await watched.page.context.close()
    assert watched.errors == []


async def change(watched: Watched, method: str, *args: Any) -> str:
    """Have the server command something; return the status of the request."""
    status: str = await watched.page.evaluate(
        "([method, args]) => Sijax.request('change', [method, args])", [method, list(args)]
    )
    return status


async def test_a_button_and_the_commands_change_the_page(watched: Watched) -> None:
    page = watched.page
    await page.get_by_role("button", name="Greet").click()
    await expect(page.locator("#out b")).to_have_text("you")
    assert await change(watched, "html_append", "#out", "<i>end</i>") == "success"
    await change(watched, "html_prepend", "#out", "<i>begin</i>")
    assert await page.locator("#out").inner_text() == "beginHello, youend"
    await change(watched, "attr", "#field", "value", "b")
    await change(watched, "attr_append", "#field", "value", "c")
    await change(watched, "attr_prepend", "#field", "value", "a")
    assert await page.locator("#field").input_value() == "abc"
    await change(watched, "attr", "#field", "readonly", True)
    assert await page.locator("#field").evaluate("field => field.readOnly") is True
    await change(watched, "attr", ".many", "data-x", "1")
    assert await page.locator("[data-x='1']").count() == 2
    await change(watched, "css", "#out", "background-color", "rgb(1, 2, 3)")
    await change(watched, "css", "#out", "width", 50)
    style = await page.locator("#out").get_attribute("style")
    assert style == "background-color: rgb(1, 2, 3); width: 50px;"
    await change(watched, "remove", ".many")
    assert await page.locator(".many").count() == 0
    await page.evaluate("Sijax.request('mine')")
    assert await page.locator("#out").inner_text() == "my own"


async def test_an_alert_is_shown(watched: Watched) -> None:
    said: list[str] = []

    async def dismiss(dialog: Any) -> None:
        said.append(dialog.message)
        await dialog.dismiss()

    watched.page.on("dialog", dismiss)
    await change(watched, "alert", "<Hello>")
    await watched.page.evaluate("Sijax.request('nobody')")
    await watched.page.evaluate("Sijax.request('greet', [1, 2, 3])")
    assert said == [
        "<Hello>",
        "The action you performed is unavailable! (Sijax error)",
        "You tried to perform an action in a wrong way! (Sijax error)",
    ]


async def test_a_redirect_opens_a_page_of_the_site(watched: Watched) -> None:
    async with watched.page.expect_navigation(url="**/next"):
        await watched.page.evaluate("void Sijax.request('change', ['redirect', ['/next']])")
    await expect(watched.page.get_by_role("heading")).to_have_text("Next")


async def test_a_call_finds_what_the_page_owns_and_nothing_else(watched: Watched) -> None:
    await change(watched, "call", "chart.draw", [1, {"a": None}])
    assert await watched.page.evaluate("chart.drawn") == [1, {"a": None}]
    for name in ("eval", "Function", "chart.constructor", "chart.draw.call", "nobody", "a.b", ""):
        await change(watched, "call", name, ["window.hacked = 1"])
    assert await watched.page.evaluate("window.hacked") is None
    refused, watched.errors = watched.errors, []
    assert len(refused) == 7
    assert all("TypeError: Sijax:" in error for error in refused)


async def test_scripts_and_other_sites_are_refused_whatever_the_server_says(
    watched: Watched,
) -> None:
    page = watched.page
    for command in (
        {"type": "script", "script": "window.hacked = 1"},
        {"type": "redirect", "redirect": "https://evil.test/"},
        {"type": "redirect", "redirect": "javascript:window.hacked=1", "external": True},
        {"type": "unknown"},
        {"type": "constructor"},
        {"type": "html", "selector": "#out", "setType": "replace", "html": SCRIPTED},
    ):
        await page.evaluate("command => Sijax.processCommands([command])", command)
    assert await page.evaluate("window.hacked") is None
    assert await page.locator("#out").inner_text() == "fine"
    refused, watched.errors = watched.errors, []
    assert len(refused) == 5
    assert all("TypeError: Sijax:" in error for error in refused)


async def test_a_form_is_sent_with_its_values(watched: Watched, handlers: Handlers) -> None:
    await watched.page.get_by_role("button", name="Search").click()
    await expect(watched.page.locator("#out")).to_have_text("searched")
    values = handlers.seen[0]
    assert values.pop("__proto__") == {"x": "polluted"}
    assert values == {"q": "tea", "a": {"b": ["1", "2"]}, "s": ["u", "v"]}
    assert await watched.page.evaluate("({}).x") is None


async def test_a_stream_is_read_as_it_comes_and_ends_with_its_reader(
    watched: Watched, handlers: Handlers
) -> None:
    page = watched.page
    await page.evaluate(
        "() => { window.stream = sjxComet.request('count');"
        " stream.then(status => { document.body.dataset.ended = status; }); }"
    )
    await expect(page.locator("#out")).to_have_text("first")
    handlers.goes_on.set()
    await expect(page.locator("#out")).to_have_text("second")
    await page.evaluate("stream.abort()")
    async with asyncio.timeout(30):
        await handlers.closed.wait()
    await expect(page.locator("body")).to_have_attribute("data-ended", "abort")


async def test_a_stream_ends_when_the_server_stops(
    watched: Watched, handlers: Handlers, site: Site
) -> None:
    await watched.page.evaluate(
        "() => { Sijax.request('count')"
        ".then(status => { document.body.dataset.ended = status; }); }"
    )
    await expect(watched.page.locator("#out")).to_have_text("first")
    site.stop.set()
    await expect(watched.page.locator("body")).to_have_attribute("data-ended", "success")


async def test_a_file_is_uploaded_and_the_form_emptied(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    file = tmp_path / "tea.txt"
    file.write_bytes(b"x" * 100_000)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_label("File").click()
    await (await chooser.value).set_files(file)
    await page.get_by_role("button", name="Upload").click()
    await expect(page.locator("#field")).to_have_value("uploaded")
    await expect(page.locator("#out")).to_have_text("tea.txt 100000 ['Tea']")
    await expect(page.get_by_label("File")).to_have_value("")


async def test_the_callbacks_of_a_request_tell_how_it_went(watched: Watched) -> None:
    told = await watched.page.evaluate(
        """async () => {
            const told = [];
            const params = {
                beforeSend: request => { told.push(request.body.get("extra")); },
                success: commands => { told.push(commands[0].type); },
                error: (response, status) => { told.push([response.status, status]); },
                complete: (response, status) => { told.push(status); },
                data: { extra: "more" },
            };
            await Sijax.request("greet", ["you"], params);
            await Sijax.request("fail", [], params);
            await Sijax.request("greet", ["you"], { ...params, url: "/next" });
            told.push(await Sijax.request("greet", [], { beforeSend: () => false }));
            return told;
        }"""
    )
    assert told == [
        *("more", "html", "success"),
        *("more", [500, "error"], "error"),
        *("more", [405, "error"], "error"),
        "abort",
    ]
    # Chromium reports every answer of 400 and above.
    assert len([each for each in watched.errors if "the server responded" in each]) == 2
    watched.errors.clear()


async def test_a_script_runs_by_its_nonce_where_it_is_allowed(
    browser: Browser, handlers: Handlers
) -> None:
    policy = "default-src 'self'; script-src 'self' 'nonce-n0nce'; img-src data:"
    headers = {"Content-Security-Policy": policy}
    async with served(make_app(handlers, SIJAX_ALLOW_SCRIPT=True, HEADERS=headers)) as site:
        watched = await watched_page(browser, site)  # type: ignore[arg-type]
        await watched.page.goto("/")
        await change(watched, "script", "var local = 1; window.ran = local;")
        assert await watched.page.evaluate("[window.ran, window.local]") == [1, None]
        assert watched.errors == []
        await watched.page.context.close()


async def test_the_frames_of_the_old_client_are_understood(
    browser: Browser, handlers: Handlers
) -> None:
    # As Sijax 0.3 sends it: a hidden form into a hidden frame, whose scripts no policy may forbid.
    send_form = """() => {
        const form = document.createElement("form");
        const [name, token] = JSON.parse(document.querySelector("meta[name=sijax]").content).csrf;
        const fields = { sijax_rq: "count", sijax_args: "[]", [name]: token };
        for (const [key, value] of Object.entries(fields)) {
            const field = document.createElement("input");
            field.name = key;
            field.value = value;
            form.append(field);
        }
        const frame = document.createElement("iframe");
        frame.name = form.target = "comet";
        form.method = "post";
        document.body.append(frame, form);
        form.submit();
    }"""
    async with served(make_app(handlers, HEADERS={})) as site:
        watched = await watched_page(browser, site)  # type: ignore[arg-type]
        await watched.page.goto("/")
        await watched.page.evaluate(send_form)
        await expect(watched.page.locator("#out")).to_have_text("first")
        handlers.goes_on.set()
        await expect(watched.page.locator("#out")).to_have_text("second")
        await watched.page.evaluate("document.querySelector('iframe').remove()")
        async with asyncio.timeout(30):
            await handlers.closed.wait()
        assert watched.errors == []
        await watched.page.context.close()
