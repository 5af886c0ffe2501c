"""A whole blog: accounts and logins, entries to read, write, change and delete."""

from __future__ import annotations

from tests.parity.scenario import TOKEN, Scenario, Step, get, page, post

CHAPTER = "blog"
FLASK = "qapp.tour.originals.flaskr:create_app"
PASSWORD = "correct horse battery"
MARKDOWN = """# Heading

Some *emphasis*, `code` and [a link](https://example.org/?a=1&b=2).\r
A <strong>strong</strong> word & an entity: &amp;.

- one
- two

| a | b |
|---|---|
| 1 | ~~2~~ |
"""
HOSTILE = """<script>alert(1)</script><b onclick="alert(1)">bold</b>
<a href="javascript:alert(1)">a</a> [b](javascript:alert(1)) <a href="/post/1" style="x">c</a>
<img src=x onerror=alert(1)><iframe src="//a.b"></iframe><svg/onload=alert(1)></p></div></main>

<details open ontoggle=alert(1)><summary>s</summary></details> <u>never closed
"""
VERSION = {"token": TOKEN, "version": r'name="version"[^>]* value="(\d+)"'}
PATHS = (
    "/",
    "/add",
    "/post/1",
    "/post/1/edit",
    "/post/1/delete",
    "/users/alice",
    "/register",
    "/login",
    "/logout",
)


def scenario(
    name: str, *steps: Step | tuple[Step, ...], is_fresh: bool = True, shown: int | None = None
) -> Scenario:
    flat = tuple(
        step for group in steps for step in (group if isinstance(group, tuple) else (group,))
    )
    return Scenario(CHAPTER, name, flat, flask=FLASK, is_fresh=is_fresh, shown=shown)


def registers(username: str = "alice", **fields: str) -> Step:
    form = {"username": username, "password": PASSWORD, "confirm": PASSWORD}
    return post("/register", form | fields)


def joins(username: str = "alice") -> tuple[Step, ...]:
    """Register and open the front page, with the form for an entry."""
    return (page("/register"), registers(username), page("/"))


def leaves() -> tuple[Step, ...]:
    return (post("/logout"), get("/"))


def logs_in(username: str = "alice", password: str = PASSWORD, query: str = "") -> Step:
    return post(f"/login{query}", {"username": username, "password": password})


def enters(username: str = "alice") -> tuple[Step, ...]:
    return (page("/login"), logs_in(username), page("/"))


def adds(title: str = "A title", text: str = "A text.") -> Step:
    return post("/add", {"title": title, "text": text})


def twice(path: str, *fields: tuple[str, str]) -> Step:
    return Step("POST", path, form=(("csrf_token", "{token}"), *fields))


def edits(number: int, version: str = "{version}", **fields: str) -> Step:
    form = {"title": "Changed", "text": "*Changed*.", "version": version}
    return post(f"/post/{number}/edit", form | fields)


