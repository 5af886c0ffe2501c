"""Register, log in, log out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from sqlite3 import IntegrityError, Row
from typing import Any, Concatenate, ParamSpec, TypeVar

from werkzeug.exceptions import NotFound, Unauthorized
from werkzeug.security import (
    check_password_hash,
    generate_password_hash,
)
from flask import (
    Blueprint,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from qapp.web.security import safe_next
from qapp.web.templating import now_ms

from .db import get_db
from .forms import LoginForm, RegisterForm, read_form

P = ParamSpec("P")
T = TypeVar("T")
User = Row

blueprint = Blueprint(
    "accounts", __name__, template_folder="../../../templates"
)

# An unknown name must cost what a wrong password costs.
NOBODYS_HASH = (
    "scrypt:32768:8:1$G7KEU1RKny6YgKcS$7d8e39397fdf027898a5725b"
    "fb34b52fcbac49514ae1bef645758f3f553a953f666a6af82f164f1dfa"
    "38000e2601d9bd1f08535c08624040e56ddfa3f0984bfb"
)


@blueprint.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    """Add an account and log it in."""
    if not current_app.config["REGISTRATION"]:
        raise NotFound
    form = read_form(RegisterForm)
    if not form.is_submitted():
        return render_template("accounts/register.html", form=form)
    if form.validate_on_submit():
        db = get_db()
        try:
            user_id = db.execute(
                "INSERT INTO users"
                " (username, password_hash, created_at)"
                " VALUES (?, ?, ?)",
                (
                    form.username.data,
                    generate_password_hash(form.password.data),
                    now_ms(),
                ),
            ).lastrowid
            db.commit()
        except IntegrityError:
            form.username.errors = [
                "This name is taken. Choose another."
            ]
        else:
            start_session(user_id, is_kept=False)
            flash(f"Welcome, {form.username.data}", "success")
            return redirect(url_for("blog.index"))
    return render_template("accounts/register.html", form=form), 422


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Start a session for who knows a name and its password."""
    form = read_form(LoginForm)
    next_url = safe_next(request.args.get("next"))
    page = "accounts/login.html"
    if not form.is_submitted():
        return render_template(page, form=form, next_url=next_url)
    if not form.validate_on_submit():
        return render_template(page, form=form, next_url=next_url), 422
    known = (
        get_db()
        .execute(
            "SELECT id, password_hash FROM users WHERE username = ?",
            (form.username.data,),
        )
        .fetchone()
    )
    fits = check_password_hash(
        known["password_hash"] if known else NOBODYS_HASH,
        form.password.data,
    )
    if known is None or not fits:
        form.form_errors.append("Invalid username or password")
        return render_template(page, form=form, next_url=next_url), 401
    start_session(known["id"], is_kept=form.remember.data)
    flash("You were logged in", "success")
    return redirect(next_url or url_for("blog.index"))


@blueprint.route("/logout", methods=["GET", "POST"])
def logout() -> ResponseReturnValue:
    """End the login; by a GET only when it is this site's own."""
    if request.method != "POST" and not _asked_for_here():
        return render_template("accounts/logout.html")
    session.clear()
    flash("You were logged out", "success")
    return redirect(url_for("blog.index"))


def _asked_for_here() -> bool:
    """Tell whether a GET is a person's own."""
    headers = request.headers
    foreign = headers.get("Sec-Fetch-Site") in (
        "cross-site",
        "same-site",
    )
    return (
        request.method == "GET"
        and not foreign
        and "Sec-Purpose" not in headers
    )


def start_session(user_id: int | None, *, is_kept: bool) -> None:
    """Make the session a new one, of this user."""
    session.clear()
    session["login"] = user_id
    session.permanent = is_kept


@blueprint.before_app_request
def load_user() -> None:
    """Find out who asks."""
    g.user = None
    if (user_id := session.get("login")) is not None:
        g.user = (
            get_db()
            .execute(
                "SELECT id, username FROM users WHERE id = ?",
                (user_id,),
            )
            .fetchone()
        )


def current_user() -> User | None:
    """Return who is logged in, or None."""
    user: User | None = g.get("user")
    return user


@blueprint.app_context_processor
def template_context() -> dict[str, Any]:
    """Give templates `current_user`."""
    return {"current_user": current_user()}


def login_required(
    view: Callable[Concatenate[User, P], T],
) -> Callable[P, T]:
    """Call a view with who is logged in; answer 401 for nobody."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        user = current_user()
        if user is None:
            raise Unauthorized
        return view(user, *args, **kwargs)

    return guarded
