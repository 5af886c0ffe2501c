"""The site's instances of its extensions; which app they serve, they ask at each call."""

from __future__ import annotations

import os

from .ext.csrf import CSRFProtect
from .ext.database import Database
from .ext.fragments import Fragments
from .ext.live import Live
from .ext.mail import Mail
from .ext.metrics import Metrics
from .ext.orm import ORM
from .ext.pages import Pages
from .ext.sijax import Sijax
from .ext.storage import Storage
from .ext.threads import BoundedPool
from .ext.unread import Unread
from .models import Base

db = Database()
orm = ORM(model_class=Base)
pages = Pages(db, writers=[orm])
fragments = Fragments()
mail = Mail(db=db)
live = Live(db=db)
metrics = Metrics("qapp")
csrf = CSRFProtect()
sijax = Sijax()
unread = Unread()
# A hash takes 19 MiB for 15 ms: as many at a time as there are processors.
hashing = BoundedPool("hashing", threads=os.cpu_count() or 1, most_jobs=200)
# Markdown is pure Python: a second thread would only fight the first for the interpreter.
rendering = BoundedPool("rendering", threads=1, most_jobs=200)
storage = Storage("files")
# A picture takes up to 100 MB to decode: one at a time.
inspection = BoundedPool("inspection", threads=1, most_jobs=200)
# Parts of files that are checked: more threads would only take from the loop.
importing = BoundedPool("importing", threads=1, most_jobs=100)
# Parts of the one file that has the writer: it is not to wait for those that are only checked.
storing = BoundedPool("storing", threads=1, most_jobs=100)
