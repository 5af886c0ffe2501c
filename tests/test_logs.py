"""Log lines: one for each record, whatever a client put into its request."""

from __future__ import annotations

import http.client
import logging
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qapp.logs import ACCESS as ACCESS_LOGGER
from qapp.logs import AccessLog, OneLineFormatter

from .processes import PATIENCE_S, ROOT, environment, wait_for
from .serving import Server

RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[\d+\] [A-Z]+ ")
# Address, request, status, length, duration in seconds.
ACCESS = re.compile(r'127\.0\.0\.1:\d+ "([A-Z]+) (.*) 1\.1" (\d{3}) (\d+|-) (\d+\.\d{6})')


def formatted(message: str, *args: object, form: str = "%(levelname)s %(message)s") -> str:
    record = logging.LogRecord("qapp", logging.INFO, __file__, 1, message, args, None)
    return OneLineFormatter(form).format(record)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/x\nFAKE", r"/x\nFAKE"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x1b[2J\x07\x7f", r"\x1b[2J\x07\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("\udcff", r"\udcff"),
        ("\x00", r"\x00"),
        ("grün €, 茶, 👍 'x' \"y\" \\n", "grün €, 茶, 👍 'x' \"y\" \\n"),
    ],
)
def test_control_characters_are_shown_not_sent(text: str, shown: str) -> None:
    assert formatted("GET %s", text) == f"INFO GET {shown}"
    assert formatted(text) == f"INFO {shown}"


def test_no_control_character_gets_through() -> None:
    every = "".join(map(chr, range(0x3000)))
    line = formatted("%s", every)
    assert len(line.splitlines()) == 1
    assert [c for c in line if not c.isprintable() and c in "\x1b\u202e\n\r"] == []
    assert line.encode()


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 1_800_000_000]), st.integers(0, 999)), min_size=2),
    st.none() | st.just("%H:%M"),
)
def test_a_records_time_is_written_as_logging_does(
    times: list[tuple[int, int]], form: str | None
) -> None:
    ours, logging_own = OneLineFormatter(datefmt=form), logging.Formatter(datefmt=form)
    for second, msecs in times:
        record = logging.makeLogRecord({"created": second + msecs / 1000, "msecs": float(msecs)})
        assert ours.formatTime(record, form) == logging_own.formatTime(record, form)


def failure(message: str) -> logging.LogRecord:
    try:
        raise ValueError(message)
    except ValueError:
        return logging.LogRecord("qapp", 40, __file__, 1, "Failed", (), sys.exc_info())


def test_a_traceback_keeps_its_lines() -> None:
    first, *lines = OneLineFormatter("%(message)s").format(failure("why")).split("\n")
    assert first == "Failed"
    assert lines[0] == "    Traceback (most recent call last):"
    assert lines[-1] == "    ValueError: why"
    assert "        raise ValueError(message)" in lines


def test_a_traceback_forges_no_record_and_drives_no_terminal() -> None:
    text = OneLineFormatter("%(message)s").format(failure("a\n2030-01-01 INFO\r\x1b[2J\u2028b"))
    assert r"    2030-01-01 INFO\r\x1b[2J\u2028b" in text.split("\n")
    assert [line for line in text.split("\n")[1:] if not line.startswith("    ")] == []
    assert "\x1b" not in text


def test_a_stack_is_treated_as_a_traceback_is() -> None:
    record = logging.LogRecord("qapp", 40, __file__, 1, "Here", (), None, sinfo="Stack\nx\x1b")
    assert OneLineFormatter("%(message)s").format(record) == "Here\n    Stack\n    x\\x1b"


def test_every_handler_of_the_server_formats_so() -> None:
    config = tomllib.loads((ROOT / "hypercorn.toml").read_text())["logconfig_dict"]
    assert config["formatters"] == {
        "one_line": {
            "()": "qapp.logs.OneLineFormatter",
            "format": "%(asctime)s [%(process)d] %(levelname)s %(message)s",
        }
    }
    assert {handler["formatter"] for handler in config["handlers"].values()} == {"one_line"}
    # What other libraries log goes to the root.
    assert config["root"]["handlers"]


