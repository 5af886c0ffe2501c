"""Bad input: what can't be used is refused, named where it is a field, and no error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from qapp.blog.forms import LONGEST_TEXT, LONGEST_TITLE
from tests.conftest import Dump

from .conftest import ENTRIES, ENTRY, STUDENT, STUDENTS, Program

UNREADABLE = [
    "",
    " ",
    "{",
    "{'title': 'x'}",
    "title=x",
    "nul",
    '{"title": "x",}',
    '{"title": "x"} {}',
    '{"title": "x\n"}',
    '{"title": "\\x"}',
    '{"title": "\\ud8"}',
    "\ufeff{}",
    "NaN",
    "-Infinity",
    '{"title": NaN, "text": "x"}',
    '{"title": "x", "text": Infinity}',
    '{"title": "x", "title": "y", "text": "z"}',
    '{"title": "x", "text": "y", "extra": [{"a": 1, "a": 1}]}',
    '{"title": "x", "text": "y", "\\ud800": 1}',
    '{"title": "x", "text": "y", "ü\\udfff": 1}',
    '{"title": "x", "text": "y", "extra": [{"\\ud800": "\\ud800"}]}',
    '{"\\ud800": 1, "\\ud800": 2}',
    '{"' + "n" * 100_000 + '": 1, "' + "n" * 100_000 + '": 2}',
    "[" * 500_000,
    '{"title":' * 100_000,
    "[" * 400_000 + "]" * 400_000,
    "1" * 5000,
    '{"title": -' + "9" * 5000 + "}",
    b"\xff",
    b'{"title": "\xed\xa0\x80", "text": "x"}',
    b'{"title": "\xc0\x80", "text": "x"}',
    '{"title": "x", "text": "y"}'.encode("utf-16"),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_what_is_no_strict_json_is_refused(
    alice_program: Program, dump: Callable[[], Dump], body: str | bytes
) -> None:
    reply = await alice_program.send("POST", ENTRIES, body)
    assert len(reply.problem(400)["detail"]) < 300
    assert dump()["entries"] == []


NO_OBJECTS = ["[]", "null", "true", "1", '"x"', "[[]]", "1e999", "1" * 401, "[" * 90 + "]" * 90]


@pytest.mark.parametrize("body", NO_OBJECTS)
async def test_what_is_no_object_is_refused(alice_program: Program, body: str) -> None:
    for path in (ENTRIES, STUDENTS, f"{STUDENTS}/bulk"):
        reply = await alice_program.send("POST", path, body)
        assert reply.fields == [""]
        assert "a JSON object" in reply.json["detail"]


async def test_a_body_of_ten_megabytes_is_too_large(alice_program: Program) -> None:
    for body in ("[" * 10_000_000, '{"text": "' + "x" * 10_000_000 + '"}'):
        (await alice_program.send("POST", ENTRIES, body)).problem(413)


SURROGATE = "\\ud800"
FAULTY = [
    ('{"text": "x"}', ["/title"]),
    ("{}", ["/title", "/text"]),
    ('{"title": null, "text": 1}', ["/title", "/text"]),
    ('{"title": ["x"], "text": {"a": "b"}}', ["/title", "/text"]),
    (f'{{"title": 1{"0" * 400}, "text": 1e400}}', ["/title", "/text"]),
    (f'{{"title": "{SURROGATE}", "text": "x"}}', ["/title"]),
    (f'{{"title": "x", "text": "a{SURROGATE}b"}}', ["/text"]),
    ('{"title": "x", "text": "y", "a/b~c": 1}', ["/a~1b~0c"]),
    ('{"title": "x", "text": "y", "": 1}', ["/"]),
    ('{"title": "x", "text": "y", "a\\u0000\\u202eb": 1}', ["/a��b"]),
    ('{"title": "x", "text": "y", "' + "n" * 100_000 + '": 1}', ["/" + "n" * 60]),
    ('{"title": "x", "text": "y", "id": 1, "author": "bob"}', ["/id", "/author"]),
    ('{"title": "x", "text": "y", "Title": "x"}', ["/Title"]),
    ('{"title": " \\u2003\\u00a0", "text": "\\n \\t"}', ["/title", "/text"]),
    ('{"title": "a\\nb", "text": "x"}', ["/title"]),
    ('{"title": "a\\u0000b", "text": "a\\u0000b"}', ["/title", "/text"]),
    ('{"title": "a\\u001bb", "text": "a\\u000cb"}', ["/title", "/text"]),
    (json.dumps({"title": "x" * (LONGEST_TITLE + 1), "text": "x"}), ["/title"]),
    (json.dumps({"title": "x", "text": "x" * (LONGEST_TEXT + 1)}), ["/text"]),
]


@pytest.mark.parametrize(("body", "fields"), FAULTY, ids=range(len(FAULTY)))
async def test_each_field_with_a_fault_is_named(
    alice_program: Program, dump: Callable[[], Dump], body: str, fields: list[str]
) -> None:
    for method, path in (("POST", ENTRIES), ("PUT", f"{ENTRIES}/1")):
        reply = await alice_program.send(method, path, body, headers={"If-Match": '"1"'})
        assert reply.fields == fields
        assert all(fault["detail"] for fault in reply.json["errors"])
        assert len(reply.body) < 2000
    assert dump()["entries"] == []


async def test_what_is_no_text_in_one_of_many_students_is_named(alice_program: Program) -> None:
    body = json.dumps({"items": [STUDENT, {**STUDENT, "name": "\ud800", "ü🙂": 1}, 7]})
    reply = await alice_program.send("POST", f"{STUDENTS}/bulk", body)
    assert reply.fields == ["/items/1/name", "/items/1/ü🙂", "/items/2"]


async def test_the_longest_that_is_taken_is_taken_whole(alice_program: Program) -> None:
    longest = {"title": "🙂" * LONGEST_TITLE, "text": "é" * LONGEST_TEXT}
    added = await alice_program.added(json=longest)
    assert {name: added.json[name] for name in longest} == longest


KINDS = [
    (None, 415),
    ("", 415),
    ("text/plain", 415),
    ("application/x-www-form-urlencoded", 415),
    ("multipart/form-data; boundary=x", 415),
    ("application/xml", 415),
    ("application/problem+json", 415),
    ("application/json; charset=latin-1", 415),
    ("application/json; charset=utf-16", 415),
    ("application/jsonx", 415),
    ("\x00", 415),
    ("application/json", 201),
    ("application/json; charset=utf-8", 201),
    ('Application/JSON;charset="UTF-8"', 201),
]


@pytest.mark.parametrize(("kind", "status"), KINDS)
async def test_only_what_says_that_it_is_json_in_utf_8_is_read(
    alice_program: Program, kind: str | None, status: int
) -> None:
    reply = await alice_program.send("POST", ENTRIES, json.dumps(ENTRY), kind)
    assert reply.status == status
    if status != 201:
        reply.problem(415)


LISTS = [ENTRIES, f"{ENTRIES}/search", STUDENTS, "/api/v1/files"]
NO_NUMBERS = ["0", "-1", "", "x", "1.5", "1.0", "1e1", "%2B5", "%205", "5%20", "1_0", "0x5", "true",
              "%D9%A3", "null", "NaN", "%00", "5%00", "1" * 400, "1" * 5000]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("value", [*NO_NUMBERS, "101", "1000000"])
async def test_a_limit_is_a_number_of_1_to_100(nobody: Program, path: str, value: str) -> None:
    reply = await nobody.get(
        f"{path}?limit={value}&q=x" if "search" in path else f"{path}?limit={value}"
    )
    assert reply.fields == ["limit"]


@pytest.mark.parametrize("value", [*NO_NUMBERS, "9223372036854775808"])
async def test_a_forged_place_in_a_list_is_refused(nobody: Program, value: str) -> None:
    for path, name in (
        (f"{ENTRIES}?", "before"),
        ("/api/v1/files?", "before"),
        (f"{STUDENTS}?", "after"),
        (f"{ENTRIES}/search?q=x&", "page"),
    ):
        assert (await nobody.get(f"{path}{name}={value}")).fields == [name]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{ENTRIES}?limit=1&limit=2", ["limit"]),
        (f"{ENTRIES}?limit[]=1", ["limit[]"]),
        (f"{ENTRIES}?author=alice&author=bob", ["author"]),
        (f"{ENTRIES}?author=a", ["author"]),
        (f"{ENTRIES}?author=alice%0A", ["author"]),
        (f"{ENTRIES}?page=1", ["page"]),
        (f"{ENTRIES}?%ED%A0%80=1", ["%ED%A0%80"]),
        (f"{ENTRIES}?a%00%E2%80%AEb=1", ["a��b"]),
        (f"{ENTRIES}?=1", [""]),
        (f"{ENTRIES}?" + "n" * 400, ["n" * 60]),
        (f"{ENTRIES}/1?x=1&y=2", ["x", "y"]),
        (f"{ENTRIES}/1?" + "n" * 400, ["n" * 60]),
        (f"{ENTRIES}/1?%ED%A0%80%00=1", ["%ED%A0%80�"]),
        (f"{ENTRIES}/search", ["q"]),
        (f"{ENTRIES}/search?q=", ["q"]),
        (f"{ENTRIES}/search?q=a&q=b", ["q"]),
        (f"{ENTRIES}/search?q=" + "x" * 201, ["q"]),
        (f"{STUDENTS}?sort=pin%20", ["sort"]),
        (f"{STUDENTS}?sort=--id", ["sort"]),
        (f"{STUDENTS}?sort=version", ["sort"]),
        (f"{STUDENTS}?sort=id&sort=name", ["sort"]),
        (f"{STUDENTS}?in=id", ["in"]),
        (f"{STUDENTS}?in_=name", ["in_"]),
        (f"{STUDENTS}?format=xml", ["format"]),
        (f"{STUDENTS}?q=" + "x" * 101, ["q"]),
        (f"{STUDENTS}?value=" + "x" * 201, ["value"]),
    ],
)
async def test_each_parameter_with_a_fault_is_named(
    nobody: Program, path: str, fields: list[str]
) -> None:
    assert (await nobody.get(path)).fields == fields


HOSTILE = ["'; DROP TABLE students; --", "%", "_", "\\", "\0", "a\0b", '"', "\ud800", "{{7*7}}",
           "\r\nX: y", "🙂" * 50, "x" * 100]  # fmt: skip


@pytest.mark.parametrize("sort", ["id", "name"])
async def test_hostile_words_and_places_find_nothing_and_break_nothing(
    alice_program: Program, sort: str
) -> None:
    await alice_program.added(STUDENTS, STUDENT)
    for text in HOSTILE:
        escaped = quote(text, safe="", errors="surrogatepass")
        for query in (f"q={escaped}", f"after=1&value={escaped}", f"q={escaped}&after=9&value=x"):
            for kind in ("json", "ndjson"):
                reply = await alice_program.get(f"{STUDENTS}?sort={sort}&format={kind}&{query}")
                assert reply.status == 200, query
        assert (await alice_program.get(f"{ENTRIES}/search?q={escaped}")).status == 200
