"""Templates: what the app adds to them, and what they escape."""

from typing import Any

from markupsafe import Markup, escape
from flask import (
    Blueprint,
    Flask,
    Response,
    get_template_attribute,
    render_template,
    render_template_string,
    request,
    stream_template,
)
from flask.typing import ResponseReturnValue

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
def names() -> dict[str, Any]:
    def initials(text: str) -> str:
        return "".join(word[0] for word in text.split())

    return {"site_name": "Words & more", "initials": initials}


@blueprint.get("/words")
def words() -> str:
    word = request.args["word"]
    return render_template("tour/apps/words.html", word=word)


@blueprint.get("/as/<any(html, xml, svg, txt, js):kind>")
def as_kind(kind: str) -> ResponseReturnValue:
    page = render_template(
        f"tour/apps/word.{kind}", word=request.args["word"]
    )
    return page, {"Content-Type": TYPES[kind]}


@blueprint.get("/trusted")
def trusted() -> str:
    return render_template(
        "tour/apps/trusted.html", word=str(TRUSTED), markup=TRUSTED
    )


@blueprint.get("/markup")
def markup() -> list[str]:
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
def string() -> str:
    return render_template_string(
        "{{ word }} at {{ site_name }}{{ nothing }}",
        word=request.args["word"],
    )


@blueprint.get("/macro")
def macro() -> str:
    greet = get_template_attribute("tour/apps/greet.html", "greet")
    return str(greet(request.args["word"], greeting="Hi"))


@blueprint.get("/first")
def first() -> str:
    return render_template(
        ["tour/apps/missing.html", "tour/apps/word.html"],
        word=request.args["word"],
    )


@blueprint.get("/count/<int:start>")
def count(start: int) -> Response:
    lines = stream_template("tour/apps/count.html", start=start)
    return Response(lines, content_type=TYPES["txt"])


@blueprint.get("/fail/missing")
def missing() -> str:
    return render_template("tour/apps/missing.html")


@blueprint.get("/fail/undefined")
def undefined() -> str:
    return render_template_string("{{ nobody.name }}")


@blueprint.get("/fail/syntax")
def syntax() -> str:
    return render_template_string("{% if %}")


def create_app() -> Flask:
    app = Flask(__name__, template_folder="../templates")
    app.register_blueprint(blueprint)
    return app
