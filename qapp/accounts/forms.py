"""The forms of accounts."""

from __future__ import annotations

from wtforms import (
    BooleanField,
    HiddenField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length, Regexp

from qapp.ext.forms import NoControlCharacters, QuartForm
from qapp.web.forms import stripped

from .service import (
    LONGEST_PASSWORD,
    PASSWORD_RULE,
    SHORTEST_PASSWORD,
    USERNAME,
    USERNAME_RULE,
)
from .tokens import LONGEST_NAME

NEW_PASSWORD = [
    InputRequired("Choose a password."),
    Length(SHORTEST_PASSWORD, LONGEST_PASSWORD, PASSWORD_RULE),
]
SAME_AGAIN = [
    InputRequired("Type the password again."),
    EqualTo("password", "The two passwords are not the same."),
]


class LoginForm(QuartForm):
    """Who are you?"""

    username = StringField(
        "Username",
        [InputRequired("Type your username."), NoControlCharacters(), Length(max=200)],
    )
    password = PasswordField(
        "Password", [InputRequired("Type your password."), Length(max=LONGEST_PASSWORD)]
    )
    remember = BooleanField("Keep me logged in")


class RegisterForm(QuartForm):
    """A new account."""

    username = StringField(
        "Username",
        [
            InputRequired("Choose a username."),
            Regexp(rf"{USERNAME.pattern}\Z", message=USERNAME_RULE),
        ],
        description="3 to 32 letters, digits, hyphens or underscores. Everybody sees it.",
    )
    password = PasswordField("Password", NEW_PASSWORD, description="At least 8 characters.")
    confirm = PasswordField("Password again", SAME_AGAIN)


class PasswordForm(QuartForm):
    """A new password for the old one."""

    action = HiddenField(default="password")
    current = PasswordField(
        "Current password",
        [InputRequired("Type your current password."), Length(max=LONGEST_PASSWORD)],
    )
    password = PasswordField("New password", NEW_PASSWORD, description="At least 8 characters.")
    confirm = PasswordField("New password again", SAME_AGAIN)


class RememberForm(QuartForm):
    """Whether the login outlasts the browser."""

    action = HiddenField(default="remember")
    remember = BooleanField("Keep me logged in", description="Also after this browser was closed.")


class TokenForm(QuartForm):
    """A token to make."""

    action = HiddenField(default="add_token")
    name = StringField(
        "Name",
        [
            DataRequired("Give the token a name."),
            NoControlCharacters(),
            Length(max=LONGEST_NAME, message=f"A name has at most {LONGEST_NAME} characters."),
        ],
        filters=[stripped],
        description="What you will know it by, such as “phone”.",
    )
    scope = RadioField(
        "What it may do",
        choices=[
            SelectChoice("read", "Read"),
            SelectChoice("write", "Read and change, as you may"),
        ],
        default="read",
        validators=[InputRequired("Choose one of these.")],
    )
    days = SelectField(
        "How long",
        choices=[
            SelectChoice(30, "30 days"),
            SelectChoice(90, "90 days"),
            SelectChoice(365, "A year"),
            SelectChoice(0, "Until you revoke it"),
        ],
        coerce=int,
        default=90,
    )
