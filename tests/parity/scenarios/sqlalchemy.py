"""Students by the ORM: searched, sorted, paged through, added, changed and deleted."""

from __future__ import annotations

from tests.parity.scenario import TOKEN, Scenario, Step, get, page, post

CHAPTER = "sqlalchemy"
FLASK = "qapp.tour.originals.students:create_app"
FLASK_ALONE = "qapp.tour.originals.orm:create_app"
HERE_ALONE = "qapp.tour.apps.orm:create_app"
ASHA = {"name": "Asha Rao", "city": "Pune", "addr": "14 MG Road", "pin": "411001"}
PASSWORD = "correct horse battery"
VERSION = {"token": TOKEN, "version": r'name="version"[^>]* value="(\d+)"'}
PATHS = ("/students", "/new", "/students/1/edit", "/students/1/delete")
NOT_IDS = (
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
    str(10**30),
    "9" * 2000,
    "%00",
    "..%2f..%2f",
    "%3Cscript%3E",
    "1%20OR%201=1",
    "",
)
HOSTILE = (
    "%25",
    "_",
    "\\",
    "\\%25",
    "/",
    "/%25",
    "%00",
    "a%00b",
    "%00%25",
    "'",
    "%22",
    "''",
    "'%20OR%20'1'='1",
    "x'%20UNION%20SELECT%201,2,3,4,5,6--",
    "Robert');%20DROP%20TABLE%20students;--",
    "a" * 2000,
    "%25" * 100,
    "%25" * 101,
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "{{7919*7907}}",
    "%0d%0aSet-Cookie:%20a=b",
    "%ff",
    "%F0%9F%98%80",
    "%E2%80%AE",
    "%20%20asha%20%20",
    "asha%20%20rao",
    "*",
    "as*",
    ":words",
    "?",
    "%",
    "a&q=b",
    "+",
)


def scenario(
    name: str, *steps: Step | tuple[Step, ...], is_fresh: bool = True, shown: int | None = None
) -> Scenario:
    flat = tuple(
        step for group in steps for step in (group if isinstance(group, tuple) else (group,))
    )
    return Scenario(CHAPTER, name, flat, flask=FLASK, is_fresh=is_fresh, shown=shown)


def alone(name: str, *steps: Step, is_fresh: bool = True) -> Scenario:
    """Make a scenario of the two applications that run by themselves."""
    return Scenario(CHAPTER, name, steps, flask=FLASK_ALONE, here=HERE_ALONE, is_fresh=is_fresh)


def writes(author: str, title: str = "A title") -> Step:
    return post("/new", {"author": author, "title": title})


def adds(**fields: str) -> Step:
    """Send the form for a student, whole but for what is given."""
    return post("/new", ASHA | fields)


def adds_each(field: str, *values: str) -> tuple[Step, ...]:
    return (page("/new"), *(adds(**{field: value}) for value in values), get("/students"))


def lacks(*names: str) -> Step:
    return post("/new", {name: value for name, value in ASHA.items() if name not in names})


def twice(*fields: tuple[str, str]) -> Step:
    """Send the form with some fields a second time, behind the first."""
    return Step("POST", "/new", form=(("csrf_token", "{token}"), *ASHA.items(), *fields))


def joins(username: str = "alice") -> tuple[Step, ...]:
    """Register, and open the form for a student."""
    form = {"username": username, "password": PASSWORD, "confirm": PASSWORD}
    return (page("/register"), post("/register", form), page("/new"))


def opens(number: int = 1) -> Step:
    return get(f"/students/{number}/edit", keep=VERSION)


def changes(number: int = 1, version: str = "{version}", **fields: str) -> Step:
    return post(f"/students/{number}/edit", ASHA | {"version": version} | fields)


def some() -> tuple[Step, ...]:
    """Add some students who differ in what is looked for and sorted by."""
    return (
        page("/new"),
        adds(),
        adds(name="asha iyer", city="pune", addr="1 Fort_Road", pin="411002"),
        adds(name="Bela 100%", city="Ærøskøbing", addr="C:\\Temp", pin="5970"),
        adds(name="Chandra", city="Pune", addr="14/2 'Lake' View", pin="00123"),
        adds(name="Éva 日本 😀", city="GRÖSSE", addr='"quoted"', pin="BT 71-5NN"),
        adds(name="Zoë <b>&amp;", city="asha", addr="x", pin="411001"),
        get("/students"),
        get("/students"),
    )


