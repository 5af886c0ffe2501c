"""Serve the static files from memory, under addresses that change with their content.

`url_for("static", filename=…)` adds the content's hash, and an answer to such an address is kept by
browsers for good. The files are read and compressed once, when the app starts.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, NamedTuple

from quart import Quart, Response, request
from werkzeug.exceptions import NotFound

FOREVER = "public, max-age=31536000, immutable"
COMPRESSED = ("text/", "image/svg+xml", "application/json")
HASH_LENGTH = 12


class Asset(NamedTuple):
    """A file as it is sent; `gzipped` is None where that would save nothing."""

    content: bytes
    gzipped: bytes | None
    mimetype: str
    digest: str


class StaticFiles:
    """The files below a folder, by their path in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._assets: dict[str, Asset] = {}

    def init_app(self, app: Quart) -> None:
        """Read the files at the start (in debug mode before each request, so edits show)."""
        app.add_url_rule("/static/<path:filename>", "static", self.serve)
        app.url_defaults(self.add_hash)

        @app.while_serving
        async def loaded() -> AsyncGenerator[None, None]:
            self._assets = await asyncio.to_thread(read, self._folder)
            yield

        if app.debug:

            @app.before_request
            async def reload() -> None:
                self._assets = await asyncio.to_thread(read, self._folder)

    def add_hash(self, endpoint: str, values: dict[str, Any]) -> None:
        """Add `v`, the content's hash, to the address of a file that exists."""
        if endpoint == "static" and (asset := self._assets.get(values.get("filename", ""))):
            values.setdefault("v", asset.digest)

    async def serve(self, filename: str) -> Response:
        """Answer with a file.

        :raises NotFound: if there is none of the name.
        """
        asset = self._assets.get(filename)
        if asset is None:
            raise NotFound
        if asset.gzipped is not None and request.accept_encodings.quality("gzip") > 0:
            response = Response(asset.gzipped, mimetype=asset.mimetype)
            response.content_encoding = "gzip"
            response.set_etag(f"{asset.digest}-gzip")
        else:
            response = Response(asset.content, mimetype=asset.mimetype)
            response.set_etag(asset.digest)
        if asset.gzipped is not None:
            response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = (
            FOREVER if request.args.get("v") == asset.digest else "no-cache"
        )
        return await response.make_conditional(request)


def read(folder: Path) -> dict[str, Asset]:
    """Read every file below a folder; the keys are paths with slashes."""
    return {
        path.relative_to(folder).as_posix(): asset_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def asset_of(path: Path) -> Asset:
    """Read one file, and compress it where that pays."""
    content = path.read_bytes()
    mimetype = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    gzipped = None
    if mimetype.startswith(COMPRESSED) or mimetype.endswith("javascript"):
        smaller = gzip.compress(content, 9, mtime=0)
        gzipped = smaller if len(smaller) < len(content) else None
    return Asset(content, gzipped, mimetype, hashlib.sha256(content).hexdigest()[:HASH_LENGTH])
