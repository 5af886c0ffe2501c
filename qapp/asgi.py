"""The site for a server: `hypercorn -c hypercorn.toml qapp.asgi`."""

from __future__ import annotations

import logging
import multiprocessing
import sys

from . import create_app, migrations, prepare_database
from .config import ConfigError
from .logs import OneLineFormatter

LONGEST_SILENCE_S = 10

# Hypercorn sets the logging up with the first line of its own: what comes before that, as slow SQL
# of the start, is to look like the rest.
if logging.lastResort is not None:
    line = "%(asctime)s [%(process)d] %(levelname)s %(message)s"
    logging.lastResort.setFormatter(OneLineFormatter(line))


def one_speaks_for_all() -> None:
    """Let the first of a server's workers say what all of them found.

    Its end makes Hypercorn end the others, which wait for that here. One that is still there after
    a while was not meant: what is wrong is its own, and it speaks too.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and not multiprocessing.current_process().name.endswith("-1"):
        parent.join(LONGEST_SILENCE_S)


try:
    app = create_app()
    # The app does this itself, but then Hypercorn shows what fails as a traceback a worker.
    prepare_database(app)
except (ConfigError, migrations.SchemaError) as error:
    one_speaks_for_all()
    sys.exit(f"qapp: {error}")
