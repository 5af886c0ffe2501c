"""What a text field may hold."""

import re
from typing import Final

from wtforms import Field, Form
from wtforms.validators import StopValidation


class NoControlCharacters:
    """Refuse text with NUL, other C0 control characters or lone surrogates.

    Databases, XML, mail headers and terminals choke on the former, UTF-8 on the latter. Ends the
    field's chain of validators, so that the next one need not expect them.

    :param message: the error, in place of one that names the character.
    :param allow: characters that may pass, such as line breaks and tabs where there are many lines.
    """

    _REFUSED = re.compile("[\0-\x1f\ud800-\udfff]")
    _NAMES: Final = {
        "\0": "a NUL character",
        "\t": "a tab",
        "\n": "a line break",
        "\r": "a line break",
    }

    def __init__(self, message: str | None = None, allow: str = "") -> None:
        self.message = message
        self.allow = allow

    def __call__(self, form: Form, field: Field) -> None:
        """Check the field's text; anything but text passes.

        :raises StopValidation: if it holds such a character.
        """
        if not isinstance(field.data, str):
            return
        for found in self._REFUSED.findall(field.data):
            if found not in self.allow:
                raise StopValidation(self.message or self._describe(found))

    def _describe(self, character: str) -> str:
        kind = "the lone surrogate" if character >= "\ud800" else "the control character"
        name = self._NAMES.get(character, f"{kind} U+{ord(character):04X}")
        return f"This field must not contain {name}."
