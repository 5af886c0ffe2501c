"""Names and contents, whatever a client makes of them."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qapp.files.content import (
    EXTENSIONS,
    LONGEST_NAME,
    Unacceptable,
    clean_name,
    extension_of,
    inspect,
)

from .tools import picture

STEMS = st.text(st.characters(codec="utf-8"), max_size=300)


@given(STEMS, st.sampled_from(EXTENSIONS))
def test_a_clean_name_can_be_shown_and_stored_anywhere(stem: str, extension: str) -> None:
    name = clean_name(f"{stem}.{extension}")
    assert name.isprintable()
    assert name.endswith(f".{extension}")
    assert 0 < len(name) <= LONGEST_NAME
    assert not set(name) & set('/\\<>:"|?*\0')
    assert name == clean_name(name)
    assert not name.startswith((".", " "))


@given(st.binary(max_size=2000), st.sampled_from(EXTENSIONS))
def test_any_bytes_are_taken_or_refused(data: bytes, extension: str) -> None:
    with suppress(Unacceptable):
        assert inspect(BytesIO(data), f"x.{extension}").media_type


@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_picture_is_taken_or_refused(kind: str, damage: list[tuple[float, int]]) -> None:
    data = bytearray(picture(kind))
    for place, value in damage:
        data[int(place * len(data))] = value
    with suppress(Unacceptable):
        assert inspect(BytesIO(bytes(data)), f"x.{kind.lower()}").thumbnail is not None


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.PNG", "png"), ("a", ""), ("a.", ""), (".png", "png"), ("a.b.c", "c")],
)
def test_an_extension_is_what_follows_the_last_dot(name: str, extension: str) -> None:
    assert extension_of(name) == extension


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "CMYK"])
def test_a_picture_of_any_mode_gets_a_thumbnail(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    file = BytesIO()
    picture = Image.new("RGB" if mode == "PA" else mode, (600, 300))
    if mode == "PA":
        picture = picture.convert("P")
        picture.info["transparency"] = 0
    picture.save(file, kind)
    content = inspect(file, f"x.{kind.lower()}")
    assert content.thumbnail is not None
    with Image.open(BytesIO(content.thumbnail)) as small:
        assert small.size == (256, 128)


def test_a_thumbnail_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # held to the right
    file = BytesIO()
    Image.new("RGB", (600, 300)).save(file, "JPEG", exif=exif)
    thumbnail = inspect(file, "x.jpg").thumbnail
    assert thumbnail is not None
    with Image.open(BytesIO(thumbnail)) as small:
        assert small.size == (128, 256)
