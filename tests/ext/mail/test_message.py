"""Messages: what their parameters make of them, and what never gets into a header."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qapp.ext.mail import Attachment, BadHeaderError, Mail, Message
from qapp.ext.mail.folding import POLICY
from qapp.ext.mail.headers import check_folding, set_header
from qapp.ext.mail.message import MOST_RECIPIENTS

from .sites import app_with

TEA = "tea@example.org"
ALICE = "alice@example.org"


def made(**options: Any) -> Message:
    return Message(**{"subject": "Tea", "recipients": [ALICE], "sender": TEA, **options})


def parsed(message: Message) -> EmailMessage:
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def shape(email: EmailMessage) -> Any:
    """Return the types of a message's parts, nested as they are."""
    kind = email.get_content_type()
    if not email.is_multipart() or kind == "message/rfc822":
        return kind
    return [kind.removeprefix("multipart/"), *(shape(part) for part in email.iter_parts())]  # type: ignore[arg-type]  # parts of an EmailMessage


FILE = Attachment("a.bin", None, b"\0\xff")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "text/plain"),
        ({"body": "x"}, "text/plain"),
        ({"html": "<p>x"}, "text/html"),
        ({"body": "x", "html": "<p>x"}, ["alternative", "text/plain", "text/html"]),
        (
            {"body": "x", "html": "<p>x", "alts": {"calendar": "x"}},
            ["alternative", "text/plain", "text/calendar", "text/html"],
        ),
        ({"alts": {"html": "<p>", "calendar": "x"}}, ["alternative", "text/html", "text/calendar"]),
        (
            {"body": "x", "attachments": [FILE]},
            ["mixed", "text/plain", "application/octet-stream"],
        ),
        (
            {"body": "x", "html": "<p>x", "attachments": [FILE]},
            ["mixed", ["alternative", "text/plain", "text/html"], "application/octet-stream"],
        ),
        (
            {"html": "<p>", "attachments": [FILE]},
            ["mixed", "text/html", "application/octet-stream"],
        ),
    ],
)
def test_a_message_has_the_parts_it_needs(options: dict[str, Any], expected: Any) -> None:
    assert shape(parsed(made(**options))) == expected


def test_html_is_one_of_the_alternatives() -> None:
    message = made(alts={"html": "<p>x"})
    assert message.html == "<p>x"
    message.html = "<p>y"
    assert message.alts == {"html": "<p>y"}
    message.html = None
    assert message.alts == {}


def test_headers_hold_what_was_given() -> None:
    message = made(
        subject="Grüße",
        recipients=[("Ann, the first", ALICE), "Bob Ü <bob@example.org>"],
        cc=["carol@example.org"],
        bcc=["secret@example.org"],
        sender=("Tea", TEA),
        reply_to="reply@example.org",
        date=0,
        extra_headers={"X-Kind": "tea", "List-Unsubscribe": "<https://example.org/leave>"},
    )
    email = parsed(message)
    assert {name: email[name] for name in email if not name.startswith(("Content", "MIME"))} == {
        "Subject": "Grüße",
        "From": f"Tea <{TEA}>",
        "To": f'"Ann, the first" <{ALICE}>, Bob Ü <bob@example.org>',
        "Cc": "carol@example.org",
        "Reply-To": "reply@example.org",
        "Date": "Thu, 01 Jan 1970 00:00:00 -0000",
        "Message-ID": message.msgId,
        "X-Kind": "tea",
        "List-Unsubscribe": "<https://example.org/leave>",
    }
    assert b"secret" not in message.as_bytes()
    assert message.send_to[-1] == "secret@example.org"


def test_a_message_is_seven_bits_and_its_lines_are_short() -> None:
    message = made(subject="ü" * 500, body="ü" * 5000 + "\n" + "x" * 5000, html="ü")
    message.attach("ü" * 100, None, "ü" * 3000)
    content = message.as_bytes()
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")
    simple = made(body="x", date=0)
    assert str(simple).encode() == simple.as_bytes().replace(b"\r\n", b"\n")
    assert bytes(simple) == simple.as_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"recipients": [None]}, "recipients is neither an address nor a pair: None"),
        ({"recipients": [("Ann", ALICE, "x")]}, "recipients is neither"),
        ({"cc": [5]}, "cc is neither an address nor a pair: 5"),
        ({"bcc": [(None, None)]}, "bcc is no text: None"),
        ({"sender": object()}, "sender is neither"),
        ({"reply_to": [["a@example.org"]]}, "reply_to is neither"),
        ({"reply_to": {"a@example.org"}}, "reply_to is neither"),
        ({"extra_headers": {"X-Count": 5}}, "X-Count is no text: 5"),
        ({"extra_headers": {5: "x"}}, "No header may be called 5"),
        ({"mail_options": [b"SMTPUTF8"]}, "mail_options or rcpt_options is no text"),
        ({"alts": {None: "x"}}, "subtype is no text"),
        ({"attachments": [Attachment(5, None, b"x")]}, "file name is no text: 5"),  # type: ignore[arg-type]  # what a program may get wrong
    ],
)
def test_what_is_no_text_is_refused_by_its_name(options: dict[str, Any], told: str) -> None:
    message = made(**options)
    assert message.has_bad_headers()
    with pytest.raises(BadHeaderError, match=told):
        message.as_bytes()


