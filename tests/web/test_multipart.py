"""Multipart forms: read to their end, or refused whole."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart.wrappers.request import Body
from werkzeug.exceptions import RequestEntityTooLarge

from qapp.web.multipart import StrictMultiPartParser
from tests.conftest import Dump, Visitor

FIELD = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nfirst\r\n'
FILE = (
    b'--B\r\nContent-Disposition: form-data; name="f"; filename="t.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nline\r\n--not-B\r\n\xff\r\n"
)
END = b"--B--\r\n"
FORM = FIELD + FILE + FIELD.replace(b"first", "zweité".encode()) + END


class Opened:
    """The streams that a parser has opened."""

    def __init__(self) -> None:
        self.streams: list[BytesIO] = []

    def __call__(self, *_: Any, **__: Any) -> IO[bytes]:
        self.streams.append(BytesIO())
        return self.streams[-1]


async def parse(
    chunks: Iterator[bytes] | list[bytes], opened: Opened | None = None, **limits: int
) -> tuple[list[tuple[str, str]], list[tuple[str, str, bytes]]]:
    """Return the fields and files of a form that arrives in chunks."""
    body = Body(None, None)
    for chunk in chunks:
        body.append(chunk)
    body.set_complete()
    parser = StrictMultiPartParser(stream_factory=opened or Opened(), **limits)  # type: ignore[arg-type]
    form, files = await parser.parse(body, b"B", None)
    contents = []
    for name, file in files.items(multi=True):
        contents.append((name, file.filename or "", file.read()))
        file.close()
    return list(form.items(multi=True)), contents


WHOLE = (
    [("a", "first"), ("a", "zweité")],
    [("f", "t.txt", b"line\r\n--not-B\r\n\xff")],
)


async def test_a_form_is_read_whole() -> None:
    assert await parse([FORM]) == WHOLE
    assert await parse([END]) == ([], [])
    assert await parse([b"a preamble\r\n", FORM, b"an epilogue"]) == WHOLE


@given(st.sets(st.integers(1, len(FORM) - 1)))
async def test_however_it_is_cut_into_chunks(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(FORM)]
    chunks = [FORM[a:b] for a, b in pairwise(edges)]
    assert await parse(chunks) == WHOLE


@pytest.mark.parametrize("length", range(len(FORM) - len(END)))
async def test_one_that_is_cut_off_is_refused(length: int) -> None:
    opened = Opened()
    with pytest.raises(ValueError, match="cut off"):
        await parse([FORM[:length]], opened)
    assert all(stream.closed for stream in opened.streams)


async def test_bytes_that_are_no_text_are_refused() -> None:
    opened = Opened()
    with pytest.raises(UnicodeDecodeError):
        await parse([FILE, FIELD.replace(b"first", b"fi\xffst"), END], opened)
    assert [stream.closed for stream in opened.streams] == [True]


async def test_a_text_may_say_that_it_is_latin_1() -> None:
    head = b'--B\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain; '
    body = head + b"charset=iso-8859-1\r\n\r\nz\xfcrich\r\n"
    assert await parse([body, END]) == ([("a", "zürich")], [])


async def test_what_is_too_much_is_refused_with_its_files_closed() -> None:
    opened = Opened()
    with pytest.raises(RequestEntityTooLarge):
        await parse([FILE, FIELD, END], opened, max_form_memory_size=4)
    with pytest.raises(RequestEntityTooLarge):
        await parse([FILE, FIELD, FIELD, END], opened, max_form_parts=2)
    assert [stream.closed for stream in opened.streams] == [True, True]
    assert await parse([FILE, FIELD, END], max_form_memory_size=5, max_form_parts=2)


@pytest.mark.parametrize(
    "break_it",
    [lambda body: body[:-9], lambda body: body.replace(b"Some text", b"Some \xff text")],
    ids=["cut off", "no text"],
)
async def test_the_site_stores_nothing_of_a_broken_form(
    alice: Visitor, dump: Any, break_it: Any
) -> None:
    token = await alice.token()
    fields = {"csrf_token": token, "title": "A title", "text": "Some text"}
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    before: Dump = dump()
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    body = b"".join(parts) + END
    response = await alice.open("/add", "POST", data=break_it(body), headers=headers)
    assert response.status_code == 400
    assert "The form" in await response.get_data(as_text=True)
    assert dump() == before
    response = await alice.open("/add", "POST", data=body, headers=headers)
    assert response.status_code == 302


@pytest.mark.parametrize(
    "start",
    [
        b"x" * 40_000,
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n' + b"a:b\r\n" * 10_000,
        b"--B\r\n" + b"x" * 40_000,
        b"--B\r\nX: " + b"x" * 40_000,
    ],
    ids=["preamble", "headers", "no header", "a header"],
)
async def test_a_head_that_does_not_end_is_refused_before_it_is_long(start: bytes) -> None:
    for chunks in ([start], [start[n : n + 1000] for n in range(0, len(start), 1000)]):
        with pytest.raises(RequestEntityTooLarge, match="head"):
            await parse(chunks)


async def test_all_texts_together_have_a_limit() -> None:
    assert await parse([FIELD, FIELD, END], max_form_memory_size=10)
    with pytest.raises(RequestEntityTooLarge):
        await parse([FIELD, FIELD, END], max_form_memory_size=9)


async def test_a_long_head_after_data_and_a_file_without_a_name_are_bounded_too() -> None:
    long_field = FIELD.replace(b"first", b"x" * 20_000)
    head = b'--B\r\nContent-Disposition: form-data; name="a"\r\n' + b"a:b\r\n" * 100_000
    with pytest.raises(RequestEntityTooLarge, match="head"):
        await parse([long_field + head])
    nameless = b'--B\r\nContent-Disposition: form-data; name="f"; filename=""\r\n\r\n'
    with pytest.raises(RequestEntityTooLarge, match="text"):
        await parse([nameless + b"x" * 2000 + b"\r\n", END], max_form_memory_size=1000)
