"""Contact: what visitors write to the operator, by mail."""

from __future__ import annotations

from .views import blueprint

__all__ = ["blueprint"]