SCENARIOS = (
    scenario("has no entries at first", get("/"), get("/", headers={"Cookie": "session=x"})),
    scenario(
        "registers, which logs in",
        page("/register"),
        registers(),
        page("/"),
        get("/"),
        get("/users/alice"),
        get("/users/ALICE"),
        page("/register"),
        registers("bob-the_2nd"),
        get("/"),
    ),
    scenario(
        "refuses names that are not right",
        page("/register"),
        registers(""),
        registers("ab"),
        registers("a" * 32),
        page("/register"),
        registers("a" * 33),
        registers("A" * 32),
        registers("n" * 2000),
        registers("two words"),
        registers("alice\n"),
        registers("Ærøskøbing"),
        registers("<script>alert(1)</script>"),
        registers("../../etc/passwd"),
        registers("a\0b"),
        get("/"),
    ),
    scenario(
        "refuses passwords that are not right",
        page("/register"),
        registers(password="", confirm=""),
        registers(password="short", confirm="short"),
        registers(password="another one"),
        registers(confirm=""),
        registers(password="p" * 1025, confirm="p" * 1025),
        registers(password="日本語日本語", confirm="日本語日本語"),
        registers("", password="short", confirm="other"),
        registers(password="p" * 1024, confirm="p" * 1024),
        get("/"),
    ),
    scenario(
        "refuses registrations that are not its own form's",
        page("/register"),
        post("/register"),
        post("/register", {"username": "alice", "password": PASSWORD}),
        twice(
            "/register",
            ("username", "first"),
            ("username", "second"),
            ("password", PASSWORD),
            ("confirm", PASSWORD),
        ),
        get("/users/first"),
        get("/users/second"),
        Step("POST", "/register", form={"username": "alice"}),
        Step("POST", "/register"),
    ),
    scenario(
        "logs in",
        joins(),
        leaves(),
        page("/login"),
        logs_in(password="not the password"),
        logs_in("nobody"),
        logs_in("alice "),
        logs_in("ALICE"),
        get("/"),
        page("/login"),
        logs_in(),
        get("/"),
    ),
    scenario(
        "keeps a login when asked to",
        joins(),
        leaves(),
        page("/login"),
        post("/login", {"username": "alice", "password": PASSWORD, "remember": "y"}),
        get("/"),
        get("/"),
        page("/login"),
        post("/login", {"username": "alice", "password": PASSWORD, "remember": "false"}),
        get("/"),
    ),
    scenario(
        "shows the login form again",
        page("/login"),
        logs_in("", ""),
        logs_in(""),
        logs_in(password=""),
        logs_in("a\0b"),
        logs_in("a\nb"),
        logs_in("n" * 201),
        logs_in("n" * 2000, "p" * 2000),
        logs_in('<b title="x">', "</form>"),
        logs_in("' OR 1=1 --", "' OR 1=1 --"),
        logs_in("日本 😀", "日本 😀"),
        post("/login", {"username": "alice"}),
        post("/login", {"password": PASSWORD, "remember": "y"}),
        twice("/login", ("username", "alice"), ("username", "bob"), ("password", PASSWORD)),
        Step("POST", "/login", form={"username": "alice", "password": PASSWORD}),
        Step("POST", "/login", form={"csrf_token": "x", "username": "", "password": ""}),
        is_fresh=False,
    ),
    *(
        scenario(
            f"leads on to {name}",
            page("/register"),
            registers(),
            page(f"/login{query}"),
            logs_in(query=query),
            get("/"),
        )
        for name, query in (
            ("where one was", "?next=/post/1%3Fpage=2"),
            ("an address with other letters", "?next=/users/%C3%A5sa"),
            ("the front page, not another site", "?next=https://example.org/"),
            ("the front page, not another host", "?next=//example.org/"),
        )
    ),
    scenario(
        "leads nowhere else after a login",
        get("/login?next="),
        get("/login?next=users"),
        get("/login?next=/%5Cexample.org"),
        get("/login?next=/%09/example.org"),
        get("/login?next=/a%0d%0aSet-Cookie:x=1"),
        get("/login?next=%20//example.org"),
        get("/login?next=javascript:alert(1)"),
        get("/login?next=http:example.org"),
        get("/login?next=/%22%3E%3Cscript%3E"),
        get("/login?next=/..%2f..%2f"),
        get("/login?next=/%00"),
        get(f"/login?next=/{'n' * 2000}"),
        get("/login?next=/a&next=//example.org"),
        get("/login?next=//example.org&next=/a"),
        is_fresh=False,
    ),
    scenario(
        "logs out",
        joins(),
        get("/logout"),
        get("/"),
        enters(),
        post("/logout"),
        get("/"),
        get("/logout"),
        get("/"),
        page("/login"),
        post("/logout"),
    ),
    scenario(
        "is not logged out by others",
        joins(),
        get("/"),
        get("/logout", headers={"Sec-Fetch-Site": "cross-site"}),
        get("/logout", headers={"Sec-Fetch-Site": "same-site"}),
        get("/logout", headers={"Sec-Purpose": "prefetch"}),
        Step("HEAD", "/logout"),
        Step("POST", "/logout"),
        Step("POST", "/logout", form={"csrf_token": "x"}),
        get("/"),
        get("/logout", headers={"Sec-Fetch-Site": "none"}),
        get("/"),
    ),
    scenario(
        "believes a session that it has signed, and no other",
        joins(),
        get("/"),
        get("/", jar="tampered"),
        get("/", jar="other"),
        get("/", jar="none"),
        get("/"),
    ),
    scenario(
        "ends a login for a copied cookie too",
        joins("mallory"),
        get("/"),
        post("/logout"),
        get("/", jar="former"),
    ),
    scenario(
        "adds an entry",
        joins(),
        adds(),
        get("/"),
        get("/"),
        get("/post/1"),
        get("/users/alice"),
        leaves(),
        get("/post/1"),
        shown=3,
    ),
    scenario(
        "cleans what it shows",
        joins(),
        adds("Markdown", MARKDOWN),
        adds("<script>alert(1)</script>&amp;", HOSTILE),
        adds("  Ærøskøbing 日本 😀  ", "Größe: 日本 😀\u202e ‘quotes’"),
        adds("In a text area", "</textarea><script>alert(1)</script>"),
        adds("Many lines", "\r\n\r\none\r\ntwo\nthree\r\n"),
        adds("t" * 200, "w" * 2000),
        adds("Much", "ä" * 100_000),
        get("/"),
        *(get(f"/post/{number}") for number in range(1, 8)),
        *(get(f"/post/{number}/edit") for number in range(1, 7)),
    ),
    scenario(
        "refuses entries that are not right",
        joins(),
        adds("", ""),
        adds(""),
        adds(text=""),
        adds("   "),
        adds(text="  \n "),
        adds("t" * 201),
        adds("t" * 2000, "x"),
        adds("two\nlines"),
        adds("a\0b"),
        adds(text="a\0b"),
        adds(text="a\tb\x07"),
        adds("<b>", "</textarea><script>" + "x" * 100_000),
        get("/"),
    ),
    scenario(
        "refuses entries that are not its own form's",
        joins(),
        post("/add"),
        post("/add", {"title": "No text"}),
        post("/add", {"text": "No title"}),
        Step("POST", "/add", form={"title": "No token", "text": "x"}),
        Step("POST", "/add", form={"csrf_token": "x", "title": "Bad token", "text": "x"}),
        Step("POST", "/add"),
        twice("/add", ("title", "first"), ("title", "second"), ("text", "1"), ("text", "2")),
        post("/add", {"title": "Too much", "text": "x", "author_id": "2", "id": "99"}),
        Step(
            "POST",
            "/add",
            form={"title": "By header", "text": "x"},
            headers={"X-CSRFToken": "{token}"},
        ),
        Step(
            "POST",
            "/add",
            body=b'{"title": "As JSON", "text": "x"}',
            headers={"X-CSRFToken": "{token}", "Content-Type": "application/json"},
        ),
        get("/"),
        Step("POST", "/add", form={"title": "Nobody", "text": "x"}, jar="none"),
    ),
    scenario(
        "takes text for a text field, not a file",
        joins(),
        Step(
            "POST",
            "/add",
            form={"csrf_token": "{token}", "title": "t"},
            files=(("text", "text.txt", b"A file."),),
        ),
        get("/"),
    ),
    scenario(
        "refuses what another site's page sends",
        joins(),
        Step(
            "POST",
            "/add",
            form={"csrf_token": "{token}", "title": "", "text": "From elsewhere"},
            headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://example.org"},
        ),
        Step(
            "POST",
            "/add",
            form={"csrf_token": "{token}", "title": "From here", "text": "x"},
            headers={"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        ),
        get("/"),
    ),
    scenario(
        "shows the notices in order, once",
        joins(),
        adds("One"),
        adds("Two"),
        post("/post/1/delete"),
        post("/login", {"username": "alice", "password": PASSWORD}),
        get("/"),
        get("/"),
    ),
    scenario(
        "edits an entry",
        joins(),
        adds(text="line one\r\nline two"),
        get("/"),
        get("/post/1/edit", keep=VERSION),
        edits(1),
        get("/post/1"),
        get("/"),
        get("/post/1/edit", keep=VERSION),
        edits(1, title="  Again  ", text="**Again**"),
        get("/users/alice"),
    ),
    scenario(
        "refuses changes that are not right",
        joins(),
        adds(),
        get("/"),
        get("/post/1/edit", keep=VERSION),
        edits(1, title=""),
        edits(1, title="t" * 201, text=""),
        edits(1, title="a\0b"),
        edits(1, version=""),
        edits(1, version="-1"),
        edits(1, version="x"),
        edits(1, version="9" * 19),
        edits(1, version="٣"),
        post("/post/1/edit", {"title": "x", "text": "x"}),
        post("/post/1/edit"),
        Step("POST", "/post/1/edit", form={"title": "x", "text": "x", "version": "1"}),
        get("/post/1"),
    ),
    scenario(
        "notices what was changed meanwhile",
        joins(),
        adds(),
        get("/"),
        get("/post/1/edit", keep=VERSION),
        edits(1, title="First"),
        edits(1, title="Second"),
        edits(1, version="0", title="Third"),
        edits(1, version="9" * 18, title="Fourth"),
        get("/post/1"),
        get("/post/1/edit", keep=VERSION),
        edits(1, title="Fifth"),
        get("/post/1"),
    ),
    scenario(
        "keeps an entry from other users",
        joins(),
        adds(),
        leaves(),
        joins("bob"),
        get("/post/1"),
        get("/post/1/edit"),
        edits(1, version="1"),
        post("/post/1/edit"),
        post("/post/1/delete"),
        Step("POST", "/post/1/delete"),
        get("/post/1"),
        adds("Bob's"),
        get("/"),
        leaves(),
        enters(),
        get("/post/2"),
        get("/post/2/edit"),
        post("/post/2/delete"),
    ),
    scenario(
        "lets only who is logged in write",
        joins(),
        adds(),
        leaves(),
        page("/login"),
        adds("Nobody's"),
        post("/add"),
        get("/post/1/edit"),
        get("/post/99/edit"),
        edits(1, version="1"),
        post("/post/1/delete"),
        post("/post/99/delete"),
        get("/"),
    ),
    scenario(
        "deletes an entry",
        joins(),
        adds("One"),
        adds("Two"),
        get("/"),
        Step("POST", "/post/1/delete"),
        post("/post/1/delete", {"csrf_token": "x"}),
        get("/post/1/delete"),
        post("/post/1/delete"),
        get("/"),
        post("/post/1/delete"),
        get("/post/1"),
        get("/post/1/edit"),
        edits(1, version="1"),
        adds("Three"),
        get("/"),
        get("/post/3"),
        get("/post/9223372036854775807/edit"),
        get("/post/9223372036854775808/edit"),
        post(f"/post/{'9' * 2000}/delete"),
    ),
    scenario(
        "pages through entries",
        joins(),
        *(adds(f"Entry {number}") for number in range(1, 21)),
        get("/"),
        get("/users/alice"),
        *(adds(f"Entry {number}") for number in range(21, 44)),
        get("/"),
        get("/?before=24"),
        get("/?before=4"),
        get("/?before=1"),
        get("/?before=99"),
        get("/?before=9223372036854775807"),
        get("/users/alice"),
        get("/users/Alice?before=24"),
        get("/users/alice?before=1"),
        post("/add?before=24", {"title": "", "text": "x"}),
        get("/?before=24&before=4"),
    ),
    scenario(
        "refuses pages that are no number",
        *(
            get(f"/?before={value}")
            for value in (
                "",
                "0",
                "-1",
                "+1",
                "1.5",
                "x",
                "%D9%A3",
                "9223372036854775808",
                "9" * 2000,
                "%00",
                "%3Cscript%3E",
                "..%2f..%2f",
            )
        ),
        get("/users/nobody?before=x"),
        get("/?after=1"),
        is_fresh=False,
    ),
    scenario(
        "has no entry of that number",
        *(
            get(f"/post/{number}")
            for number in (
                "0",
                "99",
                "-1",
                "1.5",
                "1e3",
                "x",
                "%D9%A3",
                "001",
                "9223372036854775807",
                "9223372036854775808",
                "9" * 2000,
                "%00",
                "..%2f..%2f",
                "%3Cscript%3E",
                "",
                "1/",
                "1/edit/",
                "1/delete/",
                "1/other",
            )
        ),
        get("/post"),
        is_fresh=False,
    ),
    scenario(
        "has no author of that name",
        *(
            get(f"/users/{name}")
            for name in (
                "nobody",
                "n" * 2000,
                "%3Cscript%3Ealert(1)%3C/script%3E",
                "%3Cb%3E",
                "..%2f..%2f",
                "%00",
                "%C3%85sa",
                "%FF",
                "%25",
                "'",
                "a b",
                "",
                "alice/",
                "a/b",
            )
        ),
        get("/users"),
        get("/users/a%2fb"),
        is_fresh=False,
    ),
    scenario(
        "reads addresses that are written in odd ways",
        get("/%6cogin"),
        get("//"),
        get("/login//"),
        get("/./login"),
        get("/login?next=/%ff"),
        get("/?before=%ff"),
        is_fresh=False,
    ),
    scenario("answers HEAD", *(Step("HEAD", path) for path in PATHS), is_fresh=False),
    scenario("answers OPTIONS", *(Step("OPTIONS", path) for path in PATHS), is_fresh=False),
    scenario(
        "answers HEAD for who is logged in",
        joins(),
        adds(),
        *(Step("HEAD", path) for path in PATHS),
        *(Step("OPTIONS", path) for path in PATHS),
    ),
    scenario(
        "refuses other methods",
        *(Step(method, path) for path in PATHS for method in ("PUT", "DELETE", "PATCH", "BREW")),
        Step("POST", "/"),
        Step("POST", "/post/1"),
        Step("POST", "/users/alice"),
        get("/add"),
        get("/post/1/delete"),
        is_fresh=False,
    ),
    scenario(
        "has no slash at the end",
        *(get(f"{path}/") for path in PATHS[1:]),
        *(Step("POST", f"{path}/") for path in PATHS[1:]),
        is_fresh=False,
    ),
)
