"""Templates: what the app adds to them, and what they escape."""

from typing import Any

from markupsafe import Markup, escape
from quart import (
    Blueprint,
    Quart,
    Response,
    current_app,
    render_template,
    render_template_string,
    request,
    stream_template,
)
from quart.typing import ResponseReturnValue

blueprint = Blueprint("templating", __name__)

TYPES = {
    "html": "text/html; charset=utf-8",
    "xml": "application/xml",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
TRUSTED = Markup("<em>ours</em>")


@blueprint.app_template_filter("backwards")
def backwards(word: str) -> str:
    return word[::-1]


@blueprint.app_template_test("palindrome")
def is_palindrome(word: str) -> bool:
    return word == word[::-1]


@blueprint.app_template_global()
def twice(word: str) -> str:
    return word * 2


@blueprint.app_context_processor
async def names() -> dict[str, Any]:
    def initials(text: str) -> str:
        return "".join(word[0] for word in text.split())

    return {"site_name": "Words & more", "initials": initials}


@blueprint.get("/words")
async def words() -> str:
    word = request.args["word"]
    return await render_template("tour/apps/words.html", word=word)


@blueprint.get("/as/<any(html, xml, svg, txt, js):kind>")
async def as_kind(kind: str) -> ResponseReturnValue:
    page = await render_template(
        f"tour/apps/word.{kind}", word=request.args["word"]
    )
    return page, {"Content-Type": TYPES[kind]}


@blueprint.get("/trusted")
async def trusted() -> str:
    return await render_template(
        "tour/apps/trusted.html", word=str(TRUSTED), markup=TRUSTED
    )


@blueprint.get("/markup")
async def markup() -> list[str]:
    word = request.args["word"]
    return [
        escape(word),
        Markup("<b>%s</b>") % word,
        Markup("<b>{}</b>").format(word),
        Markup("<b>") + word,
        (Markup("<b>%s</b>") % word).striptags(),
        escape(word).unescape(),
        escape(Markup("<b>once</b>")),
    ]


@blueprint.get("/string")
async def string() -> str:
    return await render_template_string(
        "{{ word }} at {{ site_name }}{{ nothing }}",
        word=request.args["word"],
    )


@blueprint.get("/macro")
async def macro() -> str:
    template = current_app.jinja_env.get_template(
        "tour/apps/greet.html"
    )
    greet = vars(await template.make_module_async())["greet"]
    return str(await greet(request.args["word"], greeting="Hi"))


@blueprint.get("/first")
async def first() -> str:
    return await render_template(
        ["tour/apps/missing.html", "tour/apps/word.html"],
        word=request.args["word"],
    )


@blueprint.get("/count/<int:start>")
async def count(start: int) -> Response:
    lines = await stream_template("tour/apps/count.html", start=start)
    return Response(lines, content_type=TYPES["txt"])


@blueprint.get("/fail/missing")
async def missing() -> str:
    return await render_template("tour/apps/missing.html")


@blueprint.get("/fail/undefined")
async def undefined() -> str:
    return await render_template_string("{{ nobody.name }}")


@blueprint.get("/fail/syntax")
async def syntax() -> str:
    return await render_template_string("{% if %}")


def create_app() -> Quart:
    app = Quart(__name__, template_folder="../templates")
    app.register_blueprint(blueprint)
    return app
