"""URL building: views that lead to others by `url_for`."""

from __future__ import annotations

from tests.parity.scenario import Scenario, Step, get

CHAPTER = "url-building"
PATHS = ("/admin", "/guest/mvl", "/user/mvl", "/user/admin", "/store/odense")
# What a visitor may put into an address, as it stands there.
VALUES = (
    "Ærøskøbing",
    "日本",
    "%F0%9F%98%80",
    "two%20words",
    "a+b",
    "%",
    "%zz",
    "%ff",
    "%00",
    "a%0D%0Ab:c",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "%3Cb%3E&amp;%22'",
    "..%2f..%2f",
    "..%5c..%5c",
    "%252e%252e",
    "..",
    ".",
    "%5C%5Cevil.example",
    "a;b=c",
    "a?b=c",
    "a%3Fb%23c",
    "javascript:alert(1)",
    "n" * 2000,
)


def each(*paths: str) -> tuple[Step, ...]:
    return tuple(get(path) for path in paths)


SCENARIOS = (
    Scenario(
        CHAPTER,
        "leads the administrator and a guest to pages of their own",
        (
            get("/user/mvl"),
            get("/user/admin"),
            get("/user/mvl", follow=True),
            get("/user/admin", follow=True),
            get("/user/Admin"),
            get("/user/admin%20"),
            get("/user/mvl?a=1"),
        ),
        shown=0,
    ),
    Scenario(CHAPTER, "quotes what it puts into an address", each(*(f"/user/{v}" for v in VALUES))),
    Scenario(CHAPTER, "escapes a guest's name", each(*(f"/guest/{v}" for v in VALUES))),
    Scenario(
        CHAPTER,
        "follows a quoted name to the guest's page",
        tuple(get(f"/user/{v}", follow=True) for v in ("日本", "a%3Fb%23c", "%3Cb%3E", "50%25")),
    ),
    Scenario(
        CHAPTER,
        "knows the cities with a store, in any case",
        each(
            "/store/odense",
            "/store/Odense",
            "/store/ODENSE",
            "/store/København",
            "/store/K%C3%98BENHAVN",
            "/store/Kobenhavn",
            "/store/Ærøskøbing",
            "/store/aarhus%20",
            "/store/Delhi",
            *(f"/store/{value}" for value in VALUES),
        ),
    ),
    Scenario(
        CHAPTER,
        "has no other address",
        each(
            "/guest/",
            "/guest",
            "/guest/mvl/",
            "/guest/a/b",
            "/user/",
            "/user",
            "/user/mvl/",
            "/user//mvl",
            "/store/",
            "/store",
            "/store/odense/",
            "/admin/x",
            "/ADMIN",
            "/admin%00",
        ),
    ),
    Scenario(
        CHAPTER,
        "answers HEAD and OPTIONS on every path",
        (get("/admin"), *(Step(method, path) for method in ("HEAD", "OPTIONS") for path in PATHS)),
    ),
    Scenario(
        CHAPTER,
        "is for reading only",
        tuple(
            Step(method, path)
            for method in ("POST", "PUT", "PATCH", "DELETE", "BREW")
            for path in PATHS
        ),
    ),
)
