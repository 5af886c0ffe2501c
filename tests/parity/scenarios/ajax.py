"""Ajax: functions that a page calls by Sijax, those that it must not, and the search without it."""

from __future__ import annotations

import json

from tests.parity.scenario import Scenario, Step, get, post

CHAPTER = "ajax"
PATHS = ("/sijax", "/sijax/sijax.js")
# Where the page has its token: in its head, for the script.
TOKEN = {"token": r'name="csrf-token" content="([^"]+)"'}
OPENED = get("/sijax", keep=TOKEN)
OURS = {"X-Sijax": "1"}


def call(name: str, args: object = (), *, headers: dict[str, str] | None = None) -> Step:
    """Call a function as the client does; `args` as text are sent as they are."""
    text = args if isinstance(args, str) else json.dumps(args)
    fields = {"sijax_rq": name, "sijax_args": text}
    return post("/sijax", fields, headers=OURS if headers is None else headers)


def search(words: object) -> Step:
    return call("search", [{"q": words}])


def scenario(name: str, *steps: Step, shown: int | None = None) -> Scenario:
    return Scenario(CHAPTER, name, (OPENED, *steps), shown=shown)


SCENARIOS = (
    scenario("says hi", call("say_hi"), shown=1),
    scenario("says hi to the client of Sijax 0.3 too", call("say_hi", headers={})),
    scenario(
        "searches as one types",
        *map(
            search, ("n", "no", "not", "not ", "not f", "NOT found", "found not", "40", "404 found")
        ),
        search(""),
        search("nothing of the kind"),
        search("teapot"),
    ),
    scenario(
        "searches without a script",
        get("/sijax?q=not"),
        get("/sijax?q=NOT+found"),
        get("/sijax?q="),
        get("/sijax?q"),
        get("/sijax?q=teapot&q=found"),
        get("/sijax?p=not"),
        get("/sijax?q=nothing+of+the+kind"),
        get(f"/sijax?q={'n' * 2000}"),
        get("/sijax?q=%3Cscript%3Ealert(1)%3C/script%3E"),
        get("/sijax?q=..%2f..%2f"),
        get("/sijax?q=%00not%00"),
        get("/sijax?q=%ff"),
        get("/sijax?q=T%C3%A9apot+%F0%9F%98%80"),
        get("/sijax?q={{7*7}}"),
    ),
    scenario(
        "searches for odd texts",
        search("n" * 2000),
        search("not " + "x" * 96),
        search("not " * 500),
        search("<script>alert(1)</script>"),
        search("</li></ul><b>\"'&amp;"),
        search("..%2f..%2f"),
        search("not\0found\r\n\u200b"),
        search("Té\u0301apot 日本 😀"),
        call("search", r'[{"q": "\ud800 not"}]'),
    ),
    scenario(
        "searches for what is no text",
        *map(search, (None, True, 404, 4e400, [], ["not"], {"q": "not"})),
        *(call("search", [values]) for values in (None, "not", 404, [], ["q"], {}, {"Q": "not"})),
        call("search", '[{"q": "not", "q": "found"}]'),
        call("search", [{"q": "not", "__class__": "x", "__proto__": {"q": "x"}}]),
    ),
    scenario("streams its steps", call("boil")),
    scenario("streams them to the client of Sijax 0.3 too", call("boil", headers={})),
    scenario(
        "calls nothing that was not registered",
        *(
            call(name)
            for name in (
                *("", " say_hi", "SAY_HI", "say_hi()", "sijax", "words_of", "found", "STATUSES"),
                *("__init__", "__class__", "_say_hi", "say_hi.__globals__", "register_callback"),
                *("<script>alert(1)</script>", "../../etc/passwd", "n" * 2000, "say_hi\0", "😀"),
            )
        ),
    ),
    scenario(
        "calls nothing with too many arguments or too few",
        call("say_hi", [1]),
        call("say_hi", [[]]),
        call("say_hi", ["<b>", "x" * 2000]),
        call("search"),
        call("search", ["not", "found"]),
        call("search", [{"q": "not"}] * 1000),
        call("boil", [1]),
    ),
    scenario(
        "calls nothing with arguments that are no list",
        *(
            call("say_hi", text)
            for text in (
                *("{}", '{"0": 1}', "null", "true", "0", '"say_hi"', "", " ", "[", "[}", "[1,]"),
                *("say_hi", "undefined", "[]]", "<script>alert(1)</script>", "x" * 2000, "\0"),
            )
        ),
        call("say_hi", " [ ] "),
        call("search", "{}"),
        call("search", '{"q": "not"}'),
    ),
    scenario("reads numbers that are none", call("search", "[NaN]"), call("search", "[-Infinity]")),
    scenario(
        "does not fall into what is nested",
        call("search", f"[{'[' * 10_000}{']' * 10_000}]"),
        call("search", "[" * 10_000),
        call("search", f"[{'9' * 10_000}]"),
        call("search", "[" * 50 + "]" * 50),
    ),
    scenario(
        "takes one of two fields",
        Step(
            "POST",
            "/sijax",
            form=(
                ("csrf_token", "{token}"),
                ("sijax_rq", "say_hi"),
                ("sijax_rq", "search"),
                ("sijax_args", "[]"),
                ("sijax_args", "[1]"),
            ),
            headers=OURS,
        ),
        Step(
            "POST",
            "/sijax",
            form={"csrf_token": "{token}", "sijax_rq": "say_hi", "sijax_args": "[]"},
            files=(("file", "a.txt", b"x"),),
            headers=OURS,
        ),
    ),
    scenario(
        "shows the page to who calls nothing",
        post("/sijax"),
        post("/sijax?q=not"),
        post("/sijax", {"sijax_rq": "say_hi"}),
        post("/sijax", {"sijax_args": "[]"}),
        post("/sijax?sijax_rq=say_hi&sijax_args=[]"),
        get("/sijax?sijax_rq=say_hi&sijax_args=[]"),
        get("/sijax?sijax_rq=say_hi&sijax_args=[]", headers=OURS),
    ),
    scenario(
        "refuses calls that are not of its page",
        Step("POST", "/sijax", form={"sijax_rq": "say_hi", "sijax_args": "[]"}),
        *(
            Step(
                "POST",
                "/sijax",
                form={"csrf_token": token, "sijax_rq": name, "sijax_args": "[]"},
                headers=OURS,
            )
            for token in ("", "x", "{token}x")
            for name in ("say_hi", "boil")
        ),
        Step(
            "POST",
            "/sijax",
            form={"sijax_rq": "say_hi", "sijax_args": "[]"},
            headers={**OURS, "X-CSRFToken": "{token}"},
        ),
        post("/sijax", {"sijax_rq": "say_hi", "sijax_args": "[]"}, jar="none"),
        post("/sijax", {"sijax_rq": "say_hi", "sijax_args": "[]"}, jar="tampered"),
        Step("POST", "/sijax"),
        get("/sijax", jar="none", keep=TOKEN),
        call("say_hi"),
        call("boil"),
    ),
    Scenario(
        CHAPTER,
        "answers methods and addresses beside it",
        (
            *(
                Step(method, path)
                for path in PATHS
                for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "BREW")
            ),
            get("/sijax/sijax.js"),
            Step("POST", "/sijax/sijax.js"),
            get("/sijax/"),
            get("/sijax/sijax.js/"),
            get("/SIJAX"),
            get("/sija%78"),
            get("/sijax%00"),
            get("/sijax/..%2f..%2f"),
            get("/sijax/%3Cb%3E"),
            get("/sijax/say_hi"),
            Step("POST", "/sijax/say_hi"),
        ),
    ),
)
