"""Sessions: written, read by the other side, and cookies that are no session."""

from __future__ import annotations

from tests.parity.scenario import TOKEN, Scenario, Step, get, page, post

CHAPTER = "sessions"
PATH = "/session"


def note(text: str) -> Step:
    """Set the note."""
    return post(PATH, {"action": "set", "note": text})


POP = post(PATH, {"action": "pop"})

SCENARIOS = (
    Scenario(
        CHAPTER,
        "counts visits, sets a note and pops it",
        (
            page(PATH),
            get(PATH),
            post(PATH, {"action": "set", "note": "buy milk"}, follow=True),
            get(PATH),
            post(PATH, {"action": "pop"}, follow=True),
            POP,
            get(PATH),
        ),
        shown=2,
    ),
    Scenario(
        CHAPTER,
        "reads what the other side wrote",
        (
            page(PATH),
            note("written by one, read by the other"),
            get(PATH, jar="other"),
            get(PATH),
            page(PATH, jar="other"),
            post(PATH, {"action": "set", "note": "changed by the other"}, jar="other"),
            get(PATH),
            get(PATH, jar="other"),
            page(PATH),
            post(PATH, {"action": "pop"}),
            get(PATH, jar="other"),
        ),
    ),
    Scenario(
        CHAPTER,
        "trusts no cookie that was changed",
        (
            page(PATH),
            note("mine"),
            get(PATH, jar="tampered"),
            post(PATH, {"action": "pop"}, jar="tampered"),
            get(PATH, jar="none"),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "starts anew where the cookie is garbage",
        tuple(
            get(PATH, headers={"Cookie": f"session={value}"})
            for value in (
                "",
                "garbage",
                "a.b.c",
                "...",
                ".eJwAAA.aaaa.bbbb",
                "eyJ2aXNpdHMiOjk5fQ.Zx0000.AAAAAAAAAAAAAAAAAAAAAAAAAAA",
                '"quoted"',
                "%00",
                "<script>",
                "caf\u00e9",
                "x" * 2000,
                "one; session=two",
            )
        ),
    ),
    Scenario(
        CHAPTER,
        "keeps notes of any kind",
        (
            page(PATH),
            note("Ærøskøbing 日本 😀"),
            get(PATH),
            note("<script>alert(1)</script>&amp;\"'"),
            get(PATH),
            note("..%2f..%2f %00 \0 a\r\nb"),
            get(PATH),
            note(" "),
            get(PATH),
            note("n" * 200),
            get(PATH),
            note("😀" * 200),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses notes that are empty or too long",
        (
            page(PATH),
            note("first"),
            note(""),
            note("n" * 201),
            note("<b>" * 700),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses forms that are not its own",
        (
            page(PATH),
            post(PATH),
            post(PATH, {"note": "no action"}),
            post(PATH, {"action": "set"}),
            post(PATH, {"action": "burn"}),
            post(PATH, {"action": ""}),
            post(PATH, {"action": "<b>", "note": "x"}),
            Step(
                "POST",
                PATH,
                form=(
                    ("csrf_token", "{token}"),
                    ("action", "set"),
                    ("action", "pop"),
                    ("note", "one"),
                    ("note", "two"),
                ),
            ),
            get(PATH),
            Step("POST", PATH, form={"action": "set", "note": "x"}),
            Step("POST", PATH, form={"action": "set", "note": "x", "csrf_token": "x"}),
            Step(
                "POST",
                PATH,
                form={"action": "set", "note": "by a header"},
                headers={"X-CSRFToken": "{token}"},
            ),
            Step("POST", PATH),
            post(PATH, {"action": "set", "note": "x"}, jar="none"),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "answers methods and addresses beside it",
        (
            Step("HEAD", PATH),
            Step("OPTIONS", PATH),
            Step("PUT", PATH),
            Step("DELETE", PATH),
            Step("BREW", PATH),
            get(f"{PATH}/"),
            get("/sessio%6E", keep={"token": TOKEN}),
            get("/SESSION"),
            get(f"{PATH}%00"),
            get(f"{PATH}/..%2f..%2f"),
            get(f"{PATH}?note=from+the+address&visits=99"),
            get(PATH),
        ),
    ),
)
