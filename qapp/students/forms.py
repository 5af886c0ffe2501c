"""The forms of the students."""

from __future__ import annotations

from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length, Regexp

from qapp.ext.forms import FileField, FileRequired, NoControlCharacters, QuartForm
from qapp.web.forms import stripped

LONGEST_NAME = 100
LONGEST_ADDRESS = 200
PIN = r"[0-9A-Za-z][0-9A-Za-z -]{1,8}[0-9A-Za-z]\Z"


class StudentForm(QuartForm):
    """Who a student is, and where the post finds him."""

    name = StringField(
        "Name",
        [
            DataRequired("Give the student's name."),
            NoControlCharacters(),
            Length(max=LONGEST_NAME, message=f"A name has at most {LONGEST_NAME} characters."),
        ],
        filters=[stripped],
    )
    city = StringField(
        "City",
        [
            DataRequired("Give the city."),
            NoControlCharacters(),
            Length(max=LONGEST_NAME, message=f"A city has at most {LONGEST_NAME} characters."),
        ],
        filters=[stripped],
    )
    addr = StringField(
        "Address",
        [
            DataRequired("Give the address."),
            NoControlCharacters(),
            Length(
                max=LONGEST_ADDRESS, message=f"An address has at most {LONGEST_ADDRESS} characters."
            ),
        ],
        filters=[stripped],
    )
    pin = StringField(
        "PIN code",
        [
            DataRequired("Give the PIN code."),
            Regexp(PIN, message="A PIN code has 3 to 10 letters and digits, such as 560001."),
        ],
        filters=[stripped],
        description="The postal code of the address.",
    )


class EditForm(StudentForm):
    """A change of a student, of the version that the visitor has seen."""

    version = HiddenField(
        validators=[Regexp(r"[0-9]{1,18}\Z", message="Open the student again to edit it.")]
    )


class ImportForm(QuartForm):
    """A file of students."""

    file = FileField(
        "CSV file",
        [FileRequired("Choose a CSV file.")],
        description="Its first line names the columns: name, city, addr, pin.",
        render_kw={"accept": ".csv,text/csv"},
    )
