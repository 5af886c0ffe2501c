"""The forms of the blog."""

from __future__ import annotations

from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Regexp

from qapp.ext.forms import NoControlCharacters, QuartForm
from qapp.web.forms import stripped

LONGEST_TITLE = 200
LONGEST_TEXT = 100_000


def one_line_end(value: str | None) -> str | None:
    """Write line ends as the author's editor did, not as forms are sent (CR LF)."""
    return value.replace("\r\n", "\n") if value is not None else None


class EntryForm(QuartForm):
    """A new entry."""

    title = StringField(
        "Title",
        [
            DataRequired("Give the entry a title."),
            NoControlCharacters(),
            Length(max=LONGEST_TITLE, message=f"A title has at most {LONGEST_TITLE} characters."),
        ],
        filters=[stripped],
    )
    text = TextAreaField(
        "Text",
        [
            DataRequired("Write something."),
            NoControlCharacters(allow="\n\r\t"),
            Length(max=LONGEST_TEXT, message=f"A text has at most {LONGEST_TEXT:,} characters."),
        ],
        filters=[one_line_end],
        description="Markdown, or HTML.",
        render_kw={"rows": 8},
    )


class EditForm(EntryForm):
    """A change of an entry, of the version that the author has seen."""

    version = HiddenField(
        validators=[Regexp(r"[0-9]{1,18}\Z", message="Open the entry again to edit it.")]
    )
