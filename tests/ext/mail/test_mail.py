"""`Mail`: its settings, its backends, its signal, and the app of its docstring."""

from __future__ import annotations

import asyncio
import stat
import textwrap
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

import qapp.ext.mail
from qapp.ext.mail import BadHeaderError, Connection, Mail, MailError, Message, email_dispatched
from qapp.ext.mail.backends import MemoryBackend

from .servers import Server
from .sites import app_with

mail = Mail()
ALICE, BOB = "alice@example.org", "bob@example.org"


def memory_app(**settings: Any) -> Quart:
    return app_with(mail, MAIL_BACKEND="memory", **settings)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def tea(**options: Any) -> Message:
    return Message("Tea", [ALICE], "It is ready.", **options)


async def test_the_app_of_the_docstring_works_as_it_stands(server: Server) -> None:
    assert qapp.ext.mail.__doc__
    _, _, rest = qapp.ext.mail.__doc__.partition("    from quart")
    example, _, _ = rest.partition("\n\nEvery ")
    source = textwrap.dedent(f"    from quart{example}")
    assert len([line for line in source.splitlines() if line]) == 10
    source = source.replace("mail = Mail", f"app.config['MAIL_PORT'] = {server.port}\nmail = Mail")
    names: dict[str, Any] = {"__name__": "tea"}
    exec(source, names)  # noqa: S102 - the docstring's
    client = names["app"].test_client()
    response = await client.post("/ready")
    assert await response.get_data(as_text=True) == "Sent"
    (received,) = server.received
    assert received.recipients == [ALICE]
    assert received.email["from"] == "Tea house <tea@example.org>"


async def test_every_way_to_send_sends() -> None:
    async with memory_app().app_context():
        await mail.send(tea())
        await mail.send_message("Tea", recipients=[ALICE], body="x")
        async with mail.connect() as connection:
            await connection.send(tea())
            await connection.send_message(subject="Tea", recipients=[ALICE])
            await tea().send(connection)
        assert len(mail.outgoing) == 5
        assert {kept.envelope.sender for kept in mail.outgoing} == {"tea@example.org"}


async def test_a_message_to_nobody_is_refused() -> None:
    async with memory_app().app_context():
        with pytest.raises(ValueError, match="nobody"):
            await mail.send(Message("Tea"))


async def test_a_bad_message_is_not_sent_and_not_told_of() -> None:
    async with memory_app().app_context():
        with mail.record_messages() as sent, pytest.raises(BadHeaderError):
            await mail.send(Message("Tea\r\nX: y", [ALICE]))
        with pytest.raises(BadHeaderError):
            await mail.send(tea(), envelope_from="a@x.org>\r\nRCPT TO:<b@x.org")
        assert sent == []
        assert mail.outgoing == []


async def test_messages_are_recorded_while_asked_for() -> None:
    other = memory_app()
    async with memory_app().app_context():
        with mail.record_messages() as sent:
            message = tea()
            await mail.send(message)
            async with other.app_context():
                await mail.send(tea())
        await mail.send(tea())
    assert sent == [message]


async def test_what_any_app_sends_can_be_recorded() -> None:
    with mail.record_messages() as sent:
        for app in (memory_app(), memory_app()):
            async with app.app_context():
                await mail.send(tea())
    assert len(sent) == 2


async def test_the_signal_reaches_sync_and_async_receivers() -> None:
    heard: list[tuple[str, Quart, Message]] = []

    def sync(sender: Quart, message: Message) -> None:
        heard.append(("sync", sender, message))

    async def later(sender: Quart, message: Message) -> None:
        await asyncio.sleep(0)
        heard.append(("async", sender, message))

    app, message = memory_app(), tea()
    with email_dispatched.connected_to(sync), email_dispatched.connected_to(later, app):
        async with app.app_context():
            await mail.send(message)
    assert sorted(heard, key=lambda each: each[0]) == [
        ("async", app, message),
        ("sync", app, message),
    ]


async def test_suppressed_mail_is_told_of_and_sent_to_nobody(server: Server) -> None:
    app = Quart("testing")
    app.testing = True
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=server.port)
    mail.init_app(app)
    async with app.app_context():
        with mail.record_messages() as sent:
            await mail.send(tea(sender="tea@example.org"))
        async with mail.connect() as connection:
            await connection.send(tea(sender="tea@example.org"))
    assert len(sent) == 1
    assert server.connections == 0


async def test_apps_keep_their_mail_apart() -> None:
    first, second = memory_app(), memory_app(MAIL_DEFAULT_SENDER=("Bob", BOB))

    async def send(app: Quart, count: int) -> list[str]:
        async with app.app_context():
            for _ in range(count):
                await mail.send(tea())
            return [kept.envelope.sender for kept in mail.outgoing]

    sent: object = await asyncio.gather(send(first, 3), send(second, 2))
    assert sent == [["tea@example.org"] * 3, [BOB] * 2]


async def test_an_app_without_mail_is_told_so() -> None:
    async with Quart("testing").app_context():
        with pytest.raises(RuntimeError, match="init_app"):
            await mail.send(tea(sender=ALICE))


async def test_files_hold_what_is_sent_and_who_gets_it(tmp_path: Path) -> None:
    app = app_with(mail, MAIL_BACKEND="file", MAIL_FOLDER=str(tmp_path / "out"))
    many = [f"user{number}@example.org" for number in range(100)]
    async with app.app_context():
        message = tea(html="<p>It is ready.", bcc=[BOB], cc=many)
        message.attach("ü.bin", None, b"\0\xff")
        await mail.send(message)
    (path,) = files_in(tmp_path / "out")
    assert path.suffix == ".eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    content = path.read_bytes()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    email = message_from_bytes(content, policy=policy.default)
    assert email["subject"] == "Tea"
    assert email["x-envelope-to"].split(", ") == [ALICE, *many, BOB]
    assert email["bcc"] is None
    body = email.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "It is ready."
    assert [part.get_filename() for part in email.iter_attachments()] == ["ü.bin"]


