"""Accept-Encoding, as clients write it and as they should not."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qapp.ext.pages.codings import CODINGS, IDENTITY, accepted, compress_gzip

BR = ["br"] if "br" in CODINGS else []


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", [IDENTITY]),
        (b"gzip", ["gzip", IDENTITY]),
        (b"GZIP", ["gzip", IDENTITY]),
        (b"gzip, deflate, br, zstd", [*BR, "gzip", IDENTITY]),
        (b"deflate", [IDENTITY]),
        (b"*", [*BR, "gzip", IDENTITY]),
        (b"gzip;q=0", [IDENTITY]),
        (b"gzip;q=0.000", [IDENTITY]),
        (b"gzip ; q=0.5", ["gzip", IDENTITY]),
        (b"gzip;Q=0", [IDENTITY]),
        (b"gzip;q=0.2, identity", [IDENTITY, "gzip"]),
        (b"gzip;q=0.2, identity;q=0.1", ["gzip", IDENTITY]),
        (b"identity;q=0", []),
        (b"*;q=0", []),
        (b"gzip, *;q=0", ["gzip"]),
        (b"gzip, identity;q=0", ["gzip"]),
        (b"*;q=0, identity", [IDENTITY]),
        (b"gzip;q=0, *", [*BR, IDENTITY]),
        (b"gzip;q=x, *;q=2", [IDENTITY]),
        (b"gzip;q=1.001", [IDENTITY]),
        (b"gzip;q=nan", [IDENTITY]),
        (b"gzip;level=9;q=0", [IDENTITY]),
        (b"\xff, gzip", ["gzip", IDENTITY]),
    ],
)
def test_what_is_accepted_and_in_which_order(header: bytes, expected: list[str]) -> None:
    assert list(accepted(header)) == expected


@given(st.binary() | st.text("gzipbr*;q=01., identity").map(str.encode))
def test_no_header_fails(header: bytes) -> None:
    assert set(accepted(header)) <= {*CODINGS, IDENTITY}


@given(st.binary())
def test_what_is_compressed_is_the_same_each_time(body: bytes) -> None:
    assert compress_gzip(body) == compress_gzip(body)
    assert gzip.decompress(compress_gzip(body)) == body
