"""File fields and their validators, and what of a submission reaches which field."""

import io
import tempfile
from typing import Any, Self

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from quart import Quart
from quart.testing.client import QuartClient
from quart.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage, MultiDict
from wtforms import Field, FieldList, Form, FormField, IntegerField, StringField, validators

from qapp.ext.forms import (
    FileAllowed,
    FileField,
    FileRequired,
    FileSize,
    MultipleFileField,
    QuartForm,
    file_allowed,
    file_required,
    file_size,
)

NO_CSRF = {"csrf": False}
REQUIRED = "This field is required."
NOT_CHOSEN = FileStorage(io.BytesIO(), filename="")  # what a browser sends for an empty field


def a_file(name: str = "a.png", content: bytes = b"data") -> FileStorage:
    return FileStorage(io.BytesIO(content), filename=name)


def form_with(*chain: Any, kind: type[Field] = FileField) -> type[QuartForm]:
    return type("Made", (QuartForm,), {"file": kind(validators=list(chain))})


async def sent(form_class: type[QuartForm], *values: Any, **kwargs: Any) -> QuartForm:
    data = MultiDict([("file", value) for value in values])
    return await form_class.create_form(data, meta=NO_CSRF, **kwargs)


async def errors(form_class: type[QuartForm], *values: Any) -> list[str]:
    form = await sent(form_class, *values)
    assert await form.validate_async() == (not form.errors)
    return list(form.errors.get("file", []))


async def test_a_field_takes_the_first_real_file() -> None:
    first, second = a_file("1"), a_file("2")
    assert (await sent(form_with(), NOT_CHOSEN, first, second)).file.data is first
    many = await sent(form_with(kind=MultipleFileField), first, "text", NOT_CHOSEN, second)
    assert many.file.data == [first, second]


@pytest.mark.parametrize("values", [[], [NOT_CHOSEN], ["text"], ["a.png", NOT_CHOSEN]])
async def test_no_file_leaves_a_field_empty_and_many_files_a_list(values: list[Any]) -> None:
    assert (await sent(form_with(), *values)).file.data is None
    assert (await sent(form_with(kind=MultipleFileField), *values)).file.data == []
    kept = await sent(form_with(validators.InputRequired()), *values, data={"file": "old.png"})
    assert kept.file.data == "old.png"
    assert not await kept.validate_async()
    assert await (
        await sent(form_with(validators.Optional(), FileSize(0)), *values)
    ).validate_async()


async def test_a_form_that_is_not_submitted_has_no_file() -> None:
    assert (await form_with().create_form(None, meta=NO_CSRF)).file.data is None
    form = await form_with(kind=MultipleFileField).create_form(None, meta=NO_CSRF)
    assert form.file.data == []


@pytest.mark.parametrize("kind", [FileField, MultipleFileField])
async def test_a_required_file_is_required(kind: type[Field]) -> None:
    form_class = form_with(FileRequired(), FileSize(0), kind=kind)
    assert await errors(form_class, NOT_CHOSEN) == [REQUIRED]
    assert await errors(form_class) == [REQUIRED]
    assert await errors(form_with(FileRequired("Choose one."), kind=kind)) == ["Choose one."]
    assert await errors(form_with(FileRequired(), kind=kind), a_file(content=b"")) == []
    assert (await sent(form_class)).file.flags.required


@pytest.mark.parametrize(
    ("allowed", "good", "bad"),
    [
        (["png", "jpg"], ["a.png", "A.PNG", "b.c.jpg", ".png", "../x.png"], ["a.gif", "png", "a"]),
        ([".PNG"], ["a.png"], ["a.png ", "a.png.", "a.png/", "a.png\0", "a.png\n"]),
        ({"gz"}, ["a.gz", "a.tar.gz"], ["a.tar", "agz"]),
        (("tar.gz",), ["a.tar.gz", "A.TAR.GZ"], ["a.gz"]),
        ("png", ["a.png"], ["a.p", "a.n"]),
        (iter(["png"]), ["a.png", "b.png"], ["a.gif"]),
        ([], [], ["a.png", "a"]),
    ],
    ids=range(7),
)
async def test_a_name_ends_with_one_of_the_extensions(
    allowed: Any, good: list[str], bad: list[str]
) -> None:
    checks = [FileAllowed(allowed), FileSize(10**6)]
    for kind in (FileField, MultipleFileField):
        form_class = form_with(*checks, kind=kind)
        for name in good:
            assert await errors(form_class, a_file(name)) == []
        for name in bad:
            (error,) = await errors(form_class, a_file(name))
            assert error.startswith("File does not have an approved extension: ")


