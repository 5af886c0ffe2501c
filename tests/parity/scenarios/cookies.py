"""Cookies: set, read, and those that are refused."""

from __future__ import annotations

from tests.parity.scenario import TOKEN, Scenario, Step, get, page, post

CHAPTER = "cookies"


def set_and_read(value: str) -> tuple[Step, ...]:
    return (page("/cookies"), post("/setcookie", {"nm": value}), get("/getcookie"))


SCENARIOS = (
    Scenario(CHAPTER, "sets and reads one", set_and_read("mvl"), shown=1),
    Scenario(CHAPTER, "has none at first", (get("/getcookie"), get("/cookies"))),
    Scenario(CHAPTER, "keeps other alphabets", set_and_read("Ærøskøbing 日本 😀")),
    Scenario(CHAPTER, "keeps quotes and separators", set_and_read('a"b\\c;d,e=f g')),
    Scenario(CHAPTER, "escapes HTML", set_and_read("<script>alert(1)</script>&amp;")),
    Scenario(CHAPTER, "keeps control characters out of the header", set_and_read("a\r\nb: c\0d")),
    Scenario(
        CHAPTER,
        "refuses names that are empty or too long",
        (
            page("/cookies"),
            post("/setcookie", {"nm": ""}),
            post("/setcookie", {"nm": "n" * 100}),
            post("/setcookie", {"nm": "n" * 101}),
            post("/setcookie", {"nm": "<b>" * 1000}),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses forms that are not its own",
        (
            page("/cookies"),
            post("/setcookie"),
            Step("POST", "/setcookie", form=(("csrf_token", "{token}"), ("nm", "a"), ("nm", "b"))),
            Step("POST", "/setcookie", form={"nm": "mvl"}),
            Step("POST", "/setcookie", form={"nm": "mvl", "csrf_token": "x"}),
            Step("POST", "/setcookie", form={"nm": "mvl"}, headers={"X-CSRFToken": "{token}"}),
            Step("POST", "/setcookie"),
            get("/setcookie"),
            Step("PUT", "/getcookie"),
            Step("GET", "/cookies", jar="tampered", keep={"token": TOKEN}),
            post("/setcookie", {"nm": "mvl"}, jar="tampered"),
        ),
    ),
    Scenario(
        CHAPTER,
        "reads what a browser says, whatever that is",
        (
            get("/getcookie", headers={"Cookie": "userID=plain"}),
            get("/getcookie", headers={"Cookie": 'userID="a\\"b"'}),
            get("/getcookie", headers={"Cookie": "userID=one; userID=two"}),
            get("/getcookie", headers={"Cookie": "userID="}),
            get("/getcookie", headers={"Cookie": "userID"}),
            get("/getcookie", headers={"Cookie": "=userID; ;;"}),
            get("/getcookie", headers={"Cookie": "userID=" + "x" * 2000}),
            get("/getcookie", headers={"Cookie": "userID=caf\u00e9"}),
        ),
    ),
    Scenario(
        CHAPTER,
        "answers methods and addresses beside it",
        (
            *(
                Step(method, path)
                for path in ("/cookies", "/setcookie", "/getcookie")
                for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "BREW")
            ),
            Step("POST", "/cookies"),
            Step("POST", "/getcookie"),
            get("/cookies/"),
            Step("POST", "/setcookie/"),
            get("/getcookie/"),
            get("/getcookie?userID=x"),
            get("/GETCOOKIE"),
            get("/getcooki%65"),
            get("/getcookie%00"),
            get("/getcookie/..%2f..%2f"),
            get("/getcookie/%3Cb%3E"),
        ),
    ),
    Scenario(
        CHAPTER,
        "keeps what looks encoded as it was typed",
        (*set_and_read("..%2f..%2f"), *set_and_read("%3Cb%3E%00"), *set_and_read("a+b%20c")),
    ),
)
