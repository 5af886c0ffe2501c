"""The site for a server: `hypercorn -c hypercorn.toml qapp.asgi`."""

from __future__ import annotations

import sys

from . import create_app
from .config import ConfigError

try:
    app = create_app()
except ConfigError as error:
    sys.exit(f"qapp: {error}")