def test_a_subject_may_be_none_or_what_turns_into_a_text() -> None:
    class Lazy:
        def __str__(self) -> str:
            return "Tee"

    message = made(subject=None)
    assert message.subject == parsed(message)["subject"] == ""
    message.subject = Lazy()
    assert parsed(message)["subject"] == "Tee"


def test_replies_may_go_to_several() -> None:
    several: list[Any] = ["a@example.org", ("Bob", "b@example.org")]
    assert parsed(made(reply_to=several))["reply-to"] == "a@example.org, Bob <b@example.org>"
    assert parsed(made(reply_to=["a@example.org"]))["reply-to"] == "a@example.org"


def test_a_pair_may_come_from_a_file_of_settings() -> None:
    assert parsed(made(sender=["Tea", TEA]))["from"] == f"Tea <{TEA}>"


def test_the_old_name_of_a_check_warns() -> None:
    with pytest.warns(DeprecationWarning, match="has_bad_headers"):
        assert made(subject="x\ny").is_bad_headers()


def test_an_id_is_made_once() -> None:
    message = made(sender="tea@bücher.example")
    assert message.msgId == message.msgId
    assert message.msgId.endswith("@xn--bcher-kva.example>")
    assert message.msgId != made().msgId


def test_recipients_are_told_once_each_in_their_order() -> None:
    message = made(recipients=["b@x.org", "a@x.org"], cc=["B <b@x.org>"], bcc=["c@x.org"])
    assert message.send_to == ["b@x.org", "a@x.org", "c@x.org"]


def test_one_address_may_stand_for_a_list() -> None:
    assert made(recipients=ALICE).send_to == [ALICE]


def test_too_many_recipients_are_refused() -> None:
    many = [f"u{i}@x.org" for i in range(MOST_RECIPIENTS + 1)]
    assert len(made(recipients=many[1:]).send_to) == MOST_RECIPIENTS
    with pytest.raises(ValueError, match="more than 1000"):
        made(bcc=many).as_bytes()


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "us-ascii"])
def test_a_text_that_the_charset_lacks_is_written_in_utf_8(charset: str) -> None:
    email = parsed(made(body="Tee für 2 €", html="plain", charset=charset))
    plain, html = email.iter_parts()
    assert plain.get_content().strip() == "Tee für 2 €"
    assert html.get_content_charset() == charset


def test_what_is_no_character_does_not_keep_a_text_from_being_sent() -> None:
    assert parsed(made(body="a\ud800b")).get_content().strip() == "a?b"


def test_a_charset_that_is_none_is_an_error() -> None:
    with pytest.raises(LookupError):
        made(charset="none such", body="x").as_bytes()


@pytest.mark.parametrize(
    ("filename", "content_type", "data", "expected"),
    [
        ("a.png", None, b"x", "image/png"),
        ("a.html", None, "x", "text/html"),
        (None, None, "x", "text/plain"),
        (None, None, b"x", "application/octet-stream"),
        ("a", "text/csv; charset=latin-1", b"\xfc", "text/csv"),
        ("a.txt", "application/json", "{}", "application/json"),
        ("a", "no type", b"x", "application/octet-stream"),
        ("a", "a/b/c", b"x", "application/octet-stream"),
        ("a", "multipart/mixed", b"x", "application/octet-stream"),
        ("a", "message/partial", b"x", "application/octet-stream"),
        ("a.eml", "message/rfc822", b"Subject: x\r\n\r\ny", "message/rfc822"),
        ("a.eml", "message/rfc822", "Subject: ü", "application/octet-stream"),
        ("a.txt", None, "2 €", "text/plain"),
    ],
)
def test_a_file_arrives_as_it_was(
    filename: str | None, content_type: str | None, data: str | bytes, expected: str
) -> None:
    message = made(body="x", charset="utf-8" if data != "2 €" else "latin-1")
    message.attach(filename, content_type, data)
    (part,) = parsed(message).iter_attachments()
    assert part.get_content_type() == expected
    assert part.get_filename() == filename
    if expected != "message/rfc822":
        sent = data.encode() if isinstance(data, str) else data
        assert part.get_payload(decode=True) == sent


