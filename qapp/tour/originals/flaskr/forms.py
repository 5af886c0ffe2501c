"""The forms of the blog, and how a view gets one."""

from __future__ import annotations

from typing import Any, TypeVar

from werkzeug.exceptions import BadRequest
from wtforms import (
    BooleanField,
    HiddenField,
    PasswordField,
    StringField,
    TextAreaField,
)
from wtforms.csrf.core import CSRFTokenField
from wtforms.validators import (
    DataRequired,
    EqualTo,
    InputRequired,
    Length,
    Regexp,
)
from flask import request
from flask_wtf import FlaskForm

from qapp.ext.forms import NoControlCharacters

LONGEST_TITLE = 200
LONGEST_TEXT = 100_000
TITLE_RULE = f"A title has at most {LONGEST_TITLE} characters."
TEXT_RULE = f"A text has at most {LONGEST_TEXT:,} characters."
USERNAME = r"[A-Za-z0-9_-]{3,32}\Z"
USERNAME_RULE = (
    "A username has 3 to 32 letters, digits, hyphens or underscores."
)
LONGEST_PASSWORD = 1024
PASSWORD_RULE = "A password has 8 to 1024 characters."  # noqa: S105

F = TypeVar("F", bound=FlaskForm)


def read_form(form_class: type[F], **kwargs: Any) -> F:
    """Return a form, filled when the request submits one.

    :raises BadRequest: if a field was not sent at all, naming it.
    """
    if request.files:  # in a text field one would be a TypeError
        kwargs["formdata"] = request.form
    form: F = form_class(**kwargs)
    if form.is_submitted():
        for field in form:
            optional = isinstance(field, BooleanField | CSRFTokenField)
            if not optional and not field.raw_data:
                raise BadRequest(
                    f"The form lacks the field “{field.name}”."
                )
    return form


def stripped(value: str | None) -> str | None:
    """Remove the blanks around a text."""
    return value.strip() if value is not None else None


def one_line_end(value: str | None) -> str | None:
    """Write line ends as the author's editor did: forms send CR LF."""
    return value.replace("\r\n", "\n") if value is not None else None


class LoginForm(FlaskForm):  # type: ignore[misc]  # it ships no types
    """Who are you?"""

    username = StringField(
        "Username",
        [
            InputRequired("Type your username."),
            NoControlCharacters(),
            Length(max=200),
        ],
    )
    password = PasswordField(
        "Password",
        [
            InputRequired("Type your password."),
            Length(max=LONGEST_PASSWORD),
        ],
    )
    remember = BooleanField("Keep me logged in")


class RegisterForm(FlaskForm):  # type: ignore[misc]
    """A new account."""

    username = StringField(
        "Username",
        [
            InputRequired("Choose a username."),
            Regexp(USERNAME, message=USERNAME_RULE),
        ],
        description="3 to 32 letters, digits, hyphens or underscores. "
        "Everybody sees it.",
    )
    password = PasswordField(
        "Password",
        [
            InputRequired("Choose a password."),
            Length(8, LONGEST_PASSWORD, PASSWORD_RULE),
        ],
        description="At least 8 characters.",
    )
    confirm = PasswordField(
        "Password again",
        [
            InputRequired("Type the password again."),
            EqualTo("password", "The two passwords are not the same."),
        ],
    )


class EntryForm(FlaskForm):  # type: ignore[misc]
    """A new entry."""

    title = StringField(
        "Title",
        [
            DataRequired("Give the entry a title."),
            NoControlCharacters(),
            Length(
                max=LONGEST_TITLE,
                message=TITLE_RULE,
            ),
        ],
        filters=[stripped],
    )
    text = TextAreaField(
        "Text",
        [
            DataRequired("Write something."),
            NoControlCharacters(allow="\n\r\t"),
            Length(
                max=LONGEST_TEXT,
                message=TEXT_RULE,
            ),
        ],
        filters=[one_line_end],
        description="Markdown, or HTML.",
        render_kw={"rows": 8},
    )


class EditForm(EntryForm):
    """A change of an entry, of the version that the author has seen."""

    version = HiddenField(
        validators=[
            Regexp(
                r"[0-9]{1,18}\Z",
                message="Open the entry again to edit it.",
            )
        ]
    )
