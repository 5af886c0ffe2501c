"""Drive a server with wrk, and read what it says.

wrk is Debian's package of that name. It is one program on one thread here, which costs little
beside the server, and it keeps its connections.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

CONNECTIONS = 64
TIMEOUT_S = 2.0
# The requests are made once: written anew each time, they would cost wrk a good part of its time.
SCRIPT = """
local requests = {}
init = function()
%(requests)s
end
local at = 0
request = function()
  at = at %% #requests + 1
  return requests[at]
end
done = function(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write
  io.write(string.format('\\n{"requests": %%d, "us": %%d, "p50": %%d, "p99": %%d, ',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99)))
  io.write(string.format('"refused": %%d, "broken": %%d, "late": %%d}',
    errors.status, broken, errors.timeout))
end
"""


class Request(NamedTuple):
    """What is asked for; with a body it is sent as a form."""

    path: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: str = ""


class Drive(NamedTuple):
    """What a run came to: good answers a second, times in milliseconds, and what was not good."""

    a_second: float
    p50_ms: float
    p99_ms: float
    bad: int = 0


def require() -> None:
    """End the benchmark where wrk is missing, and say how to get it."""
    if shutil.which("wrk") is None:
        sys.exit("this needs wrk: apt-get install wrk")


def drive(
    port: int,
    asked: Sequence[str | Request],
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    connections: int = CONNECTIONS,
    timeout_s: float = TIMEOUT_S,
    may_fail: bool = False,
) -> Drive:
    """Ask in turn, over so many connections, as fast as it is answered.

    :param asked: paths, or requests, which have headers of their own.
    :param headers: for the paths.
    :param timeout_s: an answer that takes longer counts as a bad one, though it is waited for.
    :param may_fail: count bad answers, of which the speed has none, instead of raising.
    :raises RuntimeError: if there is no good answer, or a bad one.
    """
    requests = [
        each if isinstance(each, Request) else Request(each, headers or {}) for each in asked
    ]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "requests.lua"
        script.write_text(SCRIPT % {"requests": "\n".join(map(_in_lua, requests))})
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script)]
        command += ["--timeout", f"{timeout_s:g}s", f"http://127.0.0.1:{port}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(said.rsplit("\n", 1)[-1])
    good = found["requests"] - found["refused"]
    bad = found["refused"] + found["broken"] + found["late"]
    if good <= 0 or (bad and not may_fail):
        raise RuntimeError(f"{bad} of {found['requests']} requests failed:\n{said}")
    return Drive(good / found["us"] * 1e6, found["p50"] / 1000, found["p99"] / 1000, bad)


def _in_lua(request: Request) -> str:
    """Write the statement that makes a request; JSON's strings are Lua's where all is ASCII."""
    headers = dict(request.headers)
    if request.body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    table = ", ".join(f"[{json.dumps(name)}] = {json.dumps(headers[name])}" for name in headers)
    method = "POST" if request.body else "GET"
    body = json.dumps(request.body) if request.body else "nil"
    made = f'wrk.format("{method}", {json.dumps(request.path)}, {{{table}}}, {body})'
    return f"requests[#requests + 1] = {made}"
