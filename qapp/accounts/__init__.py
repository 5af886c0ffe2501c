"""Users and their logins: the one section that the others may import."""

from __future__ import annotations

from . import shortcut
from .callers import Caller, reader, writer
from .queries import Author, User, find_author
from .session import current_user, data_version, login_first, login_required, operator_first
from .shared import shared_page
from .views import blueprint

__all__ = [
    "Author",
    "Caller",
    "User",
    "blueprint",
    "current_user",
    "data_version",
    "find_author",
    "login_first",
    "login_required",
    "operator_first",
    "reader",
    "shared_page",
    "shortcut",
    "writer",
]
