"""What is in a file, whatever its name says."""

from __future__ import annotations

import codecs
from io import BytesIO
from typing import IO, NamedTuple

from PIL import Image, ImageOps

PICTURES = {
    "png": "PNG",
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "gif": "GIF",
    "webp": "WEBP",
}
TEXTS = {"txt": "text/plain", "md": "text/markdown", "csv": "text/csv"}
EXTENSIONS = (*PICTURES, "pdf", *TEXTS)

# A JPEG is decoded in the size that is needed, the others whole.
MOST_MEGAPIXELS = {"PNG": 16, "JPEG": 25, "GIF": 16, "WEBP": 16}
THUMBNAIL_PIXELS = 256


class Unacceptable(Exception):
    """The file is not what it seems; the text tells a visitor."""


class Content(NamedTuple):
    """What was found in a file, and a small WebP of a picture."""

    media_type: str
    thumbnail: bytes | None = None


def inspect(file: IO[bytes], name: str) -> Content:
    """Look at what a file is.

    :raises Unacceptable: if that is not what its name says.
    """
    extension = name.rpartition(".")[2].lower()
    if extension in PICTURES:
        return inspect_picture(file, PICTURES[extension])
    if extension == "pdf":
        if file.read(5) != b"%PDF-":
            raise Unacceptable(
                "This is no PDF file, although its name says so."
            )
        return Content("application/pdf")
    check_text(file)
    return Content(TEXTS[extension])


def inspect_picture(file: IO[bytes], kind: str) -> Content:
    """Decode a picture and make its thumbnail.

    :raises Unacceptable: if it can't be decoded, or is too large.
    """
    most = MOST_MEGAPIXELS[kind]
    too_large = (
        "The picture is too large: "
        f"a {kind} may have {most} megapixels."
    )
    try:
        with Image.open(file, formats=[kind]) as picture:
            if picture.width * picture.height > most * 1_000_000:
                raise Unacceptable(too_large)
            media_type = Image.MIME[kind]
            picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
            upright = ImageOps.exif_transpose(picture)
            has_alpha = (
                upright.mode in ("RGBA", "LA", "PA")
                or "transparency" in upright.info
            )
            small = BytesIO()
            upright.convert("RGBA" if has_alpha else "RGB").save(
                small, "WEBP", quality=80
            )
    except Unacceptable:
        raise
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise Unacceptable(too_large) from error
    # What was made to break a decoder makes it raise anything.
    except Exception as error:
        raise Unacceptable(
            f"This is no {kind} picture that can be read. Perhaps it "
            "is damaged, or of another type than its name says."
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
                raise Unacceptable(
                    "This is no text, although its name says so."
                )
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Unacceptable(
            "The text is not encoded in UTF-8. "
            "Save it so and try again."
        ) from error