async def test_every_file_needs_an_allowed_name_and_none_is_no_fault() -> None:
    form_class = form_with(FileAllowed({"png", "gif", "jpg"}), kind=MultipleFileField)
    assert await errors(form_class, a_file("a.png"), a_file("a.gif")) == []
    assert await errors(form_class, a_file("a.png"), a_file("a.exe")) == [
        "File does not have an approved extension: gif, jpg, png"
    ]
    assert await errors(form_class, NOT_CHOSEN) == []
    assert await errors(form_with(FileAllowed(["png"], "PNG only.")), a_file("x")) == ["PNG only."]


async def test_an_upload_set_decides_itself() -> None:
    class Short:
        def file_allowed(self, storage: FileStorage, basename: str) -> bool:
            return storage.filename is not None and len(basename) < 6

    assert await errors(form_with(FileAllowed(Short())), a_file("a.png")) == []
    assert await errors(form_with(FileAllowed(Short())), a_file("long.png")) == [
        "File does not have an approved extension."
    ]


class Watched(tempfile.SpooledTemporaryFile[bytes]):
    """A stream that must not be read."""

    def read(self, *args: Any) -> bytes:
        raise AssertionError("read")

    def __iter__(self) -> Self:
        raise AssertionError("read")


@pytest.mark.parametrize("rolled_over", [False, True])
async def test_a_size_is_known_without_reading_and_the_place_is_kept(rolled_over: bool) -> None:
    with Watched(max_size=10) as stream:
        stream.write(b"12345")
        stream.seek(2)
        if rolled_over:
            stream.rollover()
        file = FileStorage(stream, filename="a")
        message = "File must be between {} and {} bytes."
        for limits, error in (
            ((5,), None),
            ((5, 5), None),
            ((4,), message.format(0, 4)),
            ((9, 6), message.format(6, 9)),
        ):
            found = await errors(form_with(FileSize(*limits)), file)
            assert found == ([error] if error else [])
            assert stream.tell() == 2


async def test_the_size_of_every_file_counts() -> None:
    form_class = form_with(FileSize(3, message="Too big."), kind=MultipleFileField)
    assert await errors(form_class, a_file(content=b"123"), a_file(content=b"")) == []
    assert await errors(form_class, a_file(content=b"123"), a_file()) == ["Too big."]


async def test_a_stream_without_a_known_size_is_the_developers_fault() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    form = await sent(form_with(FileSize(1)), FileStorage(Pipe(b"1"), filename="a"))
    with pytest.raises(TypeError, match="The size of a Pipe is unknown"):
        await form.validate_async()


def test_validators_have_their_old_names() -> None:
    assert (file_required, file_allowed, file_size) == (FileRequired, FileAllowed, FileSize)


class Part(QuartForm):
    photo = FileField()
    tags = FieldList(StringField())
    name = StringField(validators=[validators.Length(max=9)])


class PlainPart(Form):  # type: ignore[misc]  # WTForms ships no types
    name = StringField(validators=[validators.Length(max=9)])


class Album(QuartForm):
    cover = FileField(validators=[FileAllowed(["png"]), FileSize(9)])
    more = MultipleFileField()
    title = StringField(validators=[validators.Length(max=9)])
    year = IntegerField(validators=[validators.Optional()])
    files = FieldList(FileField())
    words = FieldList(StringField(validators=[validators.Length(max=9)]), max_entries=3)
    part = FormField(Part)
    parts = FieldList(FormField(form_class=Part))
    grid = FieldList(FieldList(unbound_field=FileField()))
    plain = FormField(PlainPart)
    plains = FieldList(FormField(PlainPart))


async def test_files_reach_lists_and_nested_forms_over_the_wire() -> None:
    app = Quart("site")
    app.config["WTF_CSRF_ENABLED"] = False
    names = ["cover", "files-0", "part-photo", "parts-0-photo", "grid-0-0", "part-name", "words-0"]

    @app.post("/")
    async def album() -> ResponseReturnValue:
        form = await Album.create_form()
        found = [form.cover, form.files[0], form.part.photo, form.parts[0].photo, form.grid[0][0]]
        return {
            "files": [field.data.filename for field in found],
            "texts": [form.part.form.name.data, form.words.data],
            "valid": await form.validate_on_submit(),
        }

    files = {name: a_file(f"{name}.png") for name in names}
    response = await QuartClient(app).post("/", files=files)
    assert await response.get_json() == {
        "files": [f"{name}.png" for name in names[:5]],
        "texts": [None, []],
        "valid": True,
    }


