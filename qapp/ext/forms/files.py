"""Fields for uploads and their validators, with Flask-WTF's names and messages.

Nothing reads a file: they look at its name, and where its stream ends.
"""

from collections.abc import Iterable
from io import SEEK_END
from typing import IO, Any, Protocol

from werkzeug.datastructures import FileStorage
from wtforms import Field, Form, fields
from wtforms.validators import DataRequired, StopValidation, ValidationError


class UploadSet(Protocol):
    """What decides about a file, such as Flask-Uploads' class of this name."""

    def file_allowed(self, storage: FileStorage, basename: str) -> bool:
        """Return whether the file may be stored."""


class FileField(fields.FileField):  # type: ignore[misc]  # WTForms ships no types
    """One file; `data` is a `FileStorage`, or what the form was given when none was chosen."""

    data: Any

    def process_formdata(self, valuelist: list[object]) -> None:
        """Take the first file."""
        self.raw_data = _files_in(valuelist)
        if self.raw_data:
            self.data = self.raw_data[0]


class MultipleFileField(fields.MultipleFileField):  # type: ignore[misc]
    """Any number of files; `data` is a list of `FileStorage`, empty when none was chosen."""

    data: list[Any]

    def process_data(self, value: Iterable[Any] | None) -> None:
        """Take the value that the form was given."""
        self.data = list(value or ())

    def process_formdata(self, valuelist: list[object]) -> None:
        """Take all files."""
        self.raw_data = _files_in(valuelist)
        if self.raw_data:
            self.data = self.raw_data


class FileRequired(DataRequired):  # type: ignore[misc]
    """Require a file; one with a name but no content is one. Ends the chain if there is none."""

    def __call__(self, form: Form, field: Field) -> None:
        """Check the field.

        :raises StopValidation: if no file was chosen.
        """
        if not _files_of(field):
            raise StopValidation(self.message or field.gettext("This field is required."))


class FileAllowed:
    """Require that each file's name ends with a dot and one of these extensions; ends the chain.

    A name is what the browser says: what is in the file is another question. No file passes.

    :param upload_set: extensions, with or without their dot, "tar.gz" too; capitals don't count.
        Or an object that decides by `file_allowed(storage, name)`.
    :param message: the error, in place of one that lists the extensions.
    """

    def __init__(self, upload_set: Iterable[str] | UploadSet, message: str | None = None) -> None:
        self.upload_set: UploadSet | None = None
        self.extensions: list[str] = []
        self.message = message
        if isinstance(upload_set, str):
            upload_set = [upload_set]
        if isinstance(upload_set, Iterable):
            extensions = [each.lower().removeprefix(".") for each in upload_set]
            # A set comes in another order in every process.
            is_ordered = not isinstance(upload_set, set | frozenset)
            self.extensions = extensions if is_ordered else sorted(extensions)
        else:
            self.upload_set = upload_set

    def __call__(self, form: Form, field: Field) -> None:
        """Check the name of each file.

        :raises StopValidation: if one has another extension.
        """
        for file in _files_of(field):
            name = (file.filename or "").lower()
            if self.upload_set is not None:
                if not self.upload_set.file_allowed(file, name):
                    text = field.gettext("File does not have an approved extension.")
                    raise StopValidation(self.message or text)
            elif not name.endswith(tuple(f".{each}" for each in self.extensions)):
                text = field.gettext("File does not have an approved extension: {extensions}")
                text = text.format(extensions=", ".join(self.extensions))
                raise StopValidation(self.message or text)


class FileSize:
    """Require that each file has from `min_size` to `max_size` bytes; no file passes.

    :param max_size: in bytes.
    :param min_size: in bytes.
    :param message: the error, in place of one that tells both.
    """

    def __init__(self, max_size: int, min_size: int = 0, message: str | None = None) -> None:
        self.max_size = max_size
        self.min_size = min_size
        self.message = message

    def __call__(self, form: Form, field: Field) -> None:
        """Check the size of each file, and leave its stream where it was.

        :raises ValidationError: if one is too small or too large.
        :raises TypeError: if a stream cannot be seeked.
        """
        for file in _files_of(field):
            if not self.min_size <= _size_of(file.stream) <= self.max_size:
                text = field.gettext("File must be between {min_size} and {max_size} bytes.")
                text = text.format(min_size=self.min_size, max_size=self.max_size)
                raise ValidationError(self.message or text)


file_required = FileRequired
file_allowed = FileAllowed
file_size = FileSize


def _files_in(values: Iterable[object]) -> list[FileStorage]:
    # A browser sends a file without a name where none was chosen; that one is false.
    return [value for value in values if isinstance(value, FileStorage) and value]


def _files_of(field: Field) -> list[FileStorage]:
    return _files_in(field.data if isinstance(field.data, list) else [field.data])


def _size_of(stream: IO[bytes]) -> int:
    # In no thread, although the file may be on disk: seeking asks the kernel for a number that it
    # holds, and the form parser has written out what it had buffered.
    if not stream.seekable():
        raise TypeError(
            f"The size of a {type(stream).__name__} is unknown: FileSize needs a stream that seeks."
        )
    position = stream.tell()
    stream.seek(0, SEEK_END)
    size = stream.tell()
    stream.seek(position)
    return size
