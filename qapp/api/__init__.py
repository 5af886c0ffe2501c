"""The JSON API: the sections' operations under one roof, and their document."""

from __future__ import annotations

from .views import blueprint

__all__ = ["blueprint"]
