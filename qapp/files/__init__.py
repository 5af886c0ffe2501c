"""Files: uploaded, listed, sent back whole or in part, deleted."""

from __future__ import annotations

from .views import blueprint

__all__ = ["blueprint"]
