"""The form of an upload."""

from __future__ import annotations

from wtforms.validators import ValidationError
from flask_wtf import FlaskForm
from flask_wtf.file import FileAllowed, FileField, FileRequired

from .content import EXTENSIONS, Content, Unacceptable, inspect

TYPES = ", ".join(EXTENSIONS)


class UploadForm(FlaskForm):  # type: ignore[misc]  # it ships no types
    """A file. Validating it looks into it.

    :ivar content: what the file was found to be, once it is valid.
    """

    content: Content

    file = FileField(
        "File",
        [
            FileRequired("Choose a file."),
            FileAllowed(
                EXTENSIONS, f"We take files of these types: {TYPES}."
            ),
        ],
        description=f"Of these types: {TYPES}.",
        render_kw={
            "accept": ",".join(f".{each}" for each in EXTENSIONS)
        },
    )

    def validate_file(self, field: FileField) -> None:
        """Check that in the file is what its name says.

        :raises ValidationError: if there is not.
        """
        file = field.data
        try:
            self.content = inspect(file.stream, file.filename)
        except Unacceptable as error:
            raise ValidationError(str(error)) from error
