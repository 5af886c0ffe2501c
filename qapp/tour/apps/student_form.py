"""The form of a student."""

from __future__ import annotations

from wtforms import StringField
from wtforms.validators import DataRequired, Length, Regexp

from qapp.ext.forms import NoControlCharacters, QuartForm
from qapp.web.forms import stripped

LONGEST_NAME = 100
LONGEST_ADDRESS = 200
NAME_RULE = f"A name has at most {LONGEST_NAME} characters."
CITY_RULE = f"A city has at most {LONGEST_NAME} characters."
ADDRESS_RULE = f"An address has at most {LONGEST_ADDRESS} characters."
PIN = r"[0-9A-Za-z][0-9A-Za-z -]{1,8}[0-9A-Za-z]\Z"
PIN_RULE = "A PIN code has 3 to 10 letters and digits, such as 560001."


class StudentForm(QuartForm):
    """Who a student is, and where the post finds him."""

    name = StringField(
        "Name",
        [
            DataRequired("Give the student's name."),
            NoControlCharacters(),
            Length(max=LONGEST_NAME, message=NAME_RULE),
        ],
        filters=[stripped],
    )
    city = StringField(
        "City",
        [
            DataRequired("Give the city."),
            NoControlCharacters(),
            Length(max=LONGEST_NAME, message=CITY_RULE),
        ],
        filters=[stripped],
    )
    addr = StringField(
        "Address",
        [
            DataRequired("Give the address."),
            NoControlCharacters(),
            Length(max=LONGEST_ADDRESS, message=ADDRESS_RULE),
        ],
        filters=[stripped],
    )
    pin = StringField(
        "PIN code",
        [
            DataRequired("Give the PIN code."),
            Regexp(PIN, message=PIN_RULE),
        ],
        filters=[stripped],
        description="The postal code of the address.",
    )
