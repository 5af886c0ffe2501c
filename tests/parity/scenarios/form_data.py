"""Form data: the marks form, and what is wrong with what was typed."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get, page, post

CHAPTER = "form-data"
GOOD = {"name": "Sandeep", "physics": "50", "chemistry": "60", "mathematics": "70"}


def posted(*changes: dict[str, str]) -> tuple[Step, ...]:
    """Open the form and post it once for each change of good values."""
    return (page("/student"), *(post("/result", GOOD | change) for change in changes))


SCENARIOS = (
    Scenario(
        CHAPTER,
        "posts the marks",
        posted({}, {"physics": "0"}, {"mathematics": "100"}, {"chemistry": "007"}),
    ),
    Scenario(
        CHAPTER,
        "refuses what is no mark",
        posted(
            {"physics": ""},
            {"physics": "101"},
            {"physics": "-1"},
            {"physics": "5.5"},
            {"physics": "+5"},
            {"physics": "1_0"},
            {"physics": "1e1"},
            {"physics": "many"},
            {"physics": "٣"},
            {"physics": "²"},
            {"physics": "9" * 2000},
            {"physics": "0" * 2000},
            {"physics": "5\n0"},
            {"physics": "50\0"},
            {"physics": "<script>alert(1)</script>"},
        ),
    ),
    Scenario(
        CHAPTER,
        "says all that is wrong at once, and keeps what was typed",
        posted(
            {"name": "", "physics": "x", "chemistry": "101", "mathematics": " "},
            {"name": "   ", "physics": " 50 "},
            {"name": '"><b>Æ', "mathematics": "-0"},
        ),
        shown=1,
    ),
    Scenario(
        CHAPTER,
        "takes any name that is not too long",
        posted(
            {"name": "Ærøskøbing 日本 😀"},
            {"name": "<script>alert(1)</script>&amp;"},
            {"name": "..%2f..%2f"},
            {"name": "%00"},
            {"name": "a\0b\r\nc: d"},
            {"name": "n" * 100},
            {"name": "n" * 101},
            {"name": "n" * 2000},
            {"name": "\u202eabc"},
        ),
    ),
    Scenario(
        CHAPTER,
        "names the field that is missing",
        (
            page("/student"),
            *(
                post("/result", {name: text for name, text in GOOD.items() if name != missing})
                for missing in GOOD
            ),
            post("/result"),
        ),
    ),
    Scenario(
        CHAPTER,
        "takes fields in any order and number",
        (
            page("/student"),
            Step(
                "POST",
                "/result",
                form=(
                    ("mathematics", "1"),
                    ("mathematics", "x"),
                    ("csrf_token", "{token}"),
                    ("csrf_token", "x"),
                    ("name", "a"),
                    ("name", "b"),
                    ("physics", "2"),
                    ("chemistry", "3"),
                    ("other", "not asked for"),
                ),
            ),
            post("/result", GOOD, files=(("file", "a.txt", b"not asked for"),)),
            post(
                "/result",
                {k: v for k, v in GOOD.items() if k != "name"},
                files=(("name", "a.txt", b"a file, no text"),),
            ),
            post("/result?physics=1", {**GOOD, "physics": "x"}),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses forms that are not its own",
        (
            page("/student"),
            Step("POST", "/result", form=GOOD),
            Step("POST", "/result", form=GOOD | {"csrf_token": "x"}),
            Step("POST", "/result", form=GOOD, headers={"X-CSRFToken": "{token}"}),
            Step("POST", "/result"),
            Step(
                "POST",
                "/result",
                body=b'{"name": "json"}',
                headers={"Content-Type": "application/json", "X-CSRFToken": "{token}"},
            ),
            post("/result", GOOD, jar="tampered"),
            post("/result", GOOD, jar="none"),
            Step("POST", "/student", form=GOOD),
        ),
    ),
    Scenario(
        CHAPTER,
        "answers methods and addresses beside it",
        (
            Step("HEAD", "/student"),
            Step("OPTIONS", "/student"),
            Step("OPTIONS", "/result"),
            Step("PUT", "/student"),
            Step("PUT", "/result"),
            Step("DELETE", "/result"),
            Step("BREW", "/result"),
            Step("BREW", "/student"),
            get("/student/"),
            get("/student?name=a"),
            get("/STUDENT"),
            get("/student%00"),
            Step("POST", "/result/"),
            get("/result/%3Cb%3E"),
            get("/student/..%2f..%2f"),
        ),
    ),
)
