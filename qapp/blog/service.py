"""What the blog's pages and its API have in common."""

from __future__ import annotations

from qapp.extensions import rendering
from qapp.web.line import render_line
from qapp.web.markup import Rendered, render


async def rendered_of(text: str) -> Rendered:
    """Return a text as HTML and as words; but for a line of words it is made in a thread.

    :raises PoolBusy: if too many texts wait there.
    """
    line = render_line(text)
    return line if line is not None else await rendering.run(render, text)