SCENARIOS = (
    scenario("has no students at first", get("/students"), get("/students?q=asha"), page("/new")),
    scenario(
        "adds a student and finds it",
        page("/new"),
        adds(),
        get("/students"),
        get("/students"),
        get("/students?q=asha"),
        get("/students?q=nobody"),
        shown=1,
    ),
    scenario(
        "searches in any column",
        some(),
        *(
            get(f"/students?q={words}{where}")
            for words in ("asha", "ASHA", "pune", "14", "411", "00", "ö", "Ö", "éva", "日")
            for where in ("", "&in=", "&in=name", "&in=city", "&in=addr", "&in=pin")
        ),
        get("/students?in=name"),
        get("/students?q=&in=city&sort=city"),
    ),
    scenario(
        "takes whatever is looked for as text",
        some(),
        *(get(f"/students?q={words}") for words in HOSTILE),
        *(get(f"/students?q={words}&in=addr&sort=-addr") for words in HOSTILE[:10]),
    ),
    scenario(
        "sorts by any column",
        some(),
        *(
            get(f"/students?sort={sign}{column}")
            for column in ("id", "name", "city", "addr", "pin")
            for sign in ("", "-")
        ),
        get("/students?sort=pin&q=pune&in=city"),
        get("/students?sort=name&sort=x"),
    ),
    scenario(
        "has no other columns",
        *(
            get(f"/students?{name}={column}")
            for name in ("sort", "in")
            for column in (
                "",
                "-",
                "--name",
                "-id",
                "id",
                "version",
                "Name",
                "name%20desc",
                "name;DROP%20TABLE%20students",
                "metadata",
                "__class__",
                "%00",
                "%F0%9F%98%80",
                "%3Cscript%3E",
                "n" * 2000,
            )
        ),
        get("/students?sort=x&q=asha"),
        is_fresh=False,
    ),
    scenario(
        "pages through students",
        page("/new"),
        *(adds(name=f"Student {number:02}") for number in range(1, 44)),
        get("/students"),
        *(get(f"/students?page={number}") for number in (1, 2, 3, 4, 99)),
        *(get(f"/students?page={number}&per_page=5") for number in (1, 2, 5, 9, 10)),
        *(
            get(f"/students?per_page={size}")
            for size in ("1", "43", "44", "100", "101", "1000000", "0", "-1", "x", "", str(10**30))
        ),
        *(
            get("/students?page=2", headers={"Cookie": f"page_size={size}"})
            for size in ("10", "50", "x", "0")
        ),
        get("/students?per_page=30&page=2", headers={"Cookie": "page_size=10"}),
        get("/students?q=Student%201&page=1&per_page=4&sort=name"),
        get("/students?q=Student%201&page=2&per_page=4&sort=-name&in=name&other=1&other=%3Cb%3E"),
        get("/students?page=2&_scheme=javascript&_external=1&_anchor=x&student_id=1"),
    ),
    scenario(
        "refuses pages that are none",
        *(
            get(f"/students?page={number}")
            for number in (
                "0",
                "-1",
                "2",
                "x",
                "",
                "1.0",
                "+1",
                "%20 1",
                "1_0",
                "%D9%A1",
                "%D9%A3",
                "%C2%B2",
                "9223372036854775807",
                "9223372036854775808",
                str(10**18),
                str(10**30),
                "9" * 2000,
                "9" * 5000,
                "-" + "9" * 30,
                "0x1",
                "NaN",
                "%00",
                "%3Cscript%3E",
            )
        ),
        get("/students?page=1&page=0"),
        get("/students?page=0&page=1"),
        get("/students?page=1&per_page=" + "9" * 5000),
        get("/students?page=10000000000&per_page=10000000000"),
        is_fresh=False,
    ),
    scenario(
        "says beside each field what is wrong with it",
        page("/new"),
        adds(name=""),
        get("/students"),
        adds(name="", city="", addr="", pin=""),
        adds(name="   ", city="\t", addr="\n", pin=" "),
        adds(city="x" * 101, pin="x"),
        get("/new"),
        get("/students"),
    ),
    scenario(
        "names a field that was not sent",
        page("/new"),
        *(lacks(name) for name in ASHA),
        lacks(*ASHA),
        get("/students"),
    ),
    scenario(
        "checks each field",
        *adds_each(
            "name", "n" * 100, "n" * 101, "n" * 2000, "a\0b", "a\r\nb", "<script>", "Ж 日 😀"
        ),
        *adds_each("city", "c" * 100, "c" * 101, "c" * 2000, "a\0b", "x'); DROP TABLE students;--"),
        *adds_each("addr", "a" * 200, "a" * 201, "a" * 2000, "a\0b", "one\ntwo", "%s"),
        *adds_each("pin", "123", "12", "12345678901", "1\0002", "٤١١٠٠١", "4110 <b>"),
    ),
    scenario(
        "takes the first of two values",
        page("/new"),
        twice(("name", "Somebody else"), ("pin", "x")),
        twice(("id", "99"), ("version", "7"), ("metadata", "x"), ("", "y")),
        Step("POST", "/new", form=(("name", ""), ("csrf_token", "{token}"), *ASHA.items())),
        Step("POST", "/new?name=x&id=5", form=ASHA | {"csrf_token": "{token}"}),
        get("/students"),
    ),
    scenario(
        "refuses forms that are not its own",
        page("/new"),
        Step("POST", "/new"),
        Step("POST", "/new", form=ASHA),
        Step("POST", "/new", form=ASHA | {"csrf_token": "x"}),
        post("/new", ASHA, jar="none"),
        post("/new", ASHA, jar="tampered"),
        get("/students"),
        post("/students/1/delete", {"csrf_token": "x"}),
        Step("POST", "/students/1/edit", form=ASHA),
    ),
    scenario(
        "lets only who is logged in change students",
        page("/new"),
        adds(),
        get("/students"),
        page("/new"),
        *(get(f"/students/{number}/edit") for number in (1, 99, 10**30)),
        changes(1, version="1"),
        changes(99, version="1"),
        post("/students/1/edit"),
        post("/students/1/delete"),
        post("/students/99/delete"),
        get("/students"),
    ),
    scenario(
        "changes a student",
        joins(),
        adds(),
        get("/students"),
        opens(),
        changes(name="Asha Iyer", pin="411002"),
        get("/students"),
        opens(),
        changes(name="  Asha  "),
        get("/students"),
        opens(),
        changes(name="Asha"),
        get("/students?q=asha"),
    ),
    scenario(
        "refuses changes that are not right",
        joins(),
        adds(),
        get("/students"),
        opens(),
        changes(name=""),
        changes(name="", city="", addr="", pin=""),
        changes(name="n" * 101),
        changes(addr="a\0b"),
        changes(pin="x"),
        changes(version=""),
        changes(version="-1"),
        changes(version="x"),
        changes(version="9" * 19),
        changes(version="٣"),
        changes(version="1\0"),
        post("/students/1/edit", ASHA),
        post("/students/1/edit", {"version": "1"}),
        post("/students/1/edit"),
        Step("POST", "/students/1/edit", form=ASHA | {"version": "1"}),
        Step(
            "POST",
            "/students/1/edit",
            form=(
                ("csrf_token", "{token}"),
                ("version", "1"),
                *ASHA.items(),
                ("version", "9"),
                ("name", "Somebody else"),
            ),
        ),
        get("/students"),
    ),
    scenario(
        "notices what was changed meanwhile",
        joins(),
        adds(),
        get("/students"),
        opens(),
        changes(name="First"),
        changes(name="Second"),
        changes(version="0", name="Third"),
        changes(version="9" * 18, name="Fourth"),
        get("/students"),
        opens(),
        changes(name="<b>Fifth</b>"),
        changes(name="Sixth", version="1"),
        get("/students"),
    ),
    scenario(
        "deletes a student",
        joins(),
        adds(),
        adds(name="Bela"),
        get("/students"),
        Step("POST", "/students/1/delete"),
        post("/students/1/delete", {"csrf_token": "x"}),
        get("/students/1/delete"),
        post("/students/1/delete"),
        get("/students"),
        post("/students/1/delete"),
        get("/students/1/edit"),
        changes(1, version="1"),
        post("/students/2/delete", {"student_id": "1"}),
        adds(name="Chandra"),
        get("/students"),
        get("/students/2/edit"),
        get("/students/3/edit"),
    ),
    scenario(
        "has no student of that number",
        joins(),
        *(get(f"/students/{number}/edit") for number in NOT_IDS),
        *(post(f"/students/{number}/delete") for number in NOT_IDS),
        changes(99, version="1"),
        get("/students/1"),
        get("/students/1/"),
        get("/students/1/other"),
    ),
    scenario(
        "answers methods and addresses beside it",
        *(
            Step(method, path)
            for path in PATHS
            for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW")
        ),
        Step("POST", "/students"),
        Step("POST", "/students", form=ASHA),
        get("/students/1/delete"),
        *(get(f"{path}/") for path in PATHS),
        *(Step("POST", f"{path}/") for path in PATHS),
        Step("HEAD", "/students?page=x"),
        Step("HEAD", "/students?sort=x"),
        get("/STUDENTS"),
        get("/student%73"),
        get("/students%00"),
        get("/students?q"),
        get("/students?q=a&q=b"),
        get("/students?" + "q=a&" * 500),
        is_fresh=False,
    ),
    scenario(
        "answers HEAD for who is logged in",
        joins(),
        adds(),
        get("/students"),
        *(Step(method, path) for path in PATHS for method in ("HEAD", "OPTIONS", "PUT")),
    ),
    alone(
        "has authors and their posts",
        get("/"),
        page("/new"),
        writes("Asha", "One"),
        writes("Asha", "Two"),
        writes("Bela 日本 😀", "<b>Three</b>"),
        get("/"),
        get("/authors/1"),
        get("/authors/2"),
        get("/authors/Asha"),
        get("/authors/asha"),
        post("/posts/1/delete"),
        get("/authors/1"),
        post("/posts/1/delete"),
        post("/posts/2/delete"),
        get("/"),
        get("/authors/1"),
    ),
    alone(
        "reads a relation that is not loaded",
        page("/new"),
        writes("Asha"),
        get("/posts/1/fail"),
        get("/posts/2/fail"),
    ),
    alone(
        "refuses posts that are not right",
        page("/new"),
        writes("", "x"),
        writes("x", "  "),
        writes("a" * 2000, "t" * 2000),
        writes("Robert'); DROP TABLE author;--", "' OR 1=1"),
        writes("a\0b", "\0x"),
        post("/new"),
        post("/new", {"author": "x"}),
        Step(
            "POST",
            "/new",
            form=(
                ("csrf_token", "{token}"),
                ("author", "One"),
                ("author", "Two"),
                ("title", "x"),
            ),
        ),
        Step("POST", "/new", form={"author": "x", "title": "x"}),
        Step("POST", "/new", form={"author": "x", "title": "x", "csrf_token": "x"}),
        Step("POST", "/posts/1/delete"),
        get("/"),
        get("/authors/Robert'); DROP TABLE author;--"),
        get("/authors/a%00b"),
    ),
    alone(
        "pages through posts",
        page("/new"),
        *(writes("Asha", f"Post {number}") for number in range(1, 44)),
        get("/posts"),
        *(get(f"/posts?page={number}") for number in (1, 2, 3, 4, 0, -1, "x", 10**30, "")),
        *(get(f"/posts?per_page={size}") for size in (1, 5, 43, 100, 101, 0, -1, "x", 10**30)),
        get("/posts?per_page=2&page=11"),
        get("/posts?per_page=2&page=22"),
        get("/posts?per_page=2&page=23"),
    ),
    alone(
        "has nothing of that number or name",
        *(get(f"/authors/{number}") for number in NOT_IDS),
        page("/new"),
        *(post(f"/posts/{number}/delete") for number in NOT_IDS),
        is_fresh=False,
    ),
    alone(
        "answers methods and addresses beside them",
        *(
            Step(method, path)
            for path in ("/", "/new", "/posts", "/authors/1", "/authors/x", "/posts/1/delete")
            for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW")
        ),
        Step("POST", "/posts"),
        get("/posts/"),
        get("/new/"),
        get("/authors"),
        is_fresh=False,
    ),
)