NAMES = st.sampled_from(
    [
        *Album(meta=NO_CSRF).data,
        *("csrf_token", "", "files", "part-", "parts--", "parts-0", "grid-0", "unknown"),
        *(f"{name}-0" for name in ("title", "cover", "files", "words", "part", "plains")),
        *("part-photo", "part-name", "parts-1-photo", "parts-1-name", "parts-1-name-2"),
        *("grid-0-0", "grid-0-x", "plain-name", "plains-0-name", "plains-5-name"),
        *("words-²", "words-٣", "words-99999999999", f"grid-0-{'9' * 5000}", "plains-³-name"),
    ]
)
VALUES = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.builds(a_file, st.sampled_from(["", "a.png", "..", "x\0", "n" * 300]), st.binary()),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
@example([("words-²", "x"), ("words-" + "9" * 5000, "x"), ("plains-³-name", "x")])
@example([("plain-name", a_file()), ("plains-0-name", a_file()), ("parts-0-name", a_file())])
async def test_whatever_is_sent_files_stay_with_file_fields(
    values: list[tuple[str, str | FileStorage]],
) -> None:
    form = await Album.create_form(MultiDict(values), meta=NO_CSRF)
    await form.validate_async()

    def check(fields: Any) -> None:
        for field in fields:
            if isinstance(field, FieldList | FormField):
                check(field)
            elif isinstance(field, MultipleFileField):
                assert all(isinstance(file, FileStorage) and file for file in field.data)
            elif isinstance(field, FileField):
                assert field.data is None or isinstance(field.data, FileStorage)
            else:
                assert not isinstance(field.data, FileStorage)
                str(field())

    check(form)


async def test_files_pass_a_plain_form_on_their_way_to_one_that_takes_them() -> None:
    class Between(Form):  # type: ignore[misc]  # WTForms ships no types
        part = FormField(Part)

    class Made(QuartForm):
        between = FormField(Between)

    form = await Made.create_form(
        MultiDict({"between-part-photo": a_file(), "between-part-name": a_file()}), meta=NO_CSRF
    )
    assert form.between.part.photo.data.filename == "a.png"
    assert form.between.part.form.name.data is None


async def test_a_field_of_its_own_kind_reads_what_is_sent_as_a_mapping() -> None:
    class Day(StringField):  # type: ignore[misc]  # WTForms ships no types
        def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
            super().process(formdata, *args, **kwargs)
            if formdata:
                names = ("day-year", "day-month", "title", "none")
                seen.append([formdata.get(name) for name in names])
                seen.append([sorted(formdata), len(formdata), formdata["day-year"]])

    seen: list[Any] = []

    class Made(QuartForm):
        day = Day()
        title = StringField()

    data = MultiDict([("day-year", "1999"), ("day-month", "7"), ("title", a_file())])
    await Made.create_form(data, meta=NO_CSRF)
    assert seen == [["1999", "7", None, None], [["day-month", "day-year"], 2, "1999"]]


async def test_a_part_without_a_name_and_hostile_indices_are_passed_over() -> None:
    app = Quart("site")
    app.config["WTF_CSRF_ENABLED"] = False

    @app.post("/")
    async def album() -> ResponseReturnValue:
        form = await Album.create_form()
        return {"valid": await form.validate_on_submit(), "words": form.words.data}

    head = b"--b\r\nContent-Disposition: form-data"
    body = b"".join(
        head + name + b"\r\n\r\nx\r\n"
        for name in (b"", '; name="words-²"'.encode(), b'; name="words-1"')
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = await QuartClient(app).post("/", data=body + b"--b--\r\n", headers=headers)
    assert await response.get_json() == {"valid": True, "words": ["x"]}


async def test_a_thousand_nested_forms_look_each_at_its_own_names() -> None:
    class Counting(MultiDict[str, str]):
        looked = 0

        def getlist(self, *args: Any, **kwargs: Any) -> Any:
            Counting.looked += 1
            return super().getlist(*args, **kwargs)

    data = Counting((f"parts-{i}-name", "x") for i in range(1000))
    form = await Album.create_form(data, meta=NO_CSRF)
    assert len(form.parts) == 1000
    assert Counting.looked < 50_000
