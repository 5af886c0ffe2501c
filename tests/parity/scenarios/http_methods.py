"""HTTP methods: what each of them does to one address."""

from __future__ import annotations

from tests.parity.scenario import TOKEN, Scenario, Step, get, page, post

CHAPTER = "http-methods"
FORM = "application/x-www-form-urlencoded"


def posted(*names: str) -> tuple[Step, ...]:
    return (page("/method"), *(post("/method", {"nm": name}) for name in names))


SCENARIOS = (
    Scenario(
        CHAPTER,
        "leads from a posted name to its welcome",
        (
            page("/method"),
            post("/method", {"nm": "mvl"}),
            post("/method", {"nm": "mvl"}, follow=True),
            post("/method?a=1", {"nm": "mvl"}),
            post("/method", {"nm": "mvl", "more": "x"}),
        ),
        shown=1,
    ),
    Scenario(
        CHAPTER,
        "says which method was used",
        (
            page("/method"),
            Step("HEAD", "/method"),
            Step("OPTIONS", "/method"),
            Step("PUT", "/method", headers={"X-CSRFToken": "{token}"}),
            Step("DELETE", "/method", headers={"X-CSRFToken": "{token}"}),
            Step("PUT", "/method", form={"csrf_token": "{token}", "nm": "mvl"}),
            Step("DELETE", "/method", form={"csrf_token": "{token}"}),
            Step(
                "PUT",
                "/method",
                body=b'{"nm": "mvl"}',
                headers={"X-CSRFToken": "{token}", "Content-Type": "application/json"},
            ),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses the methods that it has not",
        (
            page("/method"),
            Step("PATCH", "/method", headers={"X-CSRFToken": "{token}"}),
            Step("PATCH", "/method"),
            Step("TRACE", "/method"),
            Step("BREW", "/method"),
            Step("post", "/method", headers={"X-CSRFToken": "{token}"}),
            Step("POST", "/success/mvl"),
            Step("PUT", "/success/mvl"),
            Step("DELETE", "/success/mvl", headers={"X-CSRFToken": "{token}"}),
            Step("PATCH", "/success/mvl"),
            Step("BREW", "/success/mvl"),
        ),
    ),
    Scenario(
        CHAPTER,
        "does not take another method's name for its own",
        (
            page("/method"),
            post("/method?_method=DELETE", {"nm": "mvl", "_method": "PUT"}),
            post("/method", {"nm": "mvl"}, headers={"X-HTTP-Method-Override": "DELETE"}),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses names that are empty, too long or no part of an address",
        (
            *posted("", "n" * 100, "n" * 101, "n" * 2000, "<b>" * 700),
            *posted("a/b", "/", "//evil.example", "../admin", ".", "..", "...", "..%2f..%2f"),
        ),
    ),
    Scenario(
        CHAPTER,
        "quotes the name that it leads to",
        posted(
            " ",
            "Ærøskøbing 日本 😀",
            "<script>alert(1)<\\script>",
            "a?b#c&d=e",
            "50%",
            "%2e%2e",
            "%2F",
            "a\r\nSet-Cookie: b=c",
            "a\0b",
            "\\\\evil.example",
            "a;b:c@d+e,f",
        ),
    ),
    Scenario(
        CHAPTER,
        "leads to a welcome whatever the name holds",
        (
            page("/method"),
            *(
                post("/method", {"nm": name}, follow=True)
                for name in ("日本 😀", "a?b#c", "50%", "<b>&amp;", '"', "a\nb", "a\\b", "...")
            ),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses forms that are not its own",
        (
            page("/method"),
            post("/method"),
            post("/method", {"NM": "mvl"}),
            Step("POST", "/method", form=(("csrf_token", "{token}"), ("nm", "a"), ("nm", "b"))),
            Step("POST", "/method", form=(("csrf_token", "{token}"), ("nm", ""), ("nm", "b"))),
            Step("POST", "/method", form={"nm": "mvl"}),
            Step("POST", "/method", form={"nm": "mvl", "csrf_token": "x"}),
            Step("POST", "/method", form={"nm": "mvl"}, headers={"X-CSRFToken": "{token}"}),
            Step("POST", "/method?nm=mvl", headers={"X-CSRFToken": "{token}"}),
            Step("POST", "/method"),
            Step("PUT", "/method"),
            Step("DELETE", "/method"),
            Step("PUT", "/method", headers={"X-CSRFToken": "x"}),
            Step("GET", "/method", jar="tampered", keep={"token": TOKEN}),
            post("/method", {"nm": "mvl"}, jar="tampered"),
        ),
    ),
    Scenario(
        CHAPTER,
        "reads a body only as what it says it is",
        (
            page("/method"),
            Step(
                "POST",
                "/method",
                body=b"nm=mvl",
                headers={"X-CSRFToken": "{token}", "Content-Type": f"{FORM}; charset=latin-1"},
            ),
            Step(
                "POST",
                "/method",
                body=b'{"nm": "mvl"}',
                headers={"X-CSRFToken": "{token}", "Content-Type": "application/json"},
            ),
            Step("POST", "/method", body=b"nm=mvl", headers={"X-CSRFToken": "{token}"}),
            Step(
                "POST",
                "/method",
                form={"csrf_token": "{token}", "nm": "mvl"},
                files=(("file", "a.txt", b"nm=x"),),
            ),
        ),
    ),
    Scenario(
        CHAPTER,
        "welcomes by name, escaped",
        (
            get("/success/mvl"),
            get("/success/日本"),
            get("/success/%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
            get("/success/%3Cb%3E&amp;%22'"),
            get("/success/..%2f..%2f"),
            get("/success/%00"),
            get("/success/%ff"),
            get("/success/a%0Ab"),
            get("/success/a?nm=b"),
            get("/success/" + "n" * 2000),
            get("/success/mvl/"),
            get("/success/a/b"),
            get("/success/"),
            get("/method/"),
            get("/METHOD"),
            Step("HEAD", "/success/mvl"),
            Step("OPTIONS", "/success/mvl"),
        ),
    ),
)
