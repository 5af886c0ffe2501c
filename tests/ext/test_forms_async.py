"""Validators that are awaited: when they run, in which order, and what ends them."""

import asyncio
import gc
from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest
from quart import Quart
from werkzeug.datastructures import MultiDict
from wtforms import Field, FieldList, Form, FormField, IntegerField, StringField, validators
from wtforms.validators import StopValidation, ValidationError

from qapp.ext.forms import QuartForm

NO_CSRF = {"csrf": False}

ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


async def turn() -> None:
    await asyncio.sleep(0)


class Says:
    """An async validator that tells when it runs, and raises what it is given."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name, self.error = name, error

    async def __call__(self, form: Form, field: Field) -> None:
        await turn()
        ran.append(f"{self.name} {field.name}")
        if self.error is not None:
            raise self.error


def says_sync(form: Form, field: Field) -> None:
    ran.append(f"sync {field.name}")


def refuse_sync(form: Form, field: Field) -> None:
    raise ValidationError("sync no")


def later(form: Form, field: Field) -> Awaitable[None]:
    """Return an awaitable, although it is no coroutine function."""
    return Says("later")(form, field)


async def made(form_class: type[QuartForm], **values: Any) -> QuartForm:
    return await form_class.create_form(MultiDict(values), meta=NO_CSRF)


def form_with(*chain: Any, b: tuple[Any, ...] = (), **more: Any) -> type[QuartForm]:
    fields = {name: StringField(validators=list(own)) for name, own in (("a", chain), ("b", b))}
    return type("Made", (QuartForm,), {**fields, **more})


async def test_they_run_after_the_sync_ones_of_their_field_in_order() -> None:
    async def validate_a(form: Form, field: Field) -> None:
        await Says("inline")(form, field)

    form = await made(form_with(Says("1"), says_sync, Says("2"), later, validate_a=validate_a))
    assert await form.validate_async({"a": [says_sync, Says("extra")]})
    assert ran == ["sync a", "sync a", "1 a", "2 a", "later a", "extra a", "inline a"]


@pytest.mark.parametrize(
    "validator",
    [
        Says("x", ValidationError("no")),
        partial(Says("x", ValidationError("no"))),
        Says("x", ValidationError("no")).__call__,
        lambda form, field: Says("x", ValidationError("no"))(form, field),
        lambda form, field: asyncio.ensure_future(Says("x", ValidationError("no"))(form, field)),
    ],
    ids=["object", "partial", "method", "function", "task"],
)
async def test_whatever_is_to_be_awaited_is(validator: Any) -> None:
    form = await made(form_with(validator))
    assert not await form.validate_async()
    assert form.errors == {"a": ["no"]}


async def test_a_plain_error_lets_the_next_one_run_and_a_stop_does_not() -> None:
    chain = [
        Says("1", ValidationError("one")),
        Says("2", ValidationError("two")),
        Says("3", StopValidation("three")),
        Says("4"),
        later,
    ]
    form = await made(form_with(*chain))
    assert not await form.validate_async()
    assert form.errors == {"a": ["one", "two", "three"]}
    assert ran == ["1 a", "2 a", "3 a"]


async def test_a_stop_without_a_word_leaves_the_field_valid() -> None:
    form = await made(form_with(Says("1", StopValidation()), Says("2")))
    assert await form.validate_async()
    assert ran == ["1 a"]


@pytest.mark.parametrize(
    "chain",
    [
        [validators.Optional(), Says("x")],
        [Says("x"), later, validators.Optional()],
        [Says("x"), later, validators.DataRequired()],
        [Says("x"), later, refuse_sync],
    ],
)
async def test_none_runs_when_a_sync_one_stopped_or_refused_the_field(chain: list[Any]) -> None:
    form = await made(form_with(*chain, b=(Says("other"),)))
    is_optional = any(isinstance(each, validators.Optional) for each in chain)
    assert await form.validate_async({"a": [Says("extra")]}) == is_optional
    assert ran == ["other b"]


async def test_an_awaitable_that_cannot_be_ended_is_let_go() -> None:
    class Bare:
        def __await__(self) -> Any:
            raise AssertionError("awaited")

    form = await made(form_with(lambda form, field: Bare(), refuse_sync))
    assert not await form.validate_async()
    assert form.errors == {"a": ["sync no"]}


async def test_none_runs_on_what_is_not_of_the_fields_kind() -> None:
    form_class = type("Made", (QuartForm,), {"a": IntegerField(validators=[Says("x")])})
    form = await made(form_class, a="many")
    assert not await form.validate_async()
    assert ran == []
    assert await (await made(form_class, a="5")).validate_async()


async def test_fields_are_awaited_one_after_the_other() -> None:
    inside: list[str] = []

    async def alone(form: Form, field: Field) -> None:
        inside.append(field.name)
        await turn()
        assert inside == [field.name]
        inside.clear()

    form_class = form_with(alone, alone, b=(alone,))
    assert await (await made(form_class)).validate_async()


async def test_sync_validation_says_what_to_await() -> None:
    for form_class in (
        form_with(Says("x")),
        form_with(validators.Optional(), Says("x")),
        form_with(later),
        form_with(validate_a=Says("x").__call__),
        type("Made", (QuartForm,), {"a": FormField(form_with(Says("x")))}),
        type("Made", (QuartForm,), {"a": FieldList(StringField(validators=[Says("x")]))}),
    ):
        form = await made(form_class, **{"a-0": "x"})
        with pytest.raises(RuntimeError, match=r"is async.* await form\.validate_async\(\)"):
            form.validate()
    with pytest.raises(RuntimeError, match="Says of the field 'a' is async"):
        (await made(form_with())).validate({"a": [Says("x")]})
    assert ran == []
    assert (await made(form_with(says_sync))).validate()


async def test_the_validators_of_the_class_stay_as_they_are() -> None:
    chain = [says_sync, Says("x")]
    fields = {"a": StringField(validators=chain), "validate_a": Says("inline").__call__}
    form_class = type("Made", (QuartForm,), fields)
    extra = {"a": [says_sync]}
    for _ in range(2):
        form = await made(form_class)
        assert await form.validate_async(extra)
        assert await form.validate_async(extra)
        assert form.a.validators == chain
    assert chain == [chain[0], chain[1]]
    assert extra == {"a": [says_sync]}
    assert ran == ["sync a", "sync a", "x a", "inline a"] * 4


class Inner(QuartForm):
    name = StringField(validators=[Says("name")])
    code = StringField()

    async def validate_code(self, field: Field) -> None:
        await turn()
        if field.data == "bad":
            raise ValidationError("bad code")


class Outer(QuartForm):
    inner = FormField(Inner)
    words = FieldList(StringField(validators=[validators.Length(max=5), Says("word")]))
    rows = FieldList(FormField(Inner), validators=[Says("rows")])
    grid = FieldList(FieldList(StringField(validators=[Says("cell", ValidationError("no"))])))


async def test_they_run_in_lists_and_nested_forms() -> None:
    form = await made(
        Outer, **{"inner-code": "x", "words-0": "a", "words-1": "too long", "rows-0-code": "bad"}
    )
    assert not await form.validate_async()
    assert ran == ["name inner-name", "word words-0", "name rows-0-name"]
    assert form.errors == {
        "words": [[], ["Field cannot be longer than 5 characters."]],
        "rows": [{"code": ["bad code"]}],
    }
    ran.clear()
    form = await made(Outer, **{"rows-0-code": "good", "rows-1-code": "good"})
    assert await form.validate_async()
    assert ran == ["name inner-name", "name rows-0-name", "name rows-1-name", "rows rows"]


async def test_an_error_deep_in_lists_is_an_error_of_each_of_them() -> None:
    form = await made(Outer, **{"grid-0-0": "a", "grid-0-1": "b", "grid-1-0": "c"})
    assert not await form.validate_async()
    assert form.errors == {"grid": [[["no"], ["no"]], [["no"]]]}
    assert form.grid[0].errors == [["no"], ["no"]]


async def test_the_own_error_of_a_list_stays_behind_those_of_its_entries() -> None:
    class Listed(QuartForm):
        words = FieldList(
            StringField(validators=[Says("x", ValidationError("no"))]), validators=[refuse_sync]
        )

    form = await made(Listed, **{"words-0": "a", "words-1": "b"})
    assert not await form.validate_async()
    assert form.errors == {"words": [["no"], ["no"], "sync no"]}


async def test_a_nested_form_that_cannot_await_is_refused() -> None:
    class Plain(Form):  # type: ignore[misc]
        a = StringField()
        words = FieldList(StringField(validators=[Says("x")]), min_entries=1)

    class Inline(Form):  # type: ignore[misc]
        a = StringField()

        async def validate_a(self, field: Field) -> None:
            raise AssertionError

    for nested, name in ((Plain, "Plain.words"), (Inline, "Inline.a")):
        form = await made(type("Made", (QuartForm,), {"inner": FormField(nested)}))
        with pytest.raises(TypeError, match=rf"^{name} has an async validator"):
            await form.validate_async()


async def test_a_quart_form_within_a_plain_one_within_a_quart_form_is_awaited() -> None:
    class Between(Form):  # type: ignore[misc]
        inner = FormField(Inner)

    form = await made(
        type("Made", (QuartForm,), {"between": FormField(Between)}), **{"between-inner-code": "bad"}
    )
    assert not await form.validate_async()
    assert form.errors == {"between": {"inner": {"code": ["bad code"]}}}


async def test_an_overridden_sync_validate_counts() -> None:
    class Checked(QuartForm):
        a = StringField(validators=[Says("x")])

        def validate(self, extra_validators: Any = None) -> bool:
            if not super().validate(extra_validators):
                return False
            if self.a.data == "bad":
                self.form_errors.append("bad form")
                return False
            return True

    assert await (await made(Checked, a="good")).validate_async()
    form = await made(Checked, a="bad")
    assert not await form.validate_async()
    assert form.errors == {"": ["bad form"]}
    assert ran == ["x a"] * 2


async def test_an_overridden_validate_need_not_take_extra_validators() -> None:
    class Old(QuartForm):
        a = StringField(validators=[Says("x")])

        def validate(self) -> bool:  # type: ignore[override]
            return QuartForm.validate(self)

    assert await (await made(Old)).validate_async()
    assert ran == ["x a"]


class SyncFirst(QuartForm):
    a = StringField(validators=[Says("x")])

    async def validate(self, extra_validators: Any = None) -> bool:  # type: ignore[override]
        is_valid = super().validate(extra_validators)
        await turn()
        ran.append("own")
        return is_valid and self.a.data != "bad"


class AllFirst(QuartForm):
    a = StringField(validators=[Says("x")])

    async def validate(self, extra_validators: Any = None) -> bool:  # type: ignore[override]
        is_valid = await super().validate_async(extra_validators)
        ran.append("own")
        return is_valid and self.a.data != "bad"


@pytest.mark.parametrize(
    ("form_class", "order"), [(SyncFirst, ["own", "x"]), (AllFirst, ["x", "own"])]
)
async def test_an_overridden_async_validate_counts_nested_or_not(
    form_class: type[QuartForm], order: list[str]
) -> None:
    for value in ("good", "bad"):
        form = await made(form_class, a=value)
        assert await form.validate_async() == (value == "good")
        assert [each.split()[0] for each in ran] == order
        ran.clear()
        outer = type("Made", (QuartForm,), {"rows": FieldList(FormField(form_class))})
        form = await made(outer, **{"rows-0-a": value, "rows-1-a": "good"})
        assert await form.validate_async() == (value == "good")
        assert [each.split()[0] for each in ran] == order * 2
        ran.clear()
        with pytest.raises(RuntimeError, match=rf"{form_class.__name__}\.validate is async"):
            form.validate()


async def test_what_an_async_validate_says_of_a_nested_form_shows_in_its_list() -> None:
    class Row(QuartForm):
        a = StringField()

        async def validate(self, extra_validators: Any = None) -> bool:  # type: ignore[override]
            await turn()
            self.form_errors.append("bad row")
            return False

    form = await made(
        type("Made", (QuartForm,), {"rows": FieldList(FormField(Row))}), **{"rows-0-a": "x"}
    )
    assert not await form.validate_async()
    assert form.errors == {"rows": [{"": ["bad row"]}]}


@pytest.mark.parametrize("chain", [[Says("x", KeyError("bug")), later], [later, KeyError]])
async def test_another_error_ends_the_validation_and_leaves_nothing_behind(
    chain: list[Any],
) -> None:
    def fail(form: Form, field: Field) -> None:
        raise KeyError("bug")

    chain = [fail if each is KeyError else each for each in chain]
    form = await made(form_with(*chain, b=(later,)))
    with pytest.raises(KeyError, match="bug"):
        await form.validate_async()
    assert "later a" not in ran
    assert "later b" not in ran
    # And the form may be asked again.
    with pytest.raises(KeyError, match="bug"):
        await form.validate_async()


async def test_a_sync_error_leaves_nothing_behind_of_the_fields_before_it() -> None:
    def fail(form: Form, field: Field) -> None:
        raise KeyError("bug")

    form = await made(form_with(later, b=(fail,)))
    with pytest.raises(KeyError, match="bug"):
        await form.validate_async()
    gc.collect()  # a coroutine that nobody awaited would warn
    assert ran == []


async def test_a_cancelled_validation_runs_no_further() -> None:
    waits, never = asyncio.Event(), asyncio.Event()

    async def wait(form: Form, field: Field) -> None:
        waits.set()
        await never.wait()

    def background(form: Form, field: Field) -> Awaitable[object]:
        tasks.append(asyncio.ensure_future(never.wait()))
        return tasks[-1]

    tasks: list[asyncio.Future[Any]] = []
    form = await made(form_with(wait, later, b=(background,)))
    task = asyncio.create_task(form.validate_async())
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait(tasks)
    assert [each.cancelled() for each in tasks] == [True]
    assert ran == []
    assert form.a.validators[0] is wait


async def test_forms_of_one_class_are_validated_side_by_side() -> None:
    both = asyncio.Barrier(2)

    async def meet(form: Form, field: Field) -> None:
        async with both:
            if field.data == "bad":
                raise ValidationError("no")

    form_class = form_with(meet)
    forms = [await made(form_class, a=value) for value in ("good", "bad")]
    async with asyncio.timeout(10):
        valid = await asyncio.gather(*(form.validate_async() for form in forms))
    assert valid == [True, False]
    assert [form.errors for form in forms] == [{}, {"a": ["no"]}]


async def test_on_submit_they_are_awaited_and_else_not() -> None:
    app = Quart("site")
    app.secret_key = "secret"
    for method in ("GET", "POST"):
        async with app.test_request_context("/", method=method, form={"a": "x"}):
            form = await form_with(Says("x")).create_form(meta=NO_CSRF)
            assert await form.validate_on_submit() == (method == "POST")
    assert ran == ["x a"]
