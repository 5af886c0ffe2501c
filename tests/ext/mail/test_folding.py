"""Who reads a message finds the names, the addresses and the texts that were given, and no more."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import formataddr, getaddresses
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from qapp.ext.mail import Attachment, BadHeaderError, Mail, Message

from .servers import Server
from .sites import app_with

Given = tuple[str, str]

ALL, ASHA, TEA = "all@example.net", "asha@example.org", "tea@example.org"
PAD = "n" * 60
# Each would be more, or other, than one name, if its quotes were lost.
HOSTILE = [
    *(f"{ALL}, {PAD}", f"{ALL}, " + "n " * 40, f"{ALL}, x" + " y" * 20, f"g: {ALL}; {PAD}"),
    *(f"<{ALL}> {PAD}", f"x <{ALL}>, {PAD}", f"x@y.z; {PAD}", f"(c) {PAD}", f"ä, {ALL} {PAD}"),
    *(f'q"uote {PAD}', f'"{ALL}", {PAD}', f"a\\b {PAD}", f'a\\", {ALL}, {PAD}', f"Dr. {PAD}"),
    *("a, b", 'Asha "Tea" O\'Rao', "a =?b?= c", "=?utf-8?q?a=2C_b?=", "=?utf-8?q?x=0D=0ABcc:_y?="),
    *("=?", f"=?utf-8?q?{PAD}", "=?x?z?y?=", "日本 😀" * 20, "n" * 2000, "ä" * 1000, "x\u3000y"),
]
SPECIALS = '=?utf-8qb,;:<>@()[]."\\ _ü日😀'
LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))
texts = (
    st.text(LETTERS, max_size=120)
    | st.text(SPECIALS, max_size=200)
    | st.text("ab \t", max_size=300)
    | st.lists(st.sampled_from(SPECIALS).map(lambda each: each * 50), max_size=20).map(" ".join)
)
names = texts | st.sampled_from(HOSTILE)
specs = st.sampled_from(
    [
        *(ASHA, f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.org", "o'rao+tea=x?y@example.org"),
        *('"a b"@example.org', '"all@example.net, b"@example.org', '"q\\"\\\\"@example.org'),
        *("tea@[127.0.0.1]", "tea@xn--bcher-kva.example"),
    ]
)
addresses = st.tuples(names, specs)


def made(**options: Any) -> bytes:
    return Message(**{"recipients": [TEA], "sender": TEA, "body": "x", **options}).as_bytes()


def read_by_the_old(content: bytes, header: str) -> list[Given]:
    """Return the addresses of a header as Python's old parser reads them."""
    found = getaddresses([message_from_bytes(content)[header]])
    return [(str(make_header(decode_header(name))), spec) for name, spec in found]


def read_by_the_new(content: bytes, header: str) -> list[Given]:
    """Return the addresses of a header as Python's new parser reads them."""
    email = message_from_bytes(content, policy=policy.default)
    (raw,) = (value for name, value in email.raw_items() if name == header)
    # As "To", since it takes some headers of addresses for texts.
    found = policy.default.header_factory("To", re.sub("[\r\n]", "", raw)).addresses
    return [(each.display_name, each.addr_spec) for each in found]


def unblanked(addresses: list[Given]) -> list[Given]:
    """Return them without blanks in their names.

    The new parser takes the fold between two encoded words for one (RFC 2047, 6.2 has it ignored).
    """
    return [("".join(name.split()), spec) for name, spec in addresses]


def assert_has(content: bytes, header: str, expected: list[Given]) -> None:
    """Assert that a header holds just these, whoever reads it."""
    expected = [(" ".join(name.split()), spec) for name, spec in expected]
    assert read_by_the_old(content, header) == expected
    assert unblanked(read_by_the_new(content, header)) == unblanked(expected)


def assert_well_folded(content: bytes) -> None:
    """Assert that each line is short, but where it is one word, and not one that is encoded."""
    assert not re.search(rb"[\r\n]", content.replace(b"\r\n", b""))
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        assert len(line) <= 998
        if len(line) > 78:
            assert re.fullmatch(rb"([!-9;-~]+:)?[ \t]+(?!=\?)[^ \t]+", line)


def text_of(content: bytes, header: str) -> tuple[str, str]:
    """Return the text of a header, as both parsers read it."""
    old = re.sub(r"\r\n(?=[ \t])", "", message_from_bytes(content)[header])
    new = message_from_bytes(content, policy=policy.default)[header]
    return str(make_header(decode_header(old))), str(new)


@settings(deadline=None, max_examples=300)
@given(
    to=st.lists(addresses, min_size=1, max_size=5),
    cc=st.lists(addresses, min_size=1, max_size=2),
    sender=addresses,
    reply_to=addresses,
)
def test_every_reader_finds_the_addresses_that_were_given(
    to: list[Given], cc: list[Given], sender: Given, reply_to: Given
) -> None:
    content = made(recipients=to, cc=cc, sender=sender, reply_to=reply_to)
    assert_has(content, "To", to)
    assert_has(content, "Cc", cc)
    assert_has(content, "From", [sender])
    assert_has(content, "Reply-To", [reply_to])
    assert_well_folded(content)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_an_address(name: str) -> None:
    given = [(name, ASHA), (name, f"b@{'c' * 60}.org")]
    content = made(recipients=given, cc=given, sender=given[0], reply_to=given[1])
    for header, expected in (
        *(("To", given), ("Cc", given), ("From", given[:1]), ("Reply-To", given[1:])),
    ):
        assert_has(content, header, expected)
    assert_well_folded(content)


