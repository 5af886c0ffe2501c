"""Forms with validators: every field, every rule, and forms that are not the page's own."""

from __future__ import annotations

from tests.parity.mailing import BLOCKED, FLASK, HERE
from tests.parity.scenario import Scenario, Step, get, page, post
from tests.parity.tokens import session_cookie, token

CHAPTER = "forms"
PATH = "/contact"
FORM = {
    "name": "Asha Rao",
    "gender": "F",
    "address": "14 MG Road\r\nBengaluru",
    "email": "asha@example.org",
    "age": "30",
    "language": "py",
}
BREAK = "Asha\r\nBcc: all@example.org"


def scenario(name: str, *steps: Step, shown: int | None = None) -> Scenario:
    return Scenario(CHAPTER, name, steps, flask=FLASK, here=HERE, shown=shown)


def sends(**fields: str) -> Step:
    """Send the form, whole but for what is given."""
    return post(PATH, FORM | fields)


def sends_each(field: str, *values: str) -> tuple[Step, ...]:
    return (page(PATH), *(sends(**{field: value}) for value in values))


def lacks(*names: str) -> Step:
    return post(PATH, {name: value for name, value in FORM.items() if name not in names})


def twice(*fields: tuple[str, str]) -> Step:
    """Send the form with some fields a second time, behind the first."""
    return Step("POST", PATH, form=(("csrf_token", "{token}"), *FORM.items(), *fields))


def with_token(value: str, cookie: str | None = None, *, in_header: bool = False) -> Step:
    """Send the form with a token, and with a session if one is given."""
    headers = {"X-CSRFToken": value} if in_header else {}
    form = FORM if in_header else FORM | {"csrf_token": value}
    if cookie is not None:
        headers["Cookie"] = cookie
    return Step("POST", PATH, form=form, headers=headers)


