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
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

CONNECTIONS = 64
SCRIPT = """
local headers = {}
%(headers)s
local paths = {%(paths)s}
local at = 0
request = function()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at], headers)
end
done = function(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read
  io.write(string.format('\\n{"requests": %%d, "us": %%d, "bad": %%d, "p50": %%d, "p99": %%d}',
    summary.requests, summary.duration, bad + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


class Drive(NamedTuple):
    """What a run came to: times in milliseconds."""

    a_second: float
    p50_ms: float
    p99_ms: float


def require() -> None:
    """End the benchmark where wrk is missing, and say how to get it."""
    if shutil.which("wrk") is None:
        sys.exit("this needs wrk: apt-get install wrk")


def drive(
    port: int, paths: list[str], *, seconds: float, headers: Mapping[str, str] | None = None
) -> Drive:
    """Ask for paths in turn, over 64 connections, as fast as they are answered.

    :raises RuntimeError: if anything else than a good answer comes.
    """
    lines = [f'headers["{name}"] = "{value}"' for name, value in (headers or {}).items()]
    quoted = ", ".join(f'"{path}"' for path in paths)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "paths.lua"
        script.write_text(SCRIPT % {"headers": "\n".join(lines), "paths": quoted})
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script)]
        said = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
        ).stdout
    found = json.loads(said.rsplit("\n", 1)[-1])
    if found["bad"] or not found["requests"]:
        raise RuntimeError(f"{found['bad']} of {found['requests']} requests failed:\n{said}")
    return Drive(found["requests"] / found["us"] * 1e6, found["p50"] / 1000, found["p99"] / 1000)
