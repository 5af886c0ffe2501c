"""The tour: the chapters of the Flask tutorials, live, each beside the Flask code of the same."""

from __future__ import annotations

from .views import blueprint

__all__ = ["blueprint"]