SCENARIOS = (
    scenario(
        "is filled in and sent",
        page(PATH),
        sends(),
        sends(gender="M", language="cpp"),
        sends(gender="X", language="js", address=""),
        get(PATH),
    ),
    scenario(
        "says beside each field what is wrong with it",
        page(PATH),
        post(PATH, {"name": "", "address": "", "email": "", "age": "", "language": ""}),
        sends(name="", age="200", language="cobol"),
        sends(email="nobody", age="thirty"),
    ),
    scenario(
        "names a field that was not sent",
        page(PATH),
        *(lacks(name) for name in FORM),
        lacks(*FORM),
        lacks("gender", "age"),
    ),
    scenario(
        "checks the name",
        *sends_each(
            "name",
            "",
            "   ",
            "n" * 100,
            f"  {'n' * 100}  ",
            "n" * 101,
            "n" * 2000,
            "Ærøskøbing 日本 😀",
            "<script>alert(1)</script>&amp;",
            "{{7919*7907}} {% raw %}",
            '"quoted\\" <a@b.c>',
            "a\0b",
            "a\tb",
            "a\x1bb",
            BREAK,
            "Asha\nBcc: all@example.org",
            "Asha\rBcc: all@example.org",
            "Asha\r\n\r\nA body",
            "%0d%0aBcc: all@example.org",
        ),
    ),
    scenario(
        "checks the choices",
        *sends_each("gender", "", "f", "FM", "0", "<b>", "x" * 2000, "F\0", "Ж", BREAK),
        *sends_each("language", "", "PY", "cobol", "<b>", "x" * 2000, "py ", "日本", BREAK),
        twice(("gender", "M")),
        twice(("language", "cobol")),
        twice(("gender", "?")),
    ),
    scenario(
        "checks the address",
        *sends_each(
            "address",
            "",
            "a" * 500,
            "a" * 501,
            "a" * 2000,
            "one\ntwo\r\nthree\rfour\tfive",
            "</textarea><script>alert(1)</script>",
            "Größe 日本 😀",
            "\r\n\r\nName: Somebody else",
            "a\0b",
            "a\x0bb",
            ".",
            ".\r\n.\r\nQUIT",
        ),
    ),
    scenario(
        "checks the email address",
        *sends_each(
            "email",
            "",
            "   ",
            " asha@example.org ",
            "asha",
            "asha@",
            "@example.org",
            "a@b",
            "a@b.c",
            "a b@example.org",
            '"a b"@example.org',
            "a@b.c, d@e.f",
            "a@b.c;d@e.f",
            "a@b.c d@e.f",
            "Asha <asha@example.org>",
            "a@@example.org",
            "a@[127.0.0.1]",
            "a@example..org",
            "a@-.-",
            "ä@example.org",
            "a@Ærøskøbing.example",
            "a@xn--rskbing-l1ac.example",
            "%s%n@example.org",
            "<script>@example.org",
            "o'brien+tag@example.org",
            f"{'a' * 64}@example.org",
            f"{'a' * 65}@example.org",
            "a@" + "b." * 130 + "c",
            "a" * 2000,
            "a@example.org\0",
            "a@example.org\r\nBcc: all@example.org",
            "a@example.org\nBcc: all@example.org",
            "a@example.org\rBcc: all@example.org",
            "a@example.org%0d%0aBcc: all@example.org",
        ),
    ),
    scenario(
        "checks the age",
        *sends_each(
            "age",
            "",
            "   ",
            "1",
            "150",
            "0",
            "151",
            "-1",
            "-0",
            "+7",
            " 30 ",
            "007",
            "1_0",
            "1e9",
            "1000000000",
            "30.0",
            "0x1e",
            "x",
            "٣٠",
            "²",
            "NaN",
            "Infinity",
            "None",
            "<b>30</b>",
            "30\0",
            "30\r\n",
            "9" * 401,
            "9" * 5000,
            str(10**400),
        ),
    ),
    scenario(
        "takes no address of a domain that is blocked",
        page(PATH),
        sends(email=f"asha@{BLOCKED}"),
        sends(email=f"asha@{BLOCKED.upper()}"),
        sends(email=f"asha@not-{BLOCKED}"),
        sends(email=f"asha@mail.{BLOCKED}"),
        sends(email=f"asha@{BLOCKED}", age="x", name=""),
        shown=1,
    ),
    scenario(
        "looks an address up that is none",
        page(PATH),
        sends(email=f"a@b.c, asha@{BLOCKED}"),
        sends(email=f"asha@@{BLOCKED}"),
    ),
    scenario(
        "takes the first of two values",
        page(PATH),
        twice(("name", "Somebody else"), ("email", "all@example.org"), ("age", "x")),
        Step("POST", PATH, form=(("csrf_token", "{token}"), ("csrf_token", "x"), *FORM.items())),
        Step("POST", PATH, form=(("csrf_token", "x"), ("csrf_token", "{token}"), *FORM.items())),
        twice(("is_admin", "1"), ("outbox_id", "7"), ("name[]", "x"), ("", "y")),
    ),
    scenario(
        "reads the form in whatever way it is written",
        page(PATH),
        Step(
            "POST",
            PATH,
            form={"csrf_token": "{token}", **FORM},
            files=(("photo", "../../x.png", b"\x89PNG"),),
        ),
        Step(
            "POST",
            PATH,
            form={"csrf_token": "{token}", **{k: v for k, v in FORM.items() if k != "name"}},
            files=(("name", "name.txt", b"Asha"),),
        ),
        Step(
            "POST",
            PATH,
            form={"csrf_token": "{token}", **FORM},
            files=(("age", "30", b"30"), ("csrf_token", "t", b"x")),
        ),
        Step(
            "POST",
            PATH,
            body=b'{"name": "Asha", "gender": "F", "address": "", "email": "a@b.c",'
            b' "age": "30", "language": "py"}',
            headers={"X-CSRFToken": "{token}", "Content-Type": "application/json"},
        ),
        Step(
            "POST",
            PATH,
            body=b'{"name": "Asha"}',
            headers={"X-CSRFToken": "{token}", "Content-Type": "application/json"},
        ),
        Step("POST", PATH, body=b"name=Asha", headers={"Content-Type": "text/plain"}),
    ),
    scenario(
        "wants a good token in the form",
        page(PATH),
        Step("POST", PATH, form=FORM),
        Step("POST", PATH),
        with_token(""),
        with_token("x"),
        with_token("a.b.c"),
        with_token("é" * 40),
        with_token("\0"),
        with_token("t" * 2000),
        with_token("{token}x"),
        with_token(token(key="another key")),
        with_token(token(is_old=True)),
        with_token(token()),
        post(PATH, FORM, jar="none"),
        post(PATH, FORM, jar="tampered"),
        post(PATH, FORM, jar="other"),
        with_token("{token}"),
    ),
    scenario(
        "wants a good token in the header",
        page(PATH),
        with_token("{token}", in_header=True),
        with_token("x", in_header=True),
        with_token(token(), in_header=True),
        with_token(token(is_old=True), in_header=True),
        Step("POST", PATH, form=FORM, headers={"X-CSRF-Token": "{token}"}),
        Step("POST", PATH, form=FORM, headers={"X-XSRF-Token": "{token}"}),
        Step("POST", PATH, form={"csrf_token": "x", **FORM}, headers={"X-CSRFToken": "{token}"}),
        Step("POST", f"{PATH}?csrf_token={{token}}", form=FORM),
    ),
    scenario(
        "takes a token of the other side, for one hour and one session",
        with_token(token(), session_cookie()),
        with_token(token(is_old=True), session_cookie()),
        with_token(token(is_old=True), session_cookie(), in_header=True),
        with_token(token("another value"), session_cookie()),
        with_token(token(), session_cookie("another value")),
        with_token(token(key="another key, which is long"), session_cookie()),
        with_token(token(), "session=x"),
        with_token(token(), ""),
        with_token(token(), session_cookie()[:-3]),
    ),
    scenario(
        "believes no page of another site",
        page(PATH),
        post(PATH, FORM, headers={"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}),
        post(PATH, FORM, headers={"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.test"}),
        post(PATH, FORM, headers={"Origin": "null"}),
    ),
    scenario(
        "answers methods and addresses beside it",
        *(Step(method, PATH) for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW")),
        Step("PUT", PATH, form=FORM),
        get(f"{PATH}/"),
        Step("POST", f"{PATH}/", form=FORM),
        get("/CONTACT"),
        get("/contac%74"),
        get(f"{PATH}?name=Asha&age=x"),
        get(f"{PATH}/..%2f..%2f"),
        get(f"{PATH}%00"),
        get(f"{PATH}/%3Cb%3E"),
    ),
)