class Lines(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The access log."""
    handler, level = Lines(), ACCESS_LOGGER.level
    ACCESS_LOGGER.addHandler(handler)
    ACCESS_LOGGER.setLevel(logging.INFO)
    yield handler.lines
    ACCESS_LOGGER.removeHandler(handler)
    ACCESS_LOGGER.setLevel(level)


async def call(app: Any) -> None:
    async def send(message: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/tea", "http_version": "1.1"}
    await AccessLog(app)(scope, None, send)  # type: ignore[arg-type]


async def answers(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"3")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def fails(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError


async def test_what_has_no_answer_has_a_line_too(lines: list[str]) -> None:
    await call(answers)
    with pytest.raises(ValueError):  # noqa: PT011
        await call(fails)
    assert [line.rpartition(" ")[0] for line in lines] == [
        '- "GET /tea 1.1" 200 3',
        '- "GET /tea 1.1" - -',
    ]


async def test_without_a_handler_nothing_is_written(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written anyway goes to the handlers of `qapp`, a second time where a server logs."""
    monkeypatch.setattr(ACCESS_LOGGER, "handlers", [])  # pytest gives it some
    with caplog.at_level(logging.DEBUG, "qapp"), caplog.at_level(logging.DEBUG):
        await call(answers)
    assert caplog.records == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("logs")
    with Server(folder, workers=1, DATABASE_URL=f"sqlite:///{folder}/logs.db") as server:
        yield server


def ask(server: Server, target: str, **headers: str) -> http.client.HTTPResponse:
    """Send a request with a target as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.putrequest("GET", target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def access(server: Server, path: str) -> re.Match[str]:
    """Return the line of the access log about a path, as soon as it is there."""

    def found() -> re.Match[str] | None:
        matches = [m for m in ACCESS.finditer(server.log) if m[2] == path]
        return matches[-1] if matches else None

    return wait_for(found, f"the access log's line about {path}")


def test_a_request_is_one_line_with_its_duration(server: Server) -> None:
    response = ask(server, "/healthz")
    line = access(server, "/healthz")
    assert (line[1], line[3], line[4]) == ("GET", "200", response.headers["Content-Length"])
    assert float(line[5]) < 3600


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/x%0aFAKE%20127.0.0.1", r"/x\nFAKE 127.0.0.1"),
        ("/x%0d%0aFAKE", r"/x\r\nFAKE"),
        ("/%1b%5b2Jx", r"/\x1b[2Jx"),
        ("/%c2%9bx", r"/\x9bx"),
        ("/%e2%80%a8FAKE", r"/\u2028FAKE"),
        ("/gr%c3%bcn", "/grün"),
    ],
)
def test_a_path_forges_no_line(server: Server, target: str, shown: str) -> None:
    ask(server, target)
    assert access(server, shown)[3] == "404"
    assert [line for line in server.log.splitlines() if line.startswith("FAKE")] == []
    assert "\x1b" not in server.log


def test_queries_and_headers_are_not_logged(server: Server) -> None:
    headers = {"Cookie": "session=SECRET", "Referer": "http://x/?SECRET", "User_Agent": "SECRET"}
    ask(server, "/search?q=SECRET", **headers)
    ask(server, "/nothing?q=SECRET", **headers)
    access(server, "/search")
    access(server, "/nothing")
    assert "SECRET" not in server.log


def test_every_line_is_a_record_or_belongs_to_one(server: Server) -> None:
    ask(server, "/x%0aFAKE")
    access(server, r"/x\nFAKE")
    lines = server.log.splitlines()
    assert [line for line in lines if not RECORD.match(line) and not line.startswith("    ")] == []


def test_what_the_app_and_other_libraries_log_is_one_line_too(tmp_path: Path) -> None:
    server = Server(tmp_path, workers=1)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NOISY)
    server._environ["PYTHONPATH"] = str(tmp_path / "site")
    with server:
        wait_for(lambda: "library" in server.log, "the library's record")
    lines = server.log.splitlines()
    assert [line for line in lines if not RECORD.match(line) and not line.startswith("    ")] == []
    assert [line for line in lines if line.endswith(r"WARNING of a library\nFAKE")]


# Something in the server's process that logs, once it serves.
NOISY = """
import asyncio, logging
from hypercorn.logging import Logger
info = Logger.info
async def noisy(self, message, *args):
    await info(self, message, *args)
    logging.getLogger("a.library").warning("of a %s", "library\\nFAKE")
Logger.info = noisy
"""


@pytest.mark.parametrize("target", ["/healthz", "/", "/nothing", "/static/site.css"])
def test_nothing_says_which_server_it_is(server: Server, target: str) -> None:
    assert ask(server, target).headers["Server"] is None


def test_what_comes_before_the_logging_is_set_up_looks_like_the_rest(tmp_path: Path) -> None:
    program = "import logging, qapp.asgi; logging.getLogger('qapp.early').warning('one\\ntwo')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    (line,) = done.stderr.splitlines()
    assert RECORD.match(line)
    assert line.endswith(r" WARNING one\ntwo")
