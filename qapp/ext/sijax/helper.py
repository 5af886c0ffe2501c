"""The client's source, and a copy of it for whoever serves static files in another way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from .exception import SijaxError

SCRIPT: Final = "sijax.js"
VERSION: Final = "sijax_version"


def read_script() -> bytes:
    """Return the client, an ES module in UTF-8."""
    return (Path(__file__).parent / SCRIPT).read_bytes()


def init_static_path(path: str | Path) -> None:
    """Put `sijax.js` into a folder, unless this version of it is there already.

    The folder is made if need be. Other files in it are left alone.

    :raises SijaxError: if the folder holds something, but no `sijax_version` of an earlier copy:
        it was hardly meant.
    :raises OSError: if it cannot be written.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    version = folder / VERSION
    script = read_script()
    digest = hashlib.sha256(script).hexdigest()
    if version.exists():
        if version.read_text().strip() == digest and (folder / SCRIPT).exists():
            return
    elif any(folder.iterdir()):
        raise SijaxError(f"{folder} is neither empty nor a folder of Sijax: choose another")
    # The version comes last: after a crash in between, the next start copies again.
    version.write_text("being copied\n")
    (folder / SCRIPT).write_bytes(script)
    version.write_text(f"{digest}\n")
