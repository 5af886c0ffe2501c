"""The blog: entries to read, search, write and subscribe to."""

from __future__ import annotations

from .views import blueprint

__all__ = ["blueprint"]
