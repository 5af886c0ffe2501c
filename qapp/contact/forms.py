"""The forms that become mail."""

from __future__ import annotations

from wtforms import (
    Field,
    Form,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import (
    DataRequired,
    InputRequired,
    Length,
    NumberRange,
    Regexp,
    ValidationError,
)

from qapp.ext.forms import NoControlCharacters, QuartForm
from qapp.extensions import db
from qapp.web.forms import stripped

from . import queries

LONGEST_NAME = 100
LONGEST_ADDRESS = 500
LONGEST_TEXT = 5000
NAME_RULE = f"A name has at most {LONGEST_NAME} characters."
ADDRESS_RULE = f"An address has at most {LONGEST_ADDRESS} characters."
SUBJECT_RULE = f"A subject has at most {LONGEST_NAME} characters."
TEXT_RULE = f"A message has at most {LONGEST_TEXT:,} characters."
# The part before the @ is its server's business; this is what
# nobody's has, or what could be two.
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = rf"{LABEL}(\.{LABEL})+\Z"
EMAIL = rf"[!#-\x27*+\-./0-9=?A-Z^_`a-z{{|}}~]{{1,64}}@{DOMAIN}"
EMAIL_RULE = "This is no address that we could answer to."
DOMAIN_RULE = "We take no mail from addresses of this domain."


class WholeRange(NumberRange):  # type: ignore[misc]  # it ships no types
    """A range for whole numbers of any length.

    WTForms' own fails on what no float holds: one of 310 digits.
    """

    def __call__(self, form: Form, field: Field) -> None:
        """Check the field's number.

        :raises ValidationError: if it is out of the range.
        """
        try:
            super().__call__(form, field)
        except OverflowError:
            raise ValidationError(self.message) from None


class ContactForm(QuartForm):
    """Who writes, and how to answer."""

    name = StringField(
        "Name",
        [
            DataRequired("Please enter your name."),
            NoControlCharacters(),
            Length(max=LONGEST_NAME, message=NAME_RULE),
        ],
        filters=[stripped],
    )
    gender = RadioField(
        "Gender",
        [InputRequired("Choose one of these.")],
        choices=[
            SelectChoice("F", "Female"),
            SelectChoice("M", "Male"),
            SelectChoice("X", "Other, or not said"),
        ],
    )
    address = TextAreaField(
        "Address",
        [
            NoControlCharacters(allow="\n\r\t"),
            Length(max=LONGEST_ADDRESS, message=ADDRESS_RULE),
        ],
        render_kw={"rows": 3},
    )
    email = StringField(
        "Email",
        [
            DataRequired("Please enter your email address."),
            Length(max=254, message="This is too long for an address."),
            Regexp(EMAIL, message=EMAIL_RULE),
        ],
        filters=[stripped],
        description="We answer to it, and use it for nothing else.",
    )
    age = IntegerField(
        "Age",
        [
            InputRequired("Please enter your age, as a whole number."),
            WholeRange(1, 150, "An age is from 1 to 150."),
        ],
    )
    language = SelectField(
        "Language",
        choices=[
            SelectChoice("py", "Python"),
            SelectChoice("cpp", "C++"),
            SelectChoice("js", "JavaScript"),
        ],
    )

    async def validate_email(self, field: Field) -> None:
        """Refuse the address of a domain that is blocked."""
        domain = field.data.rpartition("@")[2]
        if await queries.is_blocked(db, domain=domain):
            raise ValidationError(DOMAIN_RULE)


class MailForm(QuartForm):
    """One message to the operator."""

    subject = StringField(
        "Subject",
        [
            DataRequired("Give it a subject."),
            NoControlCharacters(),
            Length(max=LONGEST_NAME, message=SUBJECT_RULE),
        ],
        filters=[stripped],
    )
    body = TextAreaField(
        "Message",
        [
            DataRequired("Write something."),
            NoControlCharacters(allow="\n\r\t"),
            Length(max=LONGEST_TEXT, message=TEXT_RULE),
        ],
        render_kw={"rows": 8},
    )
