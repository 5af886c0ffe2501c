"""The forms of the students."""

from __future__ import annotations

from wtforms import HiddenField
from wtforms.validators import Regexp

from qapp.tour.originals.student_form import StudentForm


class EditForm(StudentForm):
    """A change of a student, of the version that was seen."""

    version = HiddenField(
        validators=[
            Regexp(
                r"[0-9]{1,18}\Z",
                message="Open the student again to edit it.",
            )
        ]
    )
