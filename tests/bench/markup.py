"""Render the dearest texts of 100 000 characters that are known.

python -m tests.bench.markup
"""

from __future__ import annotations

import sys
import time

from qapp.web.markup import render
from tests.bench.table import Line, show
from tests.web.test_markup import RENDERED, SHOWN_AS_TYPED

MOST_S = 2.0


def cost_s(text: str) -> float:
    """Return the processor time of rendering a text."""
    begun = time.process_time()
    render(text)
    return time.process_time() - begun


def main() -> int:
    """Print what each costs, the dearest first."""
    costs = {name: cost_s(text) for name, text in {**RENDERED, **SHOWN_AS_TYPED}.items()}
    lines = [
        Line(name, f"{cost:.3f} s", f"< {MOST_S:g} s", cost < MOST_S)
        for name, cost in sorted(costs.items(), key=lambda item: -item[1])
    ]
    return show("Texts of 100,000 characters", lines)


if __name__ == "__main__":
    sys.exit(main())