def test_a_file_may_have_headers_and_stand_in_the_text() -> None:
    message = made(body="x")
    message.attach("a.png", None, b"x", "inline", {"Content-ID": "<a>"})
    parts = [each for each in parsed(message).walk() if each.get_content_type() == "image/png"]
    assert [(part["content-id"], part.get_content_disposition()) for part in parts] == [
        ("<a>", "inline")
    ]


def test_a_file_without_data_is_none() -> None:
    with pytest.raises(ValueError, match="data"):
        made().attach("a.txt")


@pytest.mark.parametrize(
    ("name", "expected"), [("Tee  für.txt", "Tee fur.txt"), ("žluť.txt", "zlut.txt"), ("日", None)]
)
def test_file_names_can_be_made_ascii(name: str, expected: str | None) -> None:
    message = made(body="x")
    message.attach(name, None, b"x")
    (part,) = message.as_email(ascii_filenames=True).iter_attachments()
    assert part.get_filename() == expected


def test_a_folded_subject_is_one_line() -> None:
    assert parsed(made(subject="Tea is\r\n ready\n\tnow"))["subject"] == "Tea is ready\tnow"


async def test_the_sender_is_the_apps_by_default() -> None:
    mail = Mail()
    outside = Message("Tea", [ALICE])
    async with app_with(mail, MAIL_BACKEND="memory").app_context():
        assert Message("Tea", [ALICE]).sender == TEA
        await mail.send(outside)
        assert outside.sender == TEA
    with pytest.raises(BadHeaderError, match="MAIL_DEFAULT_SENDER"):
        Message("Tea", [ALICE]).as_bytes()


