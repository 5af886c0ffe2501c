"""Students: a table to add to and to read, with SQL as one writes it."""

from __future__ import annotations

from .views import blueprint

__all__ = ["blueprint"]
