"""The request: what a page says of the request that asked for it."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get, page, post

CHAPTER = "request-object"
PATH = "/request"
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=b", "X-CSRFToken": "{token}"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": "{token}"}


def part(head: bytes, content: bytes) -> bytes:
    """Return a multipart body of one part, with the boundary `b`."""
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n--b--\r\n"


SCENARIOS = (
    Scenario(
        CHAPTER,
        "sends a field and a file",
        (
            page(PATH),
            post(PATH, {"note": "hello"}),
            post(PATH, {"note": "hello"}, files=(("file", "a.txt", b"twelve bytes"),)),
            post(PATH, files=(("file", "", b""),)),
            post(PATH, files=(("file", "a", b"1"), ("file", "b", b"22"), ("other", "c", b""))),
            post(PATH, files=(("file", "large.bin", b"x" * 600_000),)),
        ),
    ),
    Scenario(
        CHAPTER,
        "says what the address holds",
        (
            get(f"{PATH}?city=Odense&city=Aarhus"),
            get(f"{PATH}?empty=&=nameless&alone&&"),
            get(f"{PATH}?a=1+2%203&b=%26%3D%3F&%C3%A6=%F0%9F%98%80"),
            get(f"{PATH}?q=Ærøskøbing 日本"),
            get(f"{PATH}?%3Cb%3E=%3Cscript%3Ealert(1)%3C/script%3E"),
            get(f"{PATH}?bad=%ff%fe&nul=%00&line=%0d%0aX:%20y"),
            get(f"{PATH}?long={'x' * 2000}"),
            get(f"{PATH}?{'n' * 2000}=x"),
            get(f"{PATH}?"),
            get(f"{PATH}?a=1;b=2"),
            get(f"{PATH}?percent=%&half=%4&none=%zz"),
            get(f"{PATH}?up=..%2f..%2fetc"),
        ),
        shown=0,
    ),
    Scenario(
        CHAPTER,
        "keeps secrets to itself",
        (
            page(PATH),
            get(PATH),
            get(PATH, headers={"Cookie": "session=secret; SESSION=secret; theme=dark"}),
            get(PATH, headers={"Authorization": "Basic c2VjcmV0OnNlY3JldA=="}),
            get(f"{PATH}?csrf_token=secret&other=shown"),
            get(f"{PATH}?csrf%5Ftoken=secret"),
            get(f"{PATH}?login-csrf_token=secret&CSRF_TOKEN=secret"),
            get(PATH, headers={"Referer": "http://localhost/request?csrf_token=secret"}),
            Step("POST", PATH, form={"note": "a"}, headers={"X-CSRFToken": "{token}"}),
            Step("POST", PATH, form={"note": "a"}, headers={"x-csrf-token": "{token}"}),
        ),
    ),
    Scenario(
        CHAPTER,
        "shows cookies and headers as they came",
        (
            get(PATH, headers={"Cookie": "a=1; b=<b>; a=2; c; =d"}),
            get(PATH, headers={"Cookie": 'quoted="a b"; long=' + "x" * 2000}),
            get(PATH, headers={"X-Html": "<script>alert(1)</script>", "accept": "text/html"}),
            get(PATH, headers={"X-Long": "x" * 2000, "X-Empty": ""}),
            get(PATH, headers={"User-Agent": "Flask/1 (Æ)"}),
            get(PATH, headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}),
            get(PATH, headers={"Script-Name": "/below", "X-Script-Name": "/below"}),
        ),
    ),
    Scenario(
        CHAPTER,
        "reads bodies of every kind",
        (
            page(PATH),
            post(PATH, {"note": "<b>Ærø 日本 😀</b>\r\n\0"}),
            post(PATH, {"note": "n" * 2000}),
            Step(
                "POST",
                PATH,
                form=(("csrf_token", "{token}"), ("note", "a"), ("note", "b"), ("", "c")),
            ),
            Step(
                "POST",
                PATH,
                body=b'{"note": "json"}',
                headers={"Content-Type": "application/json", "X-CSRFToken": "{token}"},
            ),
            Step("POST", PATH, body=b"plain", headers={"X-CSRFToken": "{token}"}),
            Step("POST", PATH, body=b"note=a&note=b&empty=&&=x", headers=URLENCODED),
            post(PATH, files=(("file", "<b>Ærø</b>.txt", b"x"),)),
            post(PATH, files=(("file", "../../etc/passwd", b"x"), ("f" * 300, "n" * 300, b""))),
            Step(
                "POST",
                PATH,
                body=part(b'Content-Disposition: form-data; name="a"; filename="b"', b"no type"),
                headers=BOUNDARY,
            ),
        ),
    ),
    Scenario(
        CHAPTER,
        "refuses what it can't read or did not ask for",
        (
            page(PATH),
            Step("POST", PATH),
            Step("POST", PATH, form={"note": "a", "csrf_token": "x"}),
            Step("POST", PATH, form={"note": "a"}),
            post(PATH, {"note": "a"}, jar="tampered"),
            post(PATH, {"note": "a"}, jar="none"),
            Step("POST", PATH, body=b"note=%ff", headers=URLENCODED),
            Step("POST", PATH, body=b"note=\xff", headers=URLENCODED),
            Step("POST", PATH, body=b"--c\r\nnot a part", headers=BOUNDARY),
            Step("POST", PATH, body=part(b"X: y", b"nameless"), headers=BOUNDARY),
        ),
    ),
    Scenario(
        CHAPTER,
        "answers methods and addresses beside it",
        (
            Step("HEAD", PATH),
            Step("HEAD", f"{PATH}?a=1"),
            Step("OPTIONS", PATH),
            Step("PUT", PATH),
            Step("DELETE", PATH),
            Step("PATCH", PATH),
            Step("BREW", PATH),
            get(f"{PATH}/"),
            get("/REQUEST"),
            get("//request"),
            get("/reques%74"),
            get(f"{PATH}%00"),
            get(f"{PATH}/..%2f..%2f"),
            get(f"{PATH}/%3Cb%3E"),
        ),
    ),
)
