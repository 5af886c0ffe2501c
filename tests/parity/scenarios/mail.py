"""Mail from a form: what is sent, what is refused, and what nobody may add to a message's head."""

from __future__ import annotations

from tests.parity.mailing import FLASK, HERE
from tests.parity.scenario import Scenario, Step, get, page, post

from .forms import FORM as CONTACT

CHAPTER = "mail"
PATH = "/mail"
FORM = {"subject": "Tea", "body": "Is it ready?\r\n.\r\nAsha"}
# What would begin a header, or end the head, where a line end gets through.
INJECTIONS = (
    "Tea\r\nBcc: all@example.org",
    "Tea\nBcc: all@example.org",
    "Tea\rBcc: all@example.org",
    "Tea\r\n Bcc: all@example.org",
    "Tea\r\n\r\nAnother body",
    "Tea\n\nAnother body",
    "\r\nTea",
    "Tea\r\n",
    "Tea\x0bBcc: all@example.org",
    "Tea\x0cBcc: all@example.org",
    "Tea\x1eBcc: all@example.org",
    "Tea%0d%0aBcc: all@example.org",
    "Tea\\r\\nBcc: all@example.org",
)
# A line end to Python's `splitlines`, or to who decodes the word; none to `"\n" in …`.
HIDDEN = (
    "Tea\x7f",
    "Tea\x85Bcc: all@example.org",
    "Tea\u2028Bcc: all@example.org",
    "Tea\u2029Bcc: all@example.org",
    "=?utf-8?q?Tea=0d=0aBcc:_all=40example.org?=",
)


def scenario(name: str, *steps: Step, shown: int | None = None) -> Scenario:
    return Scenario(CHAPTER, name, steps, flask=FLASK, here=HERE, shown=shown)


def sends(**fields: str) -> Step:
    return post(PATH, FORM | fields)


def writes(**fields: str) -> Step:
    """Send the contact form."""
    return post("/contact", CONTACT | fields)


SCENARIOS = (
    scenario("sends one message", page(PATH), sends(), sends(), get(PATH), shown=1),
    scenario(
        "sends whatever language it is written in",
        page(PATH),
        sends(subject="Grüße aus Ærøskøbing 日本 😀", body="Größe: 日本 😀 ‘quotes’"),
        sends(subject="مرحبا", body="\u202eright to left"),
        sends(subject="  Tea  ", body="  \r\n  x"),
        sends(subject="<script>alert(1)</script>&amp;", body="<b>{{7919*7907}}</b>"),
        sends(subject="%s %(name)s {0}", body="From here on\r\nFrom: nobody\r\n\r\nTo: all"),
        sends(body=".\r\n..\r\n.\r\nQUIT\r\n"),
        sends(body="w" * 2000),
        sends(subject="s" * 100, body="ä" * 5000),
    ),
    scenario(
        "refuses a message that is not right, and keeps it",
        page(PATH),
        sends(subject="", body=""),
        sends(subject="   "),
        sends(body="   "),
        sends(subject="s" * 101),
        sends(subject="s" * 2000, body=""),
        sends(body="b" * 5001),
        sends(body="a\0b"),
        sends(body="a\x1bb"),
        sends(subject="a\0b"),
        sends(subject="", body="</textarea><script>alert(1)</script>"),
        sends(subject='"><script>alert(1)</script>', body=""),
    ),
    scenario(
        "lets no line end into the subject",
        page(PATH),
        *(sends(subject=text) for text in INJECTIONS),
    ),
    scenario(
        "lets no line end into the name or the address to answer to",
        page("/contact"),
        *(writes(name=text) for text in INJECTIONS),
        *(writes(email=f"asha@example.org{text[3:]}") for text in INJECTIONS),
        *(writes(email=f"{text}@example.org") for text in INJECTIONS),
    ),
    scenario(
        "lets no line end in that hides",
        page(PATH),
        *(sends(subject=text) for text in HIDDEN),
        page("/contact"),
        *(writes(name=text) for text in HIDDEN),
    ),
    scenario(
        "answers to addresses that are some",
        page("/contact"),
        writes(email=".a@example.org"),
        writes(email="a.@example.org"),
        writes(email="a..b@example.org"),
        writes(email=f"a@{'b' * 64}.c"),
        writes(email="a@-.example"),
        writes(email="-f@example.org"),
    ),
    scenario(
        "names no other sender and no other recipient",
        page(PATH),
        sends(to="all@example.org", cc="all@example.org", bcc="all@example.org"),
        sends(sender="boss@example.org", recipients="all@example.org", reply_to="x@example.org"),
        get(f"{PATH}?to=all@example.org&subject=x&body=y"),
        page("/contact"),
        writes(to="all@example.org", reply_to="x@example.org", subject="y"),
    ),
    scenario(
        "takes the first of two values",
        page(PATH),
        Step(
            "POST",
            PATH,
            form=(
                ("csrf_token", "{token}"),
                *FORM.items(),
                ("subject", "Tea\r\nBcc: all@example.org"),
                ("body", ""),
            ),
        ),
        Step(
            "POST",
            PATH,
            form=(("csrf_token", "{token}"), ("subject", ""), *FORM.items()),
        ),
    ),
    scenario(
        "refuses forms that are not its own",
        page(PATH),
        post(PATH),
        post(PATH, {"subject": "Tea"}),
        post(PATH, {"body": "Tea"}),
        Step("POST", PATH, form=FORM),
        Step("POST", PATH, form=FORM | {"csrf_token": "x"}),
        Step("POST", PATH),
        post(PATH, FORM, jar="none"),
        Step("POST", PATH, form=FORM, headers={"X-CSRFToken": "{token}"}),
        Step(
            "POST",
            PATH,
            form={"csrf_token": "{token}", "subject": "Tea"},
            files=(("body", "body.txt", b"A file."),),
        ),
        Step(
            "POST",
            PATH,
            body=b'{"subject": "Tea", "body": "As JSON"}',
            headers={"X-CSRFToken": "{token}", "Content-Type": "application/json"},
        ),
    ),
    scenario(
        "answers methods and addresses beside it",
        *(Step(method, PATH) for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW")),
        get(f"{PATH}/"),
        Step("POST", f"{PATH}/", form=FORM),
        get("/MAIL"),
        get("/mai%6c"),
        get(f"{PATH}/..%2f..%2f"),
        get(f"{PATH}%00"),
        get(f"{PATH}/%3Cb%3E"),
        get(f"{PATH}/{'n' * 2000}"),
    ),
)
