"""Names and contents, whatever a client makes of them."""

from __future__ import annotations

import subprocess
import sys
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

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
from tests.processes import PATIENCE_S

from .tools import bomb, chunk, picture, png

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


# In a process of its own: a peak of memory is the whole process's, and never falls.
PEAK = """
import resource, sys
from io import BytesIO
from qapp.files.content import Unacceptable, inspect

def inspected(path):
    with open(path, "rb") as file:
        try:
            inspect(file, "x.png")
        except Unacceptable as error:
            print(error)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = inspected(sys.argv[1])
print(inspected(sys.argv[2]) - before)
"""


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        (b"IDAT", b""),
        (b"zTXt", b"Comment\0\0"),
        (b"iTXt", b"Comment\0\1\0en\0Comment\0"),
        (b"iCCP", b"profile\0\0"),
    ],
    ids=lambda value: value.decode() if value.isalpha() else "",
)
def test_a_bomb_does_not_go_off(tmp_path: Path, kind: bytes, head: bytes) -> None:
    """200 MB of it would be found in the memory; whether the picture is taken matters less."""
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(picture("PNG", (500, 500)))
    pixels = chunk(b"IDAT", zlib.compress(bytes(64 * (1 + 3 * 64))))
    bad.write_bytes(png(64, 64, chunk(kind, head + bomb(200)), pixels))
    assert bad.stat().st_size < 250_000
    done = subprocess.run(
        [sys.executable, "-c", PEAK, good, bad],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    *_, grown_mb = done.stdout.splitlines()
    assert int(grown_mb) < 50, done.stdout


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
