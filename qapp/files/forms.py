"""The form of an upload."""

from __future__ import annotations

from wtforms.validators import ValidationError

from qapp.ext.forms import FileAllowed, FileField, FileRequired, QuartForm
from qapp.extensions import inspection

from .content import EXTENSIONS, Content, Unacceptable, inspect


class UploadForm(QuartForm):
    """A file. Validating it looks into it.

    :ivar content: what the file was found to be, once it is valid.
    """

    content: Content

    file = FileField(
        "File",
        [
            FileRequired("Choose a file."),
            FileAllowed(EXTENSIONS, f"We take files of these types: {', '.join(EXTENSIONS)}."),
        ],
        description=f"Of these types: {', '.join(EXTENSIONS)}.",
        render_kw={"accept": ",".join(f".{each}" for each in EXTENSIONS)},
    )

    async def validate_file(self, field: FileField) -> None:
        """Check that in the file is what its name says.

        :raises ValidationError: if there is not.
        """
        file = field.data
        try:
            self.content = await inspection.run(inspect, file.stream, file.filename)
        except Unacceptable as error:
            raise ValidationError(str(error)) from error
