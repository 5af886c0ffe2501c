"""Preferences: what a visitor chooses for every page, kept in cookies."""

from __future__ import annotations

from quart import Blueprint, flash, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from .ext.forms import QuartForm
from .web.forms import read_form
from .web.headers import ONE_YEAR_S
from .web.paging import PAGE_SIZE_COOKIE, PAGE_SIZES, page_size

blueprint = Blueprint("preferences", __name__)

THEME_COOKIE = "theme"  # base.html and static/theme.js read it, static/site.js sets it too
SYSTEM = "system"


class PreferencesForm(QuartForm):
    """How the pages look, and how long they are."""

    theme = RadioField(
        "Theme",
        choices=[
            SelectChoice(SYSTEM, "As the system has it"),
            SelectChoice("light", "Light"),
            SelectChoice("dark", "Dark"),
        ],
        validators=[InputRequired("Choose one of these.")],
    )
    page_size = SelectField(
        "Items on a page",
        choices=[SelectChoice(size, size) for size in PAGE_SIZES],
        description="Of entries, students and files.",
    )


@blueprint.route("/preferences", methods=["GET", "POST"])
async def edit() -> ResponseReturnValue:
    """Show what is chosen; keep what is chosen anew."""
    theme = request.cookies.get(THEME_COOKIE)
    chosen = {
        "theme": theme if theme in ("light", "dark") else SYSTEM,
        "page_size": str(page_size()),
    }
    form = await read_form(PreferencesForm, data=chosen)
    if not form.is_submitted():
        return await render_template("preferences.html", form=form)
    if not await form.validate_on_submit():
        return await render_template("preferences.html", form=form), 422
    await flash("Your preferences were saved", "success")
    response = redirect(url_for("preferences.edit"))
    _keep(response, THEME_COOKIE, None if form.theme.data == SYSTEM else form.theme.data)
    _keep(response, PAGE_SIZE_COOKIE, form.page_size.data)
    return response


def _keep(response: Response, name: str, value: str | None) -> None:
    """Set a cookie for a year that scripts may read; None takes it away."""
    response.set_cookie(
        name,
        value or "",
        max_age=ONE_YEAR_S if value else 0,
        secure=request.is_secure,
        samesite="Lax",
    )
