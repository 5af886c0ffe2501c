"""Students by SQL: added, listed, paged through, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

from tests.parity.scenario import SITE, Scenario, Step, get, page, post

CHAPTER = "sqlite"
FLASK = "qapp.tour.originals.sqlite:create_app"
ALONE = "qapp.tour.apps.sqlite:create_app"
ASHA = {"name": "Asha Rao", "city": "Pune", "addr": "14 MG Road", "pin": "411001"}
PATHS = ("/enternew", "/addnew", "/addrec", "/list")
INJECTION = "Robert'); DROP TABLE students;--"


def scenario(
    name: str,
    *steps: Step,
    here: str = SITE,
    is_fresh: bool = True,
    shown: int | None = None,
) -> Scenario:
    return Scenario(CHAPTER, name, steps, flask=FLASK, here=here, is_fresh=is_fresh, shown=shown)


def adds(**fields: str) -> Step:
    """Send the form, whole but for what is given."""
    return post("/addrec", ASHA | fields)


def adds_each(field: str, *values: str) -> tuple[Step, ...]:
    return (page("/enternew"), *(adds(**{field: value}) for value in values), get("/list"))


def lacks(*names: str) -> Step:
    return post("/addrec", {name: value for name, value in ASHA.items() if name not in names})


def twice(*fields: tuple[str, str]) -> Step:
    """Send the form with some fields a second time, behind the first."""
    return Step("POST", "/addrec", form=(("csrf_token", "{token}"), *ASHA.items(), *fields))


def pages_of(count: int) -> Iterator[Step]:
    """Add so many students, and look at the pages of the list."""
    yield page("/enternew")
    for number in range(1, count + 1):
        yield adds(name=f"Student {number}")
    for query in ("", f"?before={count - 19}", "?before=1", "?before=2", "?before=99"):
        yield get(f"/list{query}")
    for size in ("10", "50", "20", "11", "", "x", "10\xb2", "1000000"):
        yield get("/list", headers={"Cookie": f"page_size={size}"})
    yield get("/list?before=9", headers={"Cookie": "page_size=10"})


def ordinary(here: str) -> tuple[Scenario, ...]:
    """Make the scenarios that a reader tries first, for one of the two counterparts."""
    by_itself = "" if here == SITE else " by itself"
    return (
        scenario(
            f"adds a student and lists it{by_itself}",
            get("/list"),
            page("/enternew"),
            get("/addnew"),
            adds(),
            get("/list"),
            page("/addnew"),
            adds(name="Bela", pin="BT 71-5NN"),
            adds(name="Ærø 日本 😀", city="Größe", addr="‘quotes’ \u202e"),
            get("/list"),
            here=here,
            shown=3 if here == SITE else None,
        ),
        scenario(
            f"takes SQL for text{by_itself}",
            *adds_each(
                "name", INJECTION, "'", '"', "' OR '1'='1", "x'||(SELECT 1)||'", ":name", "?"
            ),
            *adds_each("addr", "<script>alert(1)</script>&amp;", "{{7919*7907}}", "%s %(name)s \\"),
            here=here,
        ),
        scenario(
            f"refuses forms that are not its own{by_itself}",
            page("/enternew"),
            Step("POST", "/addrec"),
            Step("POST", "/addrec", form=ASHA),
            Step("POST", "/addrec", form=ASHA | {"csrf_token": ""}),
            Step("POST", "/addrec", form=ASHA | {"csrf_token": "x"}),
            Step("POST", "/addrec", form=ASHA | {"csrf_token": "{token}x"}),
            post("/addrec", ASHA, jar="none"),
            post("/addrec", ASHA, jar="other"),
            post("/addrec", ASHA, jar="tampered"),
            Step("POST", "/addrec?csrf_token={token}", form=ASHA),
            get("/list"),
            Step("POST", "/addrec", form=ASHA, headers={"X-CSRFToken": "{token}"}),
            get("/list"),
            here=here,
        ),
        scenario(f"pages through students{by_itself}", *pages_of(43), here=here),
        scenario(
            f"answers methods and addresses beside it{by_itself}",
            *(
                Step(method, path)
                for path in PATHS
                for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW")
            ),
            Step("POST", "/enternew"),
            Step("POST", "/addnew"),
            Step("POST", "/list", form=ASHA),
            get("/addrec"),
            *(get(f"{path}/") for path in PATHS),
            *(Step("POST", f"{path}/") for path in PATHS),
            get("/LIST"),
            get("/lis%74"),
            get("/list%00"),
            get("/list/..%2f..%2f"),
            get("/list/%3Cb%3E"),
            get("/list/1"),
            here=here,
            is_fresh=False,
        ),
    )


SCENARIOS = (
    *ordinary(SITE),
    *ordinary(ALONE),
    scenario(
        "says beside each field what is wrong with it",
        page("/enternew"),
        adds(name=""),
        adds(name="", city="", addr="", pin=""),
        adds(name="   ", city="\t", addr="\n", pin=" "),
        adds(city="", pin="x"),
        get("/list"),
    ),
    scenario(
        "names a field that was not sent",
        page("/enternew"),
        *(lacks(name) for name in ASHA),
        lacks(*ASHA),
        lacks("city", "pin"),
        get("/list"),
    ),
    scenario(
        "checks the name",
        *adds_each(
            "name",
            "n" * 100,
            f"  {'n' * 100}  ",
            "n" * 101,
            "n" * 2000,
            "😀" * 100,
            "<b>" * 1000,
            "a\0b",
            "\0",
            "a\tb",
            "a\x1bb",
            "a\x7fb",
            "a\r\nb: c",
            "two\nlines",
        ),
    ),
    scenario(
        "checks the city",
        *adds_each(
            "city", "c" * 100, "c" * 101, "c" * 2000, "a\0b", "İstanbul", "\u3000", "%", "_"
        ),
    ),
    scenario(
        "checks the address",
        *adds_each(
            "addr", "a" * 200, "a" * 201, "a" * 2000, "a\0b", "one\r\ntwo", "=cmd|'/C calc'!A1"
        ),
    ),
    scenario(
        "checks the PIN code",
        *adds_each(
            "pin",
            "001",
            "12",
            "1234567890",
            "12345678901",
            " 411 001 ",
            "-411001",
            "411001-",
            "411001\n",
            "411\n001",
            "٤١١٠٠١",
            "411001\0",
            "4110 <b>",
            "1" * 2000,
            "1e9",
            "²²²",
        ),
    ),
    scenario(
        "takes the first of two values",
        page("/enternew"),
        twice(("name", "Somebody else"), ("pin", "x")),
        twice(("id", "99"), ("version", "7"), ("name[]", "x"), ("", "y")),
        Step("POST", "/addrec", form=(("name", ""), ("csrf_token", "{token}"), *ASHA.items())),
        Step("POST", "/addrec?name=x&city=y", form=ASHA | {"csrf_token": "{token}"}),
        get("/list"),
    ),
    scenario(
        "reads the form in whatever way it is written",
        page("/enternew"),
        Step(
            "POST",
            "/addrec",
            form={"csrf_token": "{token}", **ASHA},
            files=(("photo", "../../x.png", b"\x89PNG"),),
        ),
        Step(
            "POST",
            "/addrec",
            form={"csrf_token": "{token}", "city": "Pune", "addr": "x", "pin": "411001"},
            files=(("name", "name.txt", b"Asha"),),
        ),
        Step("POST", "/addrec", body=b"name=Asha", headers={"Content-Type": "text/plain"}),
        Step(
            "POST",
            "/addrec",
            body=b'{"name": "Asha", "city": "Pune", "addr": "x", "pin": "411001"}',
            headers={"X-CSRFToken": "{token}", "Content-Type": "application/json"},
        ),
        get("/list"),
    ),
    scenario(
        "refuses pages that are no number",
        *(
            get(f"/list?before={value}")
            for value in (
                "",
                "0",
                "-1",
                "+1",
                "1.5",
                "x",
                "%D9%A3",
                "9223372036854775807",
                "9223372036854775808",
                str(10**30),
                "9" * 2000,
                "%00",
                "%3Cscript%3E",
                "1%20OR%201=1",
                "..%2f..%2f",
            )
        ),
        get("/list?before=x&before=4"),
        get("/list?before=4&before=x"),
        get("/list?after=1&limit=99999999"),
        is_fresh=False,
    ),
    scenario(
        "believes no page of another site",
        page("/enternew"),
        post("/addrec", ASHA, headers={"Sec-Fetch-Site": "same-origin"}),
        get("/list"),
        post("/addrec", ASHA, headers={"Sec-Fetch-Site": "cross-site"}),
        post("/addrec", ASHA, headers={"Origin": "https://example.org"}),
    ),
)
