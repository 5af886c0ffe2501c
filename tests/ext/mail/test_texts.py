"""Flask-Mail's functions for texts and addresses, beside Flask-Mail itself."""

from __future__ import annotations

from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import flask_mail
import pytest

from qapp.ext import mail
from qapp.ext.mail import BadHeaderError, FlaskMailUnicodeDecodeError


class Lazy:
    """A translation that is looked up when it is read."""

    def __str__(self) -> str:
        return "Tee ist fertig"


ADDRESSES: list[Any] = [
    "a@example.org",
    "Ann <a@example.org>",
    "Ü <a@example.org>",
    ("Ü Ä", "a@example.org"),
    ("Ann, the first", "a@example.org"),
    ('A "x" b', "a@example.org"),
    ("ü" * 60, "a@example.org"),
    ("", "a@example.org"),
    "a@bücher.example",
]


def read(written: str) -> tuple[str, str]:
    """Return the name and the address that a reader finds."""
    name, address = parseaddr(written.replace("\n", ""))
    return str(make_header(decode_header(name))), address


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_an_address_says_what_flask_mails_says(address: Any, encoding: str) -> None:
    written = mail.sanitize_address(address, encoding)
    assert written.isascii()
    assert read(written) == read(flask_mail.sanitize_address(address, encoding))
    assert mail.sanitize_addresses([address], encoding) == [written]


@pytest.mark.parametrize("subject", ["Tea", "", "Grüße", "€" * 80, "a =?b?= c"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_subject_says_what_flask_mails_says(subject: str, encoding: str) -> None:
    written = mail.sanitize_subject(subject, encoding)
    assert written.isascii()
    assert str(make_header(decode_header(written))) == subject
    other = flask_mail.sanitize_subject(subject, encoding)
    assert str(make_header(decode_header(other))) == subject


def test_no_line_end_gets_through() -> None:
    for bad in ("x\nBcc: m@example.org", "x\r"):
        with pytest.raises(BadHeaderError):
            mail.sanitize_subject(bad)
        with pytest.raises(BadHeaderError):
            mail.sanitize_address((bad, "a@example.org"))
    with pytest.raises(BadHeaderError, match="none such"):
        mail.sanitize_subject("ü", "none such")


@pytest.mark.parametrize("value", ["x", b"\xc3\xbc", 5, None, Lazy(), ValueError("x")])
def test_everything_is_a_text(value: object) -> None:
    assert mail.force_text(value) == flask_mail.force_text(value)


def test_bytes_that_are_no_text_are_shown() -> None:
    with pytest.raises(flask_mail.FlaskMailUnicodeDecodeError) as theirs:
        flask_mail.force_text(b"\xff")
    with pytest.raises(FlaskMailUnicodeDecodeError) as ours:
        mail.force_text(b"\xff")
    assert str(ours.value) == str(theirs.value)
    assert mail.force_text(b"\xfc", "latin-1") == "ü"


def test_every_name_of_flask_mail_is_here() -> None:
    missing = {name for name in vars(flask_mail) if not hasattr(mail, name)}
    public = {
        name
        for name in missing
        if getattr(vars(flask_mail)[name], "__module__", "") == "flask_mail"
    }
    assert {name for name in public if not name.startswith("_")} == set()
    for kind in ("Mail", "Connection", "Message", "Attachment"):
        theirs, ours = getattr(flask_mail, kind), getattr(mail, kind)
        names = {name for name in vars(theirs) if not name.startswith("_")}
        assert {name for name in names if not hasattr(ours, name)} == set()
