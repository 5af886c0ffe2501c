"""What the blog's pages and its API have in common."""

from __future__ import annotations

import re

from qapp.extensions import rendering
from qapp.web.markup import Rendered, render

# A line that begins with a letter is no list, table or heading, and without marks nothing nests.
SIMPLE = re.compile(r"""[^\W\d_](?:[^\W_]|[ .,;:!?'"()°%*-]){0,199}""")
SIMPLE_STARS = 8


async def rendered_of(text: str) -> Rendered:
    """Return a text as HTML and as words; what may take its time is made in a thread.

    :raises PoolBusy: if too many texts wait there.
    """
    return render(text) if is_simple(text) else await rendering.run(render, text)


def is_simple(text: str) -> bool:
    """Tell whether a text is a line of words in which little is emphasised.

    To render one takes less than to send it to a thread and back.
    """
    return SIMPLE.fullmatch(text) is not None and text.count("*") <= SIMPLE_STARS
