"""The two sides of a comparison, each behind a real server on a free port of loopback."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import re
import socket
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from jinja2.bccache import Bucket, BytecodeCache
from quart import Quart
from werkzeug.serving import WSGIRequestHandler, make_server

from qapp import create_app
from qapp.config import Settings

from .exchange import HOST
from .normal import KEY
from .scenario import SITE

# Where a Flask original answers 500 and its counterpart does not: see the listed differences.
MEANT_TO_FAIL = re.compile(r"/fail|/sijax\b")


class _Compiled(BytecodeCache):
    """The code of templates, for all applications that one factory makes."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (code := self._code.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_compiled: defaultdict[str, _Compiled] = defaultdict(_Compiled)


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def flask_side(factory: str, folder: Path) -> Iterator[int]:
    """Serve a Flask application by Werkzeug; yield its port."""
    app = _made(factory, folder)
    app.jinja_env.bytecode_cache = _compiled[factory]
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="flask side")
    thread.start()
    try:
        with _quiet(app.logger):
            yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def side_here(factory: str, folder: Path) -> AsyncIterator[int]:
    """Serve the site, or another Quart application, by Hypercorn; yield its port."""
    app: Any = site(str(folder)) if factory == SITE else _made(factory, folder)
    app.jinja_env.bytecode_cache = _compiled[factory]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = Config()
        config.bind = [f"fd://{listening.detach()}"]
        config.graceful_timeout = 5
        config.errorlog = None
        port = int(_port_of(config.bind[0]))
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
        try:
            with _quiet(app.logger):
                yield port
        finally:
            stop.set()
            await serving


def site(instance_path: str, **settings: Any) -> Quart:
    """Make the site as it is compared: without rates."""
    return create_app(
        Settings(
            SECRET_KEY=KEY,
            INSTANCE_PATH=instance_path,
            TRUSTED_HOSTS=(HOST,),
            RATE_LIMITS={},
            **settings,
        )
    )


def _port_of(bind: str) -> int:
    duplicate = socket.socket(fileno=socket.dup(int(bind.removeprefix("fd://"))))
    with duplicate:
        port: int = duplicate.getsockname()[1]
        return port


def _made(factory: str, folder: Path) -> Any:
    module, _, name = factory.partition(":")
    make = getattr(importlib.import_module(module), name)
    stores = "instance_path" in inspect.signature(make).parameters
    app = make(instance_path=str(folder)) if stores else make()
    app.secret_key = KEY
    return app


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep errors that are meant out of the output. A logger is the whole process's."""

    def is_news(record: logging.LogRecord) -> bool:
        return not MEANT_TO_FAIL.search(record.getMessage())

    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)
