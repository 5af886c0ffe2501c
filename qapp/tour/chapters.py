"""The chapters of the tour, in the order of reading."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """A Flask module, and what does the same on an event loop; paths below `qapp/`."""

    flask: str
    here: str


class Chapter(NamedTuple):
    """A chapter. Its text is `templates/tour/chapters/<slug>.html`.

    :ivar slug: its name in addresses.
    :ivar part: the part of the tour that it belongs to.
    :ivar flask: what a Flask developer knows it by, as Markdown.
    :ivar here: what that is here, as Markdown.
    :ivar pairs: the sources shown side by side; none where there is only something to tell.
    """

    slug: str
    title: str
    part: str
    flask: str
    here: str
    pairs: tuple[Pair, ...] = ()


def live(name: str) -> Pair:
    """Return the sources of a chapter that is live on the site."""
    return Pair(f"tour/originals/{name}.py", f"tour/live/{name}.py")


def alone(name: str) -> Pair:
    """Return the sources of two applications that run by themselves."""
    return Pair(f"tour/originals/{name}.py", f"tour/apps/{name}.py")


CHAPTERS = (
    Chapter(
        "set-up",
        "Set-up",
        "Start",
        "`app.config`, the instance folder, `create_app()`",
        "the same; the settings are one checked value",
    ),
    Chapter(
        "application",
        "Application",
        "Start",
        "`Flask(__name__)` and a view",
        "`Quart(__name__)` and an `async def` view",
        (live("application"),),
    ),
    Chapter(
        "routing",
        "Routing",
        "Addresses",
        "`@app.route`, `add_url_rule`",
        "the same",
        (live("routing"),),
    ),
    Chapter(
        "variable-rules",
        "Variable rules",
        "Addresses",
        "`<name>`, `<int:id>`, `<path:rest>`, slashes at the end",
        "the same",
        (live("variable_rules"),),
    ),
    Chapter(
        "url-building",
        "URL building",
        "Addresses",
        "`url_for`",
        "the same",
        (live("url_building"), alone("urls")),
    ),
    Chapter(
        "http-methods",
        "HTTP methods",
        "Addresses",
        "`methods=[…]`, `HEAD`, `OPTIONS`",
        "the same",
        (live("http_methods"),),
    ),
    Chapter(
        "templates",
        "Templates",
        "Pages",
        "`render_template`, filters, context processors",
        "`await render_template`; the rest is the same",
        (live("templates"), alone("templating")),
    ),
    Chapter(
        "static-files",
        "Static files",
        "Pages",
        "`static/`, `url_for('static', …)`",
        "the same, from memory, kept for good by browsers",
        (live("static_files"),),
    ),
    Chapter(
        "request-object",
        "The request",
        "Request and response",
        "`request.args`, `.headers`, `.url`, `.cookies`",
        "the same; what is in the body is awaited",
        (live("request_object"),),
    ),
    Chapter(
        "form-data",
        "Form data",
        "Request and response",
        "`request.form`",
        "`await request.form`",
        (live("form_data"),),
    ),
    Chapter(
        "cookies",
        "Cookies",
        "Request and response",
        "`request.cookies`, `set_cookie`",
        "the same; `make_response` is awaited",
        (live("cookies"),),
    ),
    Chapter(
        "sessions",
        "Sessions",
        "Request and response",
        "`session`",
        "the same cookie: both read what the other wrote",
        (live("sessions"),),
    ),
    Chapter(
        "redirects-and-errors",
        "Redirects and errors",
        "Request and response",
        "`redirect`, `abort`, `errorhandler`",
        "the same",
        (live("redirects_and_errors"),),
    ),
    Chapter(
        "flashing",
        "Message flashing",
        "Request and response",
        "`flash`, `get_flashed_messages`",
        "`await flash`; the template is the same",
        (live("flashing"),),
    ),
    Chapter(
        "responses",
        "Responses and streams",
        "Request and response",
        "`make_response`, `jsonify`, generators",
        "the same, awaited; generators are `async`",
        (alone("responses"),),
    ),
    Chapter(
        "sending-files",
        "Sending files",
        "Request and response",
        "`send_file`, `send_from_directory`, ranges, `ETag`",
        "the same, awaited",
        (alone("sending_files"),),
    ),
    Chapter(
        "blog",
        "A whole blog",
        "A whole application",
        "flaskr: log in, write, edit, delete",
        "the blog of this site",
        (
            Pair("tour/originals/flaskr/auth.py", "accounts/views.py"),
            Pair("tour/originals/flaskr/blog.py", "blog/views.py"),
        ),
    ),
    Chapter(
        "hooks",
        "Before, after and teardown",
        "A whole application",
        "`before_request`, `after_request`, `teardown_request`, error handlers",
        "the same, as `async def`",
        (alone("hooks"),),
    ),
    Chapter(
        "larger-applications",
        "Larger applications",
        "A whole application",
        "`Blueprint`, nested; `MethodView`",
        "the same",
        (alone("larger_applications"),),
    ),
    Chapter(
        "uploads",
        "Uploads",
        "What extensions do",
        "`request.files`, `FileField`, `secure_filename`, `save`",
        "streamed to the disk; `await`ed validators look inside; a file and its row, or neither",
        (
            Pair("tour/originals/uploads/views.py", "files/views.py"),
            Pair("tour/originals/uploads/forms.py", "files/forms.py"),
            Pair("tour/originals/uploads/service.py", "files/service.py"),
        ),
    ),
    Chapter(
        "forms",
        "Forms",
        "What extensions do",
        "Flask-WTF: `FlaskForm`, `validate_on_submit`, `CSRFProtect`",
        "`await form.validate_on_submit()`, async validators; tokens work in both",
        (
            Pair("tour/originals/contact/forms.py", "contact/forms.py"),
            Pair("tour/originals/contact/reading.py", "web/forms.py"),
        ),
    ),
    Chapter(
        "mail",
        "Mail",
        "What extensions do",
        "Flask-Mail: `Message`, `mail.send`",
        "`await mail.send`, or an outbox that loses none",
        (Pair("tour/originals/contact/views.py", "contact/views.py"),),
    ),
    Chapter(
        "sqlite",
        "SQLite",
        "What extensions do",
        "`sqlite3`, a connection in `g`, teardown",
        "`await db.fetch_all(…)`: connections that all requests share",
        (alone("sqlite"),),
    ),
    Chapter(
        "sqlalchemy",
        "SQLAlchemy",
        "What extensions do",
        "Flask-SQLAlchemy: `db.session`, `paginate`, `get_or_404`",
        "the same, awaited",
        (
            alone("orm"),
            Pair("tour/originals/students/queries.py", "students/queries.py"),
            Pair("tour/originals/students/views.py", "students/views.py"),
        ),
    ),
    Chapter(
        "migrations",
        "Migrations",
        "What extensions do",
        "Flask-Migrate: `flask db migrate`, `upgrade`",
        "`qapp db migrate`, `upgrade`, …; each worker upgrades first",
        (
            Pair(
                "tour/originals/migrations/versions/0001_students.py",
                "migrations/versions/0004_students.py",
            ),
            Pair("tour/originals/migrations/env.py", "migrations/env.py"),
        ),
    ),
    Chapter(
        "ajax",
        "Ajax",
        "What extensions do",
        "Flask-Sijax: `g.sijax.register_callback`, `process_request`, Comet",
        "the same, `await`ed; Comet is an `async` generator",
        (live("ajax"),),
    ),
    Chapter("debug-mode", "Debug mode", "Running it", "`flask run --debug`", "`qapp run --debug`"),
    Chapter(
        "testing",
        "Testing",
        "Running it",
        "`app.test_client()`",
        "the same, awaited; a real server where that matters",
        (alone("testing"),),
    ),
    Chapter(
        "command-line",
        "The command line",
        "Running it",
        "`flask shell`, `routes`, `@app.cli.command`",
        "`qapp shell`, `routes`, …",
    ),
    Chapter("deployment", "Deployment", "Running it", "gunicorn, mod_wsgi", "Hypercorn"),
)
BY_SLUG = {chapter.slug: chapter for chapter in CHAPTERS}


def neighbours(chapter: Chapter) -> tuple[Chapter | None, Chapter | None]:
    """Return the chapters before and after one."""
    place = CHAPTERS.index(chapter)
    before = CHAPTERS[place - 1] if place else None
    after = CHAPTERS[place + 1] if place + 1 < len(CHAPTERS) else None
    return before, after
