"""The settings: read from the environment, refused in one line, the key kept once for all."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer
from quart.sessions import SecureCookieSessionInterface

from qapp import create_app
from qapp.config import LOCAL_HOSTS, RATE_LIMITS, ConfigError, Settings, kept_secret_key

from .conftest import KEY
from .processes import PATIENCE_S, environment, hypercorn, run_qapp

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
LONG = "k" * 32
NUMBER = ["", "x", "1.5", "1e3", " 7", "٣٣", "-1", "0x10", "9" * 30]
SECRET = "hunter2-hunter2"

WRONG: dict[str, list[str]] = {
    "SECRET_KEY": ["", "short", "x" * 31, SECRET],
    "SECRET_KEY_FALLBACKS": ["short", f"{LONG} short", SECRET],
    "INSTANCE_PATH": ["", "/dev/null", __file__],
    "DATABASE_URL": [
        "",
        "qapp.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///folder/",
        "sqlite:///qapp.db?timeout=5",
        "mysql://host/name",
        f"postgresql://me:{SECRET}@host/name",
    ],
    "REGISTRATION": ["", "yes", "2", "maybe"],
    "TOUR": ["", "yes", "2"],
    "API_CORS_ORIGINS": ["", "*", "app.example.org", "https://app.example.org/", "null", "ftp://x"],
    "TRUSTED_HOSTS": ["", ",", "*", "example.org:8000", "http://example.org", "a b/c", "[::zz]"],
    "PREFERRED_URL_SCHEME": ["", "ftp", "https://"],
    "PERMANENT_SESSION_LIFETIME": [*NUMBER, "59", "31536001"],
    "SESSION_IDLE_LIFETIME": [*NUMBER, "59", "31536001"],
    "SESSION_COOKIE_NAME": ["", "a b", "a;b", "a=b", "a\r\nSet-Cookie: b", "ключ"],
    "RATE_LIMITS": [
        "",
        "on",
        "login",
        "login=20",
        "login=0/9",
        "login=20/0",
        "logout=1/1",
        "a=1/1",
    ],
    "OPERATORS": ["", ",", "al", "alice bob!", "me@example.org", "a" * 33, "ключ"],
    "METRICS_TOKEN": ["", "short", "x" * 31, f"{LONG} x", "к" * 32, SECRET],
    "SLOW_QUERY_MS": [*NUMBER, "3600001"],
    "OPERATOR_ADDRESS": ["", "me", "me@", "a@b@c", "a@b,c@d", "a b@c", "a@b\r\nBcc: c@d"],
    "LIVE_MOST_READERS": [*NUMBER, "0", "1000001"],
    "MAIL_DEFAULT_SENDER": ["", "me", "Me <me@example.org>", "me@exämple.org"],
    "MAIL_BACKEND": ["", "memory", "sendmail"],
    "MAIL_SERVER": ["", "mail.example.org:25", "a b", "smtp://host"],
    "MAIL_PORT": [*NUMBER, "0", "65536"],
    "MAIL_USE_TLS": ["", "yes", "2"],
    "MAIL_USE_SSL": ["", "yes", "2"],
    "MAIL_USERNAME": ["", "a\nb", "a\x1bb"],
    "MAIL_PASSWORD": ["", "a\nb"],
    "MAIL_OUTBOX_CONNECTIONS": [*NUMBER, "0", "101"],
    "MAIL_OUTBOX_MOST": [*NUMBER, "0", "10000001"],
    "MAIL_OUTBOX_RESEND": ["", "maybe"],
    "MAX_CONTENT_LENGTH": [*NUMBER, "1023", "1073741825"],
    "UPLOAD_MAX_LENGTH": [*NUMBER, "1023", "1073741825"],
    "UPLOAD_TIMEOUT": [*NUMBER, "0", "86401"],
    "UPLOAD_QUOTA": [*NUMBER, "1023", "1099511627777"],
    "MAX_FORM_MEMORY_SIZE": [*NUMBER, "1023", "1073741825"],
    "MAX_FORM_PARTS": [*NUMBER, "0", "100001"],
    "BODY_TIMEOUT": [*NUMBER, "0", "3601"],
    "RESPONSE_TIMEOUT": [*NUMBER, "0", "3601"],
    "UNREAD_TIMEOUT": [*NUMBER, "0", "3601"],
    "DEBUG": ["", "yes", "2"],
}
EACH_WRONG = [(name, text) for name, texts in WRONG.items() for text in texts]

RIGHT: dict[str, list[tuple[str, Any]]] = {
    "SECRET_KEY": [(LONG, LONG)],
    "SECRET_KEY_FALLBACKS": [("", ()), (f"{LONG} {KEY.replace(' ', '-')}", None)],
    "INSTANCE_PATH": [("/tmp/a", "/tmp/a"), ("a", str(Path("a").absolute()))],  # noqa: S108
    "DATABASE_URL": [("sqlite:////srv/a.db", "sqlite:////srv/a.db")],
    "REGISTRATION": [("on", True), ("OFF", False), ("1", True), ("0", False), ("false", False)],
    "TOUR": [("on", True), ("off", False)],
    "API_CORS_ORIGINS": [
        ("https://app.example.org", ("https://app.example.org",)),
        (
            "http://localhost:3000, https://a.example",
            ("http://localhost:3000", "https://a.example"),
        ),
    ],
    "TRUSTED_HOSTS": [
        ("example.org", ("example.org",)),
        ("a.example, .example.org [::1],", ("a.example", ".example.org", "[::1]")),
    ],
    "PREFERRED_URL_SCHEME": [("https", "https"), ("HTTP", "http")],
    "PERMANENT_SESSION_LIFETIME": [("60", 60)],
    "SESSION_IDLE_LIFETIME": [("31536000", 31_536_000)],
    "SESSION_COOKIE_NAME": [("my-site.session_1", "my-site.session_1")],
    "RATE_LIMITS": [
        ("off", {}),
        ("login=5/60", {**RATE_LIMITS, "login": (5, 60)}),
        ("login=5/60, register=1/2", {**RATE_LIMITS, "login": (5, 60), "register": (1, 2)}),
    ],
    "OPERATORS": [("alice", ("alice",)), ("alice, Bob-2", ("alice", "Bob-2"))],
    "METRICS_TOKEN": [(LONG, LONG)],
    "SLOW_QUERY_MS": [("0", 0), ("3600000", 3_600_000)],
    "OPERATOR_ADDRESS": [("me+site@example.org", "me+site@example.org")],
    "LIVE_MOST_READERS": [("1", 1)],
    "MAIL_DEFAULT_SENDER": [("site@localhost", "site@localhost")],
    "MAIL_BACKEND": [("smtp", "smtp"), ("Console", "console")],
    "MAIL_SERVER": [("mail.example.org", "mail.example.org"), ("::1", "::1")],
    "MAIL_PORT": [("587", 587)],
    "MAIL_USE_TLS": [("on", True), ("off", False)],
    "MAIL_USE_SSL": [("on", True), ("off", False)],
    "MAIL_USERNAME": [("me@example.org", "me@example.org")],
    "MAIL_PASSWORD": [("päss word", "päss word")],
    "MAIL_OUTBOX_CONNECTIONS": [("100", 100)],
    "MAIL_OUTBOX_MOST": [("1", 1)],
    "MAIL_OUTBOX_RESEND": [("off", False), ("on", True)],
    "MAX_CONTENT_LENGTH": [("1024", 1024)],
    "UPLOAD_MAX_LENGTH": [("1024", 1024)],
    "UPLOAD_TIMEOUT": [("86400", 86_400)],
    "UPLOAD_QUOTA": [("1024", 1024)],
    "MAX_FORM_MEMORY_SIZE": [("1073741824", 1_073_741_824)],
    "MAX_FORM_PARTS": [("1", 1)],
    "BODY_TIMEOUT": [("3600", 3600)],
    "RESPONSE_TIMEOUT": [("1", 1)],
    "UNREAD_TIMEOUT": [("1", 1)],
    "DEBUG": [("on", True), ("off", False)],
}
EACH_RIGHT = [(name, text, value) for name, pairs in RIGHT.items() for text, value in pairs]

KEEP = "import sys, pathlib, qapp.config as c; print(c.kept_secret_key(pathlib.Path(sys.argv[1])))"


def refusal(**environ: str) -> str:
    """Return the one line with which these variables are refused."""
    with pytest.raises(ConfigError) as refused:
        Settings.from_environ({f"QAPP_{name}": text for name, text in environ.items()})
    text = str(refused.value)
    assert text.isprintable(), "more than one line, or what a terminal might obey"
    return text


def test_every_setting_is_tried_here() -> None:
    assert WRONG.keys() == RIGHT.keys() == FIELDS.keys()


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_what_it_means_and_what_it_may_be(name: str) -> None:
    metadata = FIELDS[name].metadata
    assert metadata["meaning"]
    assert metadata["shown"]
    assert metadata["kind"].allowed


@pytest.mark.parametrize(("name", "text"), EACH_WRONG)
def test_a_wrong_value_is_refused_by_the_variables_name(name: str, text: str) -> None:
    line = refusal(**{name: text})
    assert line.startswith(f"QAPP_{name} ")
    assert line.endswith(f"; allowed: {FIELDS[name].metadata['kind'].allowed}")


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_that_is_not_utf_8_is_refused(name: str) -> None:
    assert refusal(**{name: "\udcff" * 40}).startswith(f"QAPP_{name} ")


@pytest.mark.parametrize(("name", "text", "value"), EACH_RIGHT)
def test_a_right_value_is_read(name: str, text: str, value: object) -> None:
    settings = Settings.from_environ({f"QAPP_{name}": text})
    if value is not None:
        assert getattr(settings, name) == value
    assert settings.as_config()[name] == getattr(settings, name)


def test_without_variables_the_settings_are_the_defaults() -> None:
    assert Settings.from_environ({"PATH": "/bin", "QAPP_TEST_REQUIRE": "all"}) == Settings()
    assert Settings().TRUSTED_HOSTS == LOCAL_HOSTS


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL"])
def test_a_secret_is_never_shown(name: str) -> None:
    text = next(text for text in WRONG[name] if SECRET in text)
    assert SECRET not in refusal(**{name: text})
    assert LONG not in repr(Settings(SECRET_KEY=LONG, SECRET_KEY_FALLBACKS=(LONG,)))


@pytest.mark.parametrize("name", ["TRUSTED_HOSTS", "RATE_LIMITS", "MAX_FORM_PARTS"])
def test_a_long_value_is_shortened(name: str) -> None:
    assert len(refusal(**{name: "/" * 10_000})) < 300


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SECRETKEY", "did you mean QAPP_SECRET_KEY?"),
        ("DATABASE_URI", "did you mean QAPP_DATABASE_URL?"),
        ("debug", "`qapp settings` lists them"),
        ("", "`qapp settings` lists them"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    assert refusal(**{name: "x"}) == f"QAPP_{name} is no setting; {hint}"


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_short_key_is_refused_however_it_comes(name: str) -> None:
    value = "short" if name == "SECRET_KEY" else ("short",)
    with pytest.raises(ConfigError, match=f"QAPP_{name} needs at least 32"):
        Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "public", [{"TRUSTED_HOSTS": "localhost,example.org"}, {"PREFERRED_URL_SCHEME": "https"}]
)
def test_debugging_is_for_this_machine_only(public: dict[str, str]) -> None:
    assert refusal(DEBUG="on", **public).startswith("QAPP_DEBUG shows the program to visitors")
    assert Settings.from_environ({"QAPP_DEBUG": "on", "QAPP_TRUSTED_HOSTS": "localhost"}).DEBUG


@pytest.mark.parametrize("name", ["__Host-s", "__Secure-s", "__host-s"])
def test_a_cookie_name_for_https_is_refused_over_http(name: str) -> None:
    line = refusal(SESSION_COOKIE_NAME=name)
    assert line.startswith(f"QAPP_SESSION_COOKIE_NAME '{name}' is for https")
    Settings(SESSION_COOKIE_NAME=name, PREFERRED_URL_SCHEME="https")


def test_the_settings_can_not_be_changed() -> None:
    settings = Settings.from_environ({"QAPP_RATE_LIMITS": "login=5/60"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.DEBUG = True  # type: ignore[misc]
    for limits in (settings.RATE_LIMITS, Settings().RATE_LIMITS):
        with pytest.raises(TypeError):
            limits["login"] = (1, 1)  # type: ignore[index]


def test_what_an_earlier_key_signed_still_opens(tmp_path: Path) -> None:
    sessions = SecureCookieSessionInterface()

    def serializer(key: str, *earlier: str) -> URLSafeTimedSerializer:
        app = create_app(
            Settings(SECRET_KEY=key, SECRET_KEY_FALLBACKS=earlier, INSTANCE_PATH=str(tmp_path))
        )
        made = sessions.get_signing_serializer(app)
        assert made is not None
        return made

    old, new = "o" * 32, "n" * 32
    before, after, later = serializer(old), serializer(new, old), serializer(new)
    assert after.loads(before.dumps("a")) == "a"
    assert later.loads(after.dumps("a")) == "a"


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "instance"
    key = kept_secret_key(folder)
    assert len(key) >= 32
    assert kept_secret_key(folder) == key
    assert [path.name for path in folder.iterdir()] == ["secret_key"]
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert kept_secret_key(tmp_path / "another") != key


def test_processes_that_start_together_keep_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEEP, str(tmp_path / "instance")]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(8)]
    keys = {starter.communicate(timeout=PATIENCE_S)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 8
    assert keys == {kept_secret_key(tmp_path / "instance").encode() + b"\n"}


@pytest.mark.parametrize("content", [b"", b"short\n", b" " * 60])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret_key").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^QAPP_SECRET_KEY is not set, and .* holds no key: "):
        kept_secret_key(tmp_path)
    assert (tmp_path / "secret_key").read_bytes() == content


@pytest.mark.parametrize("fault", ["a folder", "bytes", "a link to nothing", "no folder"])
def test_a_key_that_can_not_be_kept_is_one_line(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "secret_key"
    if fault == "a folder":
        path.mkdir()
    elif fault == "bytes":
        path.write_bytes(b"\xff" * 60)
    elif fault == "a link to nothing":
        path.symlink_to(tmp_path / "nothing")
    else:
        path.touch()
    folder = path if fault == "no folder" else tmp_path
    with pytest.raises(ConfigError, match=r"^QAPP_INSTANCE_PATH: the secret key") as refused:
        kept_secret_key(folder)
    assert str(refused.value).isprintable()
    assert not list(tmp_path.glob(".*")), "a key set aside is left"


# Which faults the real programs are shown: of a value, of a name, of two values together, of the
# folder, of the key kept there, of the database.
FAULTS = [
    ({"MAX_FORM_PARTS": "many"}, "QAPP_MAX_FORM_PARTS 'many' is no whole number; allowed: "),
    ({"DATABASE_URL": f"mysql://me:{SECRET}@host/name"}, "QAPP_DATABASE_URL names no database "),
    ({"SECRET_KEY": SECRET}, "QAPP_SECRET_KEY has only 15 characters; allowed: "),
    ({"MAX_FORM_PART": "1"}, "QAPP_MAX_FORM_PART is no setting; did you mean QAPP_MAX_FORM_PARTS"),
    ({"DEBUG": "on", "PREFERRED_URL_SCHEME": "https"}, "QAPP_DEBUG shows the program to visitors"),
    ({"INSTANCE_PATH": "/proc/none"}, "QAPP_INSTANCE_PATH: the secret key can't be kept there"),
    ({"INSTANCE_PATH": "{broken}"}, "QAPP_SECRET_KEY is not set, and "),
]


@pytest.fixture
def faulty(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[dict[str, str], str]:
    """The variables of one fault, and how its line begins."""
    variables, begin = request.param
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "secret_key").touch()
    made = {name: text.format(broken=tmp_path / "broken") for name, text in variables.items()}
    return made, f"qapp: {begin}"


@pytest.mark.parametrize("faulty", FAULTS, indirect=True)
@pytest.mark.parametrize("command", [["routes"], ["run", "--port", "0"], ["user", "list"]])
def test_the_command_says_a_fault_in_one_line(
    tmp_path: Path, faulty: tuple[dict[str, str], str], command: list[str]
) -> None:
    variables, begin = faulty
    done = run_qapp(tmp_path, *command, **variables)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(begin)
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    "faulty",
    [*FAULTS, ({"DATABASE_URL": "sqlite:////proc/none/a.db"}, "the database can't be made: ")],
    indirect=True,
)
def test_a_server_of_two_workers_says_a_fault_in_one_line(
    tmp_path: Path, faulty: tuple[dict[str, str], str]
) -> None:
    variables, begin = faulty
    done = subprocess.run(
        hypercorn("--workers", "2"),
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path, **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stderr.startswith(begin)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert SECRET not in done.stderr