BREAKS = ["\r", "\n", "\r\n", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x7f"]


@pytest.mark.parametrize("line_end", BREAKS)
@pytest.mark.parametrize(
    "field",
    [
        "subject",
        "recipients",
        "cc",
        "bcc",
        "sender",
        "reply_to",
        "name",
        "sender_name",
        "value",
        "header",
        "disposition",
        "content_type",
        "filename",
        "file_header",
        "file_value",
        "subtype",
        "mail_options",
        "rcpt_options",
    ],
)
def test_a_line_end_is_refused_in_every_field(field: str, line_end: str) -> None:
    bad = f"x{line_end}Bcc: mallory@example.org"
    attached = {
        "disposition": Attachment("a", "text/plain", "x", bad),
        "content_type": Attachment("a", bad, "x"),
        "filename": Attachment(bad, "text/plain", "x"),
        "file_header": Attachment("a", "text/plain", "x", headers={bad: "x"}),
        "file_value": Attachment("a", "text/plain", "x", headers={"X-A": bad}),
    }
    fields: dict[str, dict[str, Any]] = {
        "subject": {"subject": bad},
        "name": {"recipients": [(bad, ALICE)]},
        "sender_name": {"sender": (bad, TEA)},
        "value": {"extra_headers": {"X-A": bad}},
        "header": {"extra_headers": {bad: "x"}},
        "subtype": {"alts": {bad: "x"}},
        "mail_options": {"mail_options": ["SMTPUTF8", bad]},
        "rcpt_options": {"rcpt_options": [bad]},
    }
    options = fields.get(field, {})
    if field in attached:
        options = {"attachments": [attached[field]]}
    elif not options:
        address = f"a@example.org{line_end}Bcc: mallory@example.org"
        options = {field: [address] if field in ("recipients", "cc", "bcc") else address}
    message = made(**options)
    assert message.has_bad_headers()
    with pytest.raises(BadHeaderError):
        message.as_bytes()


@pytest.mark.parametrize(
    "hidden", ["=?utf-8?q?x=0D=0ABcc:_m=40example.org?=", "=?utf-8?b?DQpYOiB5?="]
)
@pytest.mark.parametrize("field", ["subject", "value", "sender"])
def test_a_line_end_hidden_in_an_encoded_word_is_refused(field: str, hidden: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "subject": {"subject": hidden},
        "value": {"extra_headers": {"X-A": hidden}},
        "sender": {"extra_headers": {"Sender": f"{hidden} <{ALICE}>"}},
    }
    message = made(**options[field])
    assert message.has_bad_headers()


@pytest.mark.parametrize(
    "address",
    [
        *("", "alice", "@", "@x.org", "a@", "a b@x.org", "a@x.org, b@x.org", "a@x.org b@x.org"),
        *("<>", "a@x@y.org", "a@x..org", f"a@{'x' * 70}.org", "ü@x.org", "a@x.org>", "<a@x.org"),
        *("a@.org", f"a@{'x.' * 200}org", "a\t@x.org", "a @x.org", "a(b)@x.org", "a@\ud800.org"),
        *("x" * 10_000 + "@x.org", "a@[", 'a"@x.org'),
    ],
)
@pytest.mark.parametrize("field", ["recipients", "cc", "bcc", "sender", "reply_to"])
def test_what_is_no_address_is_refused(field: str, address: str) -> None:
    value = [address] if field in ("recipients", "cc", "bcc") else address or ("", "")
    assert made(**{field: value}).has_bad_headers()


@pytest.mark.parametrize(
    "name",
    [
        *("Bcc", "bcc", "To", "Subject", "Content-Type", "content-x", "MIME-Version", "Resent-Bcc"),
        *("", "X Y", "X:", "Ü", "X" * 100),
    ],
)
def test_an_extra_header_has_a_name_of_its_own(name: str) -> None:
    assert made(extra_headers={name: "x"}).has_bad_headers()


@pytest.mark.parametrize("name", ["Content-Type", "content-disposition", "X:", ""])
def test_a_header_of_a_file_has_a_name_of_its_own(name: str) -> None:
    message = made()
    message.attach("a", None, "x", headers={name: "x"})
    assert message.has_bad_headers()


def test_a_header_that_would_end_early_is_found_whoever_made_it() -> None:
    email = EmailMessage(policy=policy.compat32)  # lets everything pass
    email["X-A"] = "a\nBcc: mallory@example.org"
    with pytest.raises(BadHeaderError, match="would end"):
        check_folding(email)


@pytest.mark.parametrize("value", ["a", object()])
def test_what_python_cannot_write_is_a_bad_header(value: object) -> None:
    email = EmailMessage(policy=POLICY)
    email["Subject"] = "x"
    with pytest.raises(BadHeaderError, match="can't be written"):
        set_header(email, "Subject", value)


def test_a_header_is_not_endless() -> None:
    assert made(subject="x" * 10_000).has_bad_headers()
    assert not made(subject="ü" * 8000).has_bad_headers()


texts = st.text(max_size=60) | st.text('=?utf-8qb0DA_ \r\n\t:,<>@"\\ü\x85\u2028', max_size=60)
addresses = texts | texts.map(lambda name: (name, ALICE)) | texts.map(lambda a: f"{a} <{ALICE}>")
SENT = {"subject", "from", "to", "cc", "reply-to", "date", "message-id", "mime-version"}
OF_PARTS = {"content-type", "content-transfer-encoding", "content-disposition", "mime-version"}


@settings(deadline=None, max_examples=300)
@given(
    subject=texts,
    to=addresses,
    cc=addresses,
    bcc=addresses,
    reply_to=addresses,
    sender=addresses,
    value=texts,
    name=texts,
    filename=texts,
    kind=texts,
)
@example(*(["x"] + ["a@x.org"] * 5 + ["x"] * 4))
def test_nothing_given_becomes_a_header_of_its_own(
    subject: str,
    to: Any,
    cc: Any,
    bcc: Any,
    reply_to: Any,
    sender: Any,
    value: str,
    name: str,
    filename: str,
    kind: str,
) -> None:
    message = Message(
        subject,
        [to, ALICE],
        "body",
        sender=sender or TEA,
        cc=[cc],
        bcc=[bcc],
        reply_to=reply_to,
        extra_headers={"X-A": value, **({name: "x"} if name else {})},
    )
    message.attach(filename, kind, b"data", "attachment", {"X-B": value})
    # One field at a time is what a test of one message seldom reaches: most would be refused.
    for alone in (
        message,
        made(subject=subject),
        made(recipients=[to], cc=[cc]),
        made(sender=sender or TEA, reply_to=reply_to),
        made(extra_headers={"X-A": value}),
        made(attachments=[Attachment(filename, kind, b"data", headers={"X-B": value})]),
    ):
        try:
            content = alone.as_bytes()
        except BadHeaderError:
            continue
        head, _, _ = content.partition(b"\r\n\r\n")
        names = [
            line.partition(b":")[0].decode().lower()
            for line in head.split(b"\r\n")
            if line[:1] not in (b" ", b"\t")
        ]
        allowed = SENT | OF_PARTS | {"x-a", name.lower()}
        assert set(names) <= allowed
        assert len(names) == len(set(names))
        for part in message_from_bytes(content).walk():
            assert {each.lower() for each in part.keys()} <= allowed | {"x-b"}  # noqa: SIM118
