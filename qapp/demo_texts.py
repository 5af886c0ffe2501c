"""Believable names, titles and little posts for `qapp demo`, as many as are asked for.

The words stand in demo_texts.txt, by subject. Every paragraph is rendered once; an entry only
puts some of them together, so that a million entries cost seconds and no memory.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import islice, permutations
from random import Random
from typing import NamedTuple

from qapp.web.markup import render

_GIVEN = """
ada adele agnes albin alma amina anders anna anton arno astrid aurel bea benno bertil bruno carla
cedric celia clara conrad cora dagmar dario doris edda edgar eila elias elin emil enno erika esther
ewald fabio fanny felix fiona flora franka gerda gino greta gustav hanna harald hedda helge henri
hilda hugo ida ilse imre ines ingrid ivo jakob jana jasper jette joris josef judith kai karla katja
klaus lars lea lena leon levin lia linus lotte louis lucia magda malte mara marek mats maya mila
milo mona moritz nadia nele nico nina noah nora olga oskar otto paula petra philo pia quentin rahel
ravi rosa ruben runa sami selma simon sofia stella sven tabea tamar theo tilda tomas ulla uma
valentin vera viktor wanda yara yusuf zita
"""
_FAMILY = """
abel acker adler albers amsel anker arendt bach bauer becker berg binder birke blum bogen brandt
brook busch carver cooper dahl decker dorn eber eck ehlers engel falk faber fink fischer fleck
forster frey frost garten geiger gerber glas graf grimm hafen hahn hansen harper hasel heide heller
herbst hirsch holm horn huber imhof jansen jung kaiser kamp keller kern kirsch klee koch kraft
krause kruse lang larsen lerch lind linde lorenz ludwig maler marsh mason meer meier miller moor
moser nagel neuhaus nord olsen ost otter paulsen pfeifer pilz quell rabe reed richter ritter rose
roth sander sauer schmied seidel sommer specht stein stern storm sturm tanner thal thorn ulmer
vogel voss wagner wald weber weide wendt west wiese winter wolf zander
"""
_NUMBERS = ("", *(f"{number % 100:02}" for number in range(60, 160)))
# Prime, and so without a common divisor with the number of pairs: the steps meet each pair once.
_STRIDE = 7_919

_TITLES = (
    "Notes on {x}",
    "In praise of {x}",
    "Still thinking about {x}",
    "A small theory of {x}",
    "Thirty years of {x}",
    "{X}, again",
    "{X} and {y}",
    "{X}, {y} and other friends",
    "Less {x}, more {y}",
    "From {x} to {y}",
    "What {x} taught me about {y}",
    "Somewhere between {x} and {y}",
    "A {day} with {x}",
    "{X} in {month}",
    "{month}: {x}, mostly",
)
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_MONTHS = "January February March April May June July August September October November December"


class DemoEntry(NamedTuple):
    """Hold one entry in the shapes in which the blog stores it."""

    title: str
    text: str
    html: str
    plain: str


class _Part(NamedTuple):
    text: str
    html: str
    plain: str


class _Subject(NamedTuple):
    titles: list[str]
    openings: list[_Part]
    endings: list[list[_Part]]  # by their number of paragraphs, 0 to 2


def usernames(count: int) -> Iterator[str]:
    """Return distinct lower-case names of 3 to 32 of the characters ``[a-z0-9_-]``.

    The first 31 000 carry no number.

    :raises ValueError: if there are not that many.
    """
    given, family = _GIVEN.split(), _FAMILY.split()
    pairs = len(given) * len(family)
    if count > pairs * 2 * len(_NUMBERS):
        raise ValueError(f"there are {pairs * 2 * len(_NUMBERS)} usernames and no more")
    names = (
        f"{given[pair % len(given)]}{mark}{family[pair // len(given)]}{number}"
        for number in _NUMBERS
        for mark in "_-"
        for pair in (step * _STRIDE % pairs for step in range(pairs))
    )
    return islice(names, count)


def entries(count: int, *, seed: int = 1) -> Iterator[DemoEntry]:
    """Yield entries of one to three paragraphs on one subject; the same ones for the same seed."""
    subjects = _subjects()
    random = Random(seed).random  # noqa: S311 - nothing here is a secret
    for _ in range(count):
        titles, openings, endings = subjects[int(random() * len(subjects))]
        opening = openings[int(random() * len(openings))]
        some = endings[int(random() * len(endings))]
        ending = some[int(random() * len(some))]
        yield DemoEntry(
            titles[int(random() * len(titles))],
            opening.text + ending.text,
            opening.html + ending.html,
            opening.plain + ending.plain,
        )


@cache
def _subjects() -> list[_Subject]:
    """Read and render the texts once: 330 paragraphs, which is about 100 000 entries' bodies."""
    source = (files("qapp") / "demo_texts.txt").read_text("utf-8")
    return [_subject(part) for part in source.split("%% subject ")[1:]]


def _subject(source: str) -> _Subject:
    """Read one subject: its name, then the parts that `%%` opens.

    Every piece begins and ends with a sentence: two lists in a row would grow together, and the
    parts' HTML would not be the whole's.
    """
    parts = [part.split("\n", 1) for part in source.split("%% ")[1:]]
    lines = {name: body.strip().split("\n") for name, body in parts}
    openings = [f"{opening} {then}" for opening in lines["open"] for then in lines["follow"]]
    pieces = [_part(body.strip()) for name, body in parts if name == "piece"]
    return _Subject(
        titles=_titles(lines["things"][0].split(", ")),
        openings=[_part(text) for text in openings],
        endings=[[_join(some) for some in permutations(pieces, count)] for count in range(3)],
    )


def _part(text: str) -> _Part:
    return _Part(text, *render(text))


def _join(parts: tuple[_Part, ...]) -> _Part:
    return _Part(
        text="".join(f"\n\n{part.text}" for part in parts),
        html="".join(part.html for part in parts),
        plain="".join(f" {part.plain}" for part in parts),
    )


def _titles(things: list[str]) -> list[str]:
    return [
        form.format(x=x, X=x[0].upper() + x[1:], y=y, day=day, month=month)
        for form in _TITLES
        for x in things
        for y in (things if "{y}" in form else [""])
        for day in (_DAYS.split() if "{day}" in form else [""])
        for month in (_MONTHS.split() if "{month}" in form else [""])
        if x != y
    ]