@settings(deadline=None, max_examples=200)
@given(
    header=st.sampled_from(["Sender", "Resent-To", "Disposition-Notification-To", "errors-to"]),
    name=names,
    spec=specs,
)
def test_an_extra_header_with_addresses_holds_those_of_its_text(
    header: str, name: str, spec: str
) -> None:
    name = " ".join(name.split())
    # An encoded word in a text is read as what it says.
    assume("=?" not in name)
    content = made(extra_headers={header: formataddr((name, spec))})
    assert_has(content, header, [(name, spec)])
    assert_well_folded(content)


@pytest.mark.parametrize(
    "value", ["", "x", f"a <{ASHA}", f"g: {ASHA};", f"{ASHA}, <>", f'"a <{ASHA}>', "ü@x.org", "a@"]
)
def test_an_extra_header_with_addresses_holds_nothing_else(value: str) -> None:
    with pytest.raises(BadHeaderError):
        made(extra_headers={"Resent-To": value})


def test_an_extra_header_may_hold_several_addresses() -> None:
    content = made(extra_headers={"Resent-To": f'"{ALL}, {PAD}" <{ASHA}>, Dr. Rao <{TEA}>'})
    assert_has(content, "Resent-To", [(f"{ALL}, {PAD}", ASHA), ("Dr. Rao", TEA)])


@settings(deadline=None, max_examples=500)
@given(text=texts)
@example("a  " * 40 + "ü   ü" + "  b" * 40)
@example("x" * 1200 + " y")
@example("x" * 100 + " y")
@example("a" + " " * 2000 + "b")
@example("ü" + " " * 2000 + "ü")
@example("\tü\ta\t \tü\u3000")
def test_every_reader_finds_the_text_that_was_given(text: str) -> None:
    assume("=?" not in text)
    content = made(subject=text, extra_headers={"X-Kind-Of-Tea": text})
    assert_well_folded(content)
    for header in ("Subject", "X-Kind-Of-Tea"):
        old, new = text_of(content, header)
        assert old == new == text.strip(" \t")


@settings(deadline=None, max_examples=300)
@given(text=st.text('=?utf-8qb_ "ü', max_size=60))
@example("=?utf-8?q?a b?=")
def test_what_is_like_an_encoded_word_makes_no_line_too_long(text: str) -> None:
    try:
        assert_well_folded(made(subject=text, extra_headers={"X-A": text}))
    except BadHeaderError:
        assume(False)


def test_what_an_encoded_word_says_is_not_decoded_again() -> None:
    said = "=?utf-8?q?x=0D=0ABcc:_y?="
    hidden = re.sub(r"[=?_]", lambda found: f"={ord(found[0]):02X}", said)
    content = made(subject=f"=?utf-8?q?{hidden}?=")
    assert text_of(content, "Subject") == (said, said)


@pytest.mark.parametrize("header", ["List-Unsubscribe", "References", "In-Reply-To", "List-Id"])
def test_a_long_word_that_others_look_for_is_not_encoded(header: str) -> None:
    value = f"<https://example.org/{'u' * 90}?a=?b>, <mailto:leave@example.org>"
    content = made(extra_headers={header: f"Grüße {value}"})
    assert value.encode() in content.replace(b"\r\n", b"")
    assert text_of(content, header)[1] == f"Grüße {value}"


def attached(content: bytes) -> bytes:
    """Return a message with another one in it."""
    return made(attachments=[Attachment("a.eml", "message/rfc822", content)])


def test_a_message_in_a_message_is_left_as_it_came() -> None:
    long = (
        f'To: "{ALL}, {PAD}" <{ASHA}>, undisclosed: ;\r\nSubject: =?utf-8?q?{"a" * 90}?=\r\n\r\nx'
    )
    assert long.encode() in attached(long.encode())


def test_raw_bytes_in_the_head_of_a_message_in_a_message_are_encoded() -> None:
    raw = f'From: "{ALL}, Ü {PAD}" <{ASHA}>\r\nSubject: Grüße\r\n\r\nx'
    content = attached(raw.encode())
    assert content.isascii()
    inner = content[content.index(b"From: =?") :]
    assert_has(inner, "From", [(f"{ALL}, Ü {PAD}", ASHA)])


def test_a_message_with_a_line_that_no_server_takes_is_attached_as_bytes() -> None:
    content = attached(b"Subject: x\r\n\r\n" + b"x" * 999)
    assert b"message/rfc822" not in content
    assert max(map(len, content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_server_and_its_reader_find_whom_it_was_sent_to(server: Server, name: str) -> None:
    mail = Mail()
    async with app_with(mail, server.port).app_context():
        await mail.send(
            Message(
                "Tea",
                [(name, ASHA)],
                "It is ready.",
                sender=(name, TEA),
                cc=[(name, "carol@example.org")],
                bcc=[(name, "bob@example.org")],
                reply_to=(name, ASHA),
                extra_headers={"Sender": f"Tea <{TEA}>"},
            )
        )
    (received,) = server.received
    assert received.sender == TEA
    assert received.recipients == [ASHA, "carol@example.org", "bob@example.org"]
    for header, spec in (
        *(("To", ASHA), ("Cc", "carol@example.org"), ("From", TEA), ("Reply-To", ASHA)),
    ):
        assert_has(received.content, header, [(name, spec)])
    assert_has(received.content, "Sender", [("Tea", TEA)])