async def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    app = app_with(mail, MAIL_BACKEND="file", MAIL_FOLDER=str(tmp_path / "file" / "mail"))
    async with app.app_context():
        with pytest.raises(MailError, match="can't be written"):
            await mail.send(tea())


async def test_a_write_that_fails_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "rename", fail)
    async with app_with(mail, MAIL_BACKEND="file", MAIL_FOLDER=str(tmp_path)).app_context():
        with pytest.raises(MailError, match="no space"):
            await mail.send(tea())
    assert files_in(tmp_path) == []


async def test_the_console_shows_the_whole_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "qapp.ext.mail")
    async with app_with(mail, MAIL_BACKEND="console").app_context():
        await mail.send(tea())
    assert "Subject: Tea" in caplog.text
    assert "It is ready." in caplog.text


async def test_memory_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryBackend, "MOST", 2)
    async with memory_app().app_context():
        for number in range(4):
            await mail.send(Message(f"{number}", [ALICE]))
        subjects = [message_from_bytes(kept.content)["subject"] for kept in mail.outgoing]
    assert subjects == ["2", "3"]


@pytest.mark.parametrize(
    ("settings", "debug", "backend"),
    [
        ({}, False, "smtp"),
        ({}, True, "file"),
        ({"MAIL_SERVER": "mail.example.org"}, True, "smtp"),
        ({"MAIL_BACKEND": "console"}, True, "console"),
    ],
)
def test_in_development_mail_goes_into_files_unless_a_server_is_named(
    settings: dict[str, Any], debug: bool, backend: str
) -> None:
    app = Quart("testing")
    app.config.update(settings, DEBUG=debug)
    assert mail.init_app(app).settings.backend == backend


def test_the_settings_are_read_once_under_flask_mails_names() -> None:
    app = app_with(mail, MAIL_USERNAME="tea", MAIL_PASSWORD="secret", MAIL_MAX_EMAILS=7)
    state = app.extensions["mail"]
    app.config["MAIL_MAX_EMAILS"] = 8
    assert (state.username, state.max_emails, state.suppress, state.port) == ("tea", 7, False, 25)
    assert (state.server, state.use_tls, state.use_ssl) == ("127.0.0.1", False, False)
    assert "secret" not in repr(state.settings)
    with pytest.raises(AttributeError):
        state.nothing  # noqa: B018 - to read it is the test


async def test_a_test_may_switch_what_is_sent_as_it_does_with_flask_mail() -> None:
    app = memory_app()
    app.extensions["mail"].suppress = True
    async with app.app_context():
        await mail.send(tea())
        assert mail.outgoing == []
        mail.state.suppress = False
        await mail.send(tea())
        assert len(mail.outgoing) == 1


def test_the_settings_may_come_from_elsewhere(tmp_path: Path) -> None:
    class OwnMail(Mail):
        def init_mail(self, config: Any, debug: bool | int = False, testing: bool = False) -> Any:
            return super().init_mail({"MAIL_PORT": 2525, "MAIL_FOLDER": "letters"}, debug, testing)

    app = Quart("testing", instance_path=str(tmp_path))
    found = OwnMail(app).init_app(app)
    assert (found.port, found.folder) == (2525, tmp_path / "letters")
    assert mail.init_mail({}, debug=1).backend == "file"
    assert mail.init_mail({}, testing=True).suppress


@pytest.mark.parametrize(
    "wrong",
    [
        {"MAIL_BACKEND": "pigeon"},
        {"MAIL_USE_TLS": True, "MAIL_USE_SSL": True},
        {"MAIL_TIMEOUT": 0},
        {"MAIL_PORT": "x"},
        {"MAIL_OUTBOX_TRIES": 0},
        {"MAIL_OUTBOX_CONNECTIONS": 0},
        {"MAIL_OUTBOX_MOST": 0},
        {"MAIL_OUTBOX_KEEP_DAYS": -1},
        {"MAIL_OUTBOX_WAIT": []},
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        app_with(mail, **wrong)


@pytest.mark.parametrize(
    ("settings", "warned"),
    [({}, True), ({"MAIL_USE_TLS": True}, False), ({"MAIL_SERVER": "localhost"}, False)],
)
def test_a_password_sent_in_the_clear_is_warned_of(
    settings: dict[str, Any], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    known = {"MAIL_SERVER": "mail.example.org", "MAIL_USERNAME": "tea", "MAIL_PASSWORD": "secret"}
    app_with(mail, **{**known, **settings})
    assert ("unencrypted" in caplog.text) == warned
    assert "secret" not in caplog.text


async def test_messages_are_put_together_outside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    real: Callable[..., Any] = Message.as_email

    def as_email(self: Message, **options: Any) -> Any:
        threads.append(threading.current_thread())
        return real(self, **options)

    monkeypatch.setattr(Message, "as_email", as_email)
    async with memory_app().app_context():
        await mail.send(tea())
    assert threading.main_thread() not in threads


def test_a_connection_can_be_made_by_hand() -> None:
    state = memory_app().extensions["mail"]
    assert Connection(state).num_emails == 0


async def test_a_host_is_configured_by_hand(server: Server) -> None:
    connection = Connection(app_with(mail, server.port).extensions["mail"])
    host = await connection.configure_host()
    assert host.is_open
    await connection.close()
    assert not host.is_open
