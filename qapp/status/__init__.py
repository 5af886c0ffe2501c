"""How the site is: its health, its figures, its parts."""

from __future__ import annotations

from .figures import FIGURES
from .views import blueprint

__all__ = ["FIGURES", "blueprint"]
