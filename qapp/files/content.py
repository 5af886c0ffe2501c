"""What is in a file, whatever its name says, and under which name it is kept."""

from __future__ import annotations

import codecs
import re
import unicodedata
from io import BytesIO
from typing import IO, Final, NamedTuple

from PIL import Image, ImageOps

# What a name's end says, and what a browser is told.
PICTURES: Final = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "webp": "WEBP"}
TEXTS: Final = {"txt": "text/plain", "md": "text/markdown", "csv": "text/csv"}
PDF: Final = "pdf"
EXTENSIONS: Final = (*PICTURES, PDF, *TEXTS)

# Decoding takes four bytes for each, and once more so much for some kinds. Not for a JPEG, which is
# decoded in the size that is needed: there it is three at most, of one that is sent in stages.
MOST_PIXELS: Final = {"PNG": 16_000_000, "JPEG": 25_000_000, "GIF": 16_000_000, "WEBP": 16_000_000}
THUMBNAIL_PIXELS = 256
LONGEST_NAME = 120
# What Windows takes for a device, whatever follows the dot.
DEVICES = re.compile(
    r"(con|conin\$|conout\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE
)


class Unacceptable(Exception):
    """The file is not what it seems, or can't be read; the text tells a visitor."""


class Content(NamedTuple):
    """What was found in a file.

    :ivar thumbnail: a small WebP, of a picture.
    """

    media_type: str
    thumbnail: bytes | None = None


def extension_of(name: str) -> str:
    """Return what follows the last dot of a name, in small letters; "" without one."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def inspect(file: IO[bytes], name: str) -> Content:
    """Look at what a file is. Blocks: for a thread.

    :raises Unacceptable: if that is not what its name says.
    """
    extension = extension_of(name)
    file.seek(0)
    if extension in PICTURES:
        return inspect_picture(file, PICTURES[extension])
    if extension == PDF:
        if file.read(5) != b"%PDF-":
            raise Unacceptable("This is no PDF file, although its name says so.")
        return Content("application/pdf")
    check_text(file)
    return Content(TEXTS[extension])


def inspect_picture(file: IO[bytes], kind: str) -> Content:
    """Decode a picture and make its thumbnail.

    :raises Unacceptable: if it can't be decoded, or is too large for that.
    """
    most = MOST_PIXELS[kind]
    too_large = f"The picture is too large: a {kind} may have {most // 1_000_000} megapixels."
    try:
        with Image.open(file, formats=[kind]) as picture:
            if picture.width * picture.height > most:
                raise Unacceptable(too_large)
            media_type = Image.MIME[kind]
            # Decodes all of it; a JPEG in the size that is needed, which takes little memory.
            picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I"):  # shades of grey of 16 bits, which become 8
                upright = upright.convert("I").point(lambda shade: shade * (1 / 256)).convert("L")
            has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
            small = BytesIO()
            upright.convert("RGBA" if has_alpha else "RGB").save(small, "WEBP", quality=80)
    except Unacceptable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unacceptable(too_large) from error
    # A decoder that is fed with what was made to break it raises whatever there is: OSError and
    # ValueError by design, but IndexError, TypeError or struct.error of a broken head as well.
    except Exception as error:
        raise Unacceptable(
            f"This is no {kind} picture that can be read. Perhaps it is damaged, "
            "or of another type than its name says."
        ) from error
    return Content(media_type, small.getvalue())


def check_text(file: IO[bytes]) -> None:
    """Check that a file is a text.

    :raises Unacceptable: if it is not encoded in UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while data := file.read(1024 * 1024):
            if "\0" in decoder.decode(data):
                raise Unacceptable("This is no text, although its name says so.")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Unacceptable("The text is not encoded in UTF-8. Save it so and try again.") from error


def clean_name(name: str) -> str:
    """Return the name under which a file is shown and downloaded; never where it is stored.

    Without folders, without what can't be seen or turns the writing around, none that a system
    takes for something else, and not too long. The extension stays.
    """
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    name = "".join(letter for letter in name if letter.isprintable())
    name = re.sub(r'[<>:"|?*\s]+', " ", name)
    stem, dot, extension = name.rpartition(".")
    stem = stem.strip(" .")[: LONGEST_NAME - len(extension) - 1].rstrip(" .")
    if not stem:
        stem = "file"
    if DEVICES.match(stem):
        stem = f"_{stem}"
    return f"{stem}{dot}{extension.strip().lower()}"
