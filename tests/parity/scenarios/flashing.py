"""Message flashing: shown once, by category, and what is no message."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get, page, post

CHAPTER = "flashing"
PATH = "/flash"


def flashed(message: str, category: str = "info", path: str = PATH) -> Step:
    """Flash a message."""
    return post(path, {"message": message, "category": category})


SCENARIOS = (
    Scenario(
        CHAPTER,
        "shows a message once",
        (
            page(PATH),
            post(PATH, {"message": "Saved.", "category": "success"}, follow=True),
            get(PATH),
        ),
        shown=1,
    ),
    Scenario(
        CHAPTER,
        "shows each category, in the order of flashing",
        (
            page(PATH),
            flashed("one", "info"),
            flashed("two", "success"),
            flashed("three", "warning"),
            flashed("four", "error"),
            flashed("one", "info"),
            get(PATH),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "shows one category, and the others are gone",
        (
            page(PATH),
            flashed("an info", "info"),
            flashed("a warning", "warning"),
            get(f"{PATH}?category=warning"),
            get(PATH),
            flashed("an error", "error"),
            flashed("a warning", "warning"),
            flashed("an info", "info"),
            get(f"{PATH}?category=info&category=error"),
            flashed("an info", "info"),
            get(f"{PATH}?category=warning"),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "goes back to the categories that were shown",
        (
            page(f"{PATH}?category=warning"),
            post(
                f"{PATH}?category=warning", {"message": "hot", "category": "warning"}, follow=True
            ),
            post(f"{PATH}?category=warning", {"message": "gone", "category": "info"}, follow=True),
            flashed("x", path=f"{PATH}?category=error&category=info"),
            flashed("x", path=f"{PATH}?category=no&category=%3Cb%3E"),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "passes over categories that it has not",
        (
            page(PATH),
            flashed("still shown", "warning"),
            get(f"{PATH}?category=%3Cscript%3E"),
            get(f"{PATH}?category="),
            get(f"{PATH}?category=WARNING"),
            get(f"{PATH}?category={'x' * 2000}"),
            get(f"{PATH}?category=%00&category=..%2f..%2f"),
            get(f"{PATH}?category=%ff"),
            get(f"{PATH}?category=message"),
        ),
    ),
    Scenario(
        CHAPTER,
        "shows any text as text",
        (
            page(PATH),
            flashed("<script>alert(1)</script>&amp;\"'"),
            get(PATH),
            flashed("Ærøskøbing 日本 😀"),
            get(PATH),
            flashed("..%2f..%2f %00 \0 a\r\nb"),
            get(PATH),
            flashed("  blanks around  "),
            get(PATH),
            flashed("m" * 200),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses messages that are empty or too long, and other categories",
        (
            page(PATH),
            flashed(""),
            flashed("   "),
            flashed("m" * 201),
            flashed("<b>" * 700),
            flashed("kept", "fatal"),
            flashed("kept", ""),
            flashed("kept", "<b>"),
            flashed("", "fatal"),
            get(PATH),
            flashed("waits", "warning"),
            flashed("", "error"),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses forms that are not its own",
        (
            page(PATH),
            post(PATH),
            post(PATH, {"message": "no category"}),
            post(PATH, {"category": "info"}),
            Step(
                "POST",
                PATH,
                form=(
                    ("csrf_token", "{token}"),
                    ("message", "one"),
                    ("message", "two"),
                    ("category", "info"),
                    ("category", "error"),
                ),
            ),
            get(PATH),
            Step("POST", PATH, form={"message": "x", "category": "info"}),
            Step("POST", PATH, form={"message": "x", "category": "info", "csrf_token": "x"}),
            Step(
                "POST",
                PATH,
                form={"message": "by a header", "category": "info"},
                headers={"X-CSRFToken": "{token}"},
            ),
            get(PATH),
            Step("POST", PATH),
            flashed("trusts no changed cookie"),
            get(PATH, jar="tampered"),
            post(PATH, {"message": "x", "category": "info"}, jar="tampered"),
            post(PATH, {"message": "x", "category": "info"}, jar="none"),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "is read by the other side",
        (
            page(PATH),
            flashed("written by one, read by the other", "success"),
            get(PATH, jar="other"),
            get(PATH),
        ),
    ),
    Scenario(
        CHAPTER,
        "answers methods and addresses beside it",
        (
            page(PATH),
            flashed("taken by a request that shows nothing"),
            Step("HEAD", PATH),
            get(PATH),
            Step("OPTIONS", PATH),
            Step("PUT", PATH),
            Step("DELETE", PATH),
            Step("BREW", PATH),
            get(f"{PATH}/"),
            get("/FLASH"),
            get("/fl%61sh"),
            get(f"{PATH}%00"),
            get(f"{PATH}/..%2f..%2f"),
        ),
    ),
)
