"""Register, log in, log out, the account page."""

from __future__ import annotations

from quart import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from qapp.extensions import db, hashing
from qapp.web.forms import read_form
from qapp.web.paging import LARGEST_ID
from qapp.web.security import safe_next
from qapp.web.templating import now_ms

from . import queries, service, tokens
from .forms import LoginForm, PasswordForm, RegisterForm, RememberForm, TokenForm
from .queries import User, UsernameTaken
from .session import (
    current_user,
    is_operator_name,
    load_user,
    login_first,
    login_required,
    policy,
    start_session,
    template_context,
)

blueprint = Blueprint("accounts", __name__)
blueprint.before_app_request(load_user)
blueprint.app_context_processor(template_context)


@blueprint.route("/register", methods=["GET", "POST"])
async def register() -> ResponseReturnValue:
    """Add an account and log it in."""
    if not current_app.config["REGISTRATION"]:
        raise NotFound
    form = await read_form(RegisterForm)
    if not form.is_submitted():
        return await render_template("accounts/register.html", form=form)
    if await form.validate_on_submit():
        try:
            if is_operator_name(form.username.data):  # `qapp user add` makes those
                raise UsernameTaken
            login_id = await service.register(
                db,
                hashing,
                policy(),
                username=form.username.data,
                password=form.password.data,
                address=request.remote_addr,
                now_ms=now_ms(),
            )
        except UsernameTaken:
            form.username.errors = ["This name is taken. Choose another."]
        else:
            await start_session(login_id, is_kept=False)
            await flash(f"Welcome, {form.username.data}", "success")
            return redirect(url_for("blog.index"))
    return await render_template("accounts/register.html", form=form), 422


@blueprint.route("/login", methods=["GET", "POST"])
async def login() -> ResponseReturnValue:
    """Start a session for who knows a name and its password."""
    form = await read_form(LoginForm)
    next_url = safe_next(request.args.get("next"))
    if not form.is_submitted():
        return await render_template("accounts/login.html", form=form, next_url=next_url)
    if not await form.validate_on_submit():
        return await render_template("accounts/login.html", form=form, next_url=next_url), 422
    login_id = await service.log_in(
        db,
        hashing,
        policy(),
        username=form.username.data,
        password=form.password.data,
        is_kept=form.remember.data,
        address=request.remote_addr,
        now_ms=now_ms(),
    )
    if login_id is None:
        form.form_errors.append("Invalid username or password")
        return await render_template("accounts/login.html", form=form, next_url=next_url), 401
    await start_session(login_id, is_kept=form.remember.data)
    await flash("You were logged in", "success")
    return redirect(next_url or url_for("blog.index"))


@blueprint.route("/logout", methods=["GET", "POST"])
async def logout() -> ResponseReturnValue:
    """End the login; by a GET only when it is this site's own, else by a button."""
    if request.method != "POST" and not _asked_for_here():
        return await render_template("accounts/logout.html")
    if (user := current_user()) is not None:
        await queries.remove_login(db, login_id=user.login_id)
    session.clear()
    await flash("You were logged out", "success")
    return redirect(url_for("blog.index"))


def _asked_for_here() -> bool:
    """Tell whether a GET is a person's own, not a link elsewhere or a browser reading ahead."""
    headers = request.headers
    foreign = headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    return request.method == "GET" and not foreign and "Sec-Purpose" not in headers


@blueprint.get("/account")
@login_first
async def account(user: User) -> ResponseReturnValue:
    """Show the account page."""
    return await _account_page(user)


@blueprint.post("/account", endpoint="account_action")
@login_first
async def account_action(user: User) -> ResponseReturnValue:
    """Do what one of the account page's forms asks for."""
    action = (await request.form).get("action", "")
    if action not in ACTIONS:
        raise BadRequest("The account page has no such action.")
    return await ACTIONS[action](user)


async def change_password(user: User) -> ResponseReturnValue:
    """Change the password; every other login ends."""
    form = await read_form(PasswordForm)
    if not await form.validate_on_submit():
        return await _account_page(user, password_form=form), 422
    login_id = await service.change_password(
        db,
        hashing,
        policy(),
        user=user,
        current=form.current.data,
        password=form.password.data,
        now_ms=now_ms(),
    )
    if login_id is None:
        form.current.errors = ["This is not your current password."]
        return await _account_page(user, password_form=form), 422
    await start_session(login_id, is_kept=bool(user.is_kept))
    await flash("Your password was changed; you are logged in only here", "success")
    return redirect(url_for("accounts.account"))


async def change_remember(user: User) -> ResponseReturnValue:
    """Keep the login after the browser is closed, or not."""
    form = await read_form(RememberForm)
    now = now_ms()
    await queries.change_login(
        db,
        login_id=user.login_id,
        is_kept=form.remember.data,
        expires_at=policy().expiry(now),
        now_ms=now,
    )
    session.permanent = form.remember.data
    await flash(
        "You stay logged in here" if form.remember.data else "You are logged in until you leave",
        "success",
    )
    return redirect(url_for("accounts.account"))


async def log_out_everywhere(user: User) -> ResponseReturnValue:
    """End all logins, this one too."""
    await queries.remove_logins(db, user_id=user.id)
    session.clear()
    await flash("You were logged out everywhere", "success")
    return redirect(url_for("accounts.login"))


async def add_token(user: User) -> ResponseReturnValue:
    """Make a token of the API, and show it: this page is the only one that ever does."""
    form = await read_form(TokenForm)
    if not await form.validate_on_submit():
        return await _account_page(user, token_form=form), 422
    try:
        made = await tokens.add_token(
            db,
            user_id=user.id,
            name=form.name.data,
            scope=form.scope.data,
            days=form.days.data or None,
            now_ms=now_ms(),
        )
    except tokens.TokenNameTaken:
        form.name.errors = ["You have a token of this name. Choose another."]
    except tokens.TooManyTokens:
        form.form_errors.append(f"You have {tokens.MOST_TOKENS} tokens. Revoke one first.")
    else:
        page = await _account_page(user, new_token=made.text)
        return page, {"Cache-Control": "no-store"}
    return await _account_page(user, token_form=form), 422


ACTIONS = {
    "password": change_password,
    "remember": change_remember,
    "logout_everywhere": log_out_everywhere,
    "add_token": add_token,
}


@blueprint.post("/account/tokens/<int:token_id>/revoke")
@login_required
async def revoke_token(user: User, token_id: int) -> ResponseReturnValue:
    """Revoke a token of one's own."""
    await tokens.remove_token(db, user_id=user.id, token_id=min(token_id, LARGEST_ID))
    await flash("The token was revoked", "success")
    return redirect(url_for("accounts.account", _anchor="tokens-title"))


async def _account_page(
    user: User,
    *,
    password_form: PasswordForm | None = None,
    token_form: TokenForm | None = None,
    new_token: str | None = None,
) -> str:
    now = now_ms()
    # formdata=None: only the form that was sent shows what was sent.
    return await render_template(
        "accounts/account.html",
        user=user,
        password_form=password_form or await PasswordForm.create_form(None),
        remember_form=await RememberForm.create_form(None, data={"remember": bool(user.is_kept)}),
        login_count=await queries.count_logins(
            db, user_id=user.id, now_ms=now, idle_since=policy().idle_since(now)
        ),
        tokens=await tokens.list_tokens(db, user_id=user.id),
        token_form=token_form or await TokenForm.create_form(None),
        new_token=new_token,
    )
