"""Validators that are awaited, in the chains that WTForms runs.

WTForms walks through fields, lists and nested forms and calls each validator. It still does: for
the time of that walk each validator stands behind a stand-in that sets aside what must be awaited.
What was set aside is awaited afterwards, for the fields whose chain came to its end without error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import Any, TypeAlias

from wtforms import Field, FieldList, FormField
from wtforms.form import BaseForm
from wtforms.validators import StopValidation, ValidationError

from .validators import is_async, is_plain

Validator: TypeAlias = Callable[[Any, Any], object]
# The lists that a field is an entry of, the outermost first.
Lists: TypeAlias = tuple[FieldList, ...]


class Run:
    """One validation of a form and of all forms nested in it."""

    def __init__(self) -> None:
        self._steps: list[_Chain | _NestedForm] = []

    def add(self, step: _Chain | _NestedForm) -> None:
        """Set aside what is to be awaited when all before it is done."""
        self._steps.append(step)

    async def finish(self) -> bool:
        """Await one after the other what was set aside; return whether all of it was valid.

        Never two at once: one database transaction may be behind them.
        """
        is_valid = True
        # A step may add others: those of a nested form whose own `validate` is awaited.
        steps, self._steps = self._steps, []
        try:
            while steps:
                is_valid = await steps.pop(0).finish() and is_valid
        finally:
            _drop_all(steps)
        return is_valid

    def drop(self) -> None:
        """Give up what nobody will await."""
        _drop_all(self._steps)


class AsyncValidation(BaseForm):  # type: ignore[misc]  # WTForms ships no types
    """The part of a form below `wtforms.Form`, which hands it every validator there is."""

    _async_run: Run | None = None  # None: nobody awaits
    _async_lists: Lists = ()

    def validate(self, extra_validators: Mapping[str, Iterable[Validator]] | None = None) -> bool:
        """Run the sync validators and leave the others to the run.

        :raises RuntimeError: if there are others and nobody awaits them.
        :raises TypeError: if a nested form that has others cannot await.
        """
        extra = dict(extra_validators or {})
        others = [
            (name, field)
            for name, field in self._fields.items()
            if extra.get(name) or not is_plain(field)
        ]
        if not others:
            return bool(super().validate(extra))
        with ExitStack() as stack:
            for name, field in others:
                chain = self._prepare(field, self._async_lists, stack)
                if chain is not None:
                    extra[name] = [*chain.stand_ins(extra.get(name, ())), chain.complete]
            return bool(super().validate(extra))

    def _prepare(self, field: Field, lists: Lists, stack: ExitStack) -> _Chain | None:
        """Put stand-ins in the place of a field's validators and of those of its entries."""
        if isinstance(field, FormField):  # WTForms lets it have no validators of its own
            self._enter(field.form, lists, stack)
            return None
        chain = _Chain(self._async_run, field, lists)
        stack.callback(chain.drop_unless_complete)
        # The list itself is shared by all forms of the class.
        _swap(stack, field, "validators", chain.stand_ins(field.validators))
        if isinstance(field, FieldList):
            for entry in field.entries:
                of_entry = self._prepare(entry, (*lists, field), stack)
                if of_entry is not None:
                    entry.validators.append(of_entry.complete)
        return chain

    def _enter(self, form: BaseForm, lists: Lists, stack: ExitStack) -> None:
        """Make a nested form part of this form's run."""
        if isinstance(form, AsyncValidation):
            _swap(stack, form, "_async_run", self._async_run)
            _swap(stack, form, "_async_lists", lists)
            if iscoroutinefunction(form.validate):
                run = _need(self._async_run, f"{type(form).__name__}.validate")
                # WTForms would take the coroutine for a True.
                form.__dict__["validate"] = _NestedForm(run, form, lists).defer
                stack.callback(form.__dict__.pop, "validate")
            return
        for name, field in form._fields.items():
            inline = getattr(type(form), f"validate_{name}", None)
            for each in _with_entries(field):
                if any(map(is_async, (*each.validators, inline))):
                    raise TypeError(
                        f"{type(form).__name__}.{name} has an async validator: a form nested in a"
                        " QuartForm must be a QuartForm too to have one."
                    )
                if isinstance(each, FormField):
                    self._enter(each.form, lists, stack)


class _Chain:
    """The validators of one field, in order."""

    def __init__(self, run: Run | None, field: Field, lists: Lists) -> None:
        self._run = run
        self._field = field
        self._lists = lists
        self._waiting: list[Callable[[], Any] | Awaitable[object]] = []
        self._is_complete = False

    def stand_ins(self, validators: Iterable[Validator]) -> list[Validator]:
        chain: list[Validator] = []
        for validator in validators:
            if is_async(validator):
                _need(self._run, _name(validator), self._field)
                chain.append(partial(self._set_aside, validator))
            else:
                chain.append(partial(self._call, validator))
        return chain

    def _set_aside(self, validator: Validator, form: BaseForm, field: Field) -> None:
        self._waiting.append(partial(validator, form, field))

    def _call(self, validator: Validator, form: BaseForm, field: Field) -> None:
        # What is no coroutine function may return an awaitable all the same.
        result = validator(form, field)
        if result is not None and isawaitable(result):
            self._waiting.append(result)
            _need(self._run, _name(validator), field)

    def complete(self, form: BaseForm, field: Field) -> None:
        """Be the last of the chain: it is not reached when a validator stops the chain."""
        self._is_complete = True
        if self._waiting and self._run is not None:
            self._run.add(self)

    async def finish(self) -> bool:
        try:
            if not self._field.errors:
                await self._finish_chain()
        finally:
            self.drop()
        if self._field.errors:
            _show_in(self._lists)
        return not self._field.errors

    async def _finish_chain(self) -> None:
        # As in WTForms' own chain: only StopValidation keeps the next validator from running.
        while self._waiting:
            waiting = self._waiting.pop(0)
            try:
                await (waiting if isawaitable(waiting) else waiting())
            except StopValidation as error:
                if error.args and error.args[0]:
                    self._field.errors.append(error.args[0])
                self.drop()
            except ValidationError as error:
                self._field.errors.append(error.args[0])

    def drop(self) -> None:
        for waiting in self._waiting:
            if isawaitable(waiting):
                # A coroutine that is not awaited warns unless it is closed; a task would run on.
                end = getattr(waiting, "close", None) or getattr(waiting, "cancel", None)
                if end is not None:
                    end()
        self._waiting.clear()

    def drop_unless_complete(self) -> None:
        if not self._is_complete:
            self.drop()


class _NestedForm:
    """A nested form whose `validate` is awaited."""

    def __init__(self, run: Run, form: AsyncValidation, lists: Lists) -> None:
        self._run = run
        self._form = form
        self._lists = lists

    def defer(self) -> bool:
        """Stand in for `validate`, which WTForms calls."""
        self._run.add(self)
        return True

    async def finish(self) -> bool:
        with ExitStack() as stack:
            _swap(stack, self._form, "_async_run", self._run)
            _swap(stack, self._form, "_async_lists", self._lists)
            validate: Any = self._form.validate
            is_valid = bool(await validate())
            is_valid = await self._run.finish() and is_valid
        if not is_valid:
            _show_in(self._lists)
        return is_valid

    def drop(self) -> None:
        """Nothing was begun."""


def _need(run: Run | None, name: str, field: Field | None = None) -> Run:
    if run is None:
        where = f" of the field {field.name!r}" if field is not None else ""
        raise RuntimeError(
            f"{name}{where} is async: in place of form.validate() write"
            " await form.validate_async(), or await form.validate_on_submit()."
        )
    return run


def _name(validator: Validator) -> str:
    return getattr(validator, "__qualname__", type(validator).__qualname__)


def _with_entries(field: Field) -> Iterator[Field]:
    yield field
    for entry in field.entries if isinstance(field, FieldList) else ():
        yield from _with_entries(entry)


def _show_in(lists: Lists) -> None:
    """Put the errors of entries before those of their lists, as WTForms does."""
    for owner in reversed(lists):
        own = [error for error in owner.errors if not isinstance(error, list | tuple | dict)]
        owner.errors = [entry.errors for entry in owner.entries] + own


def _drop_all(steps: list[_Chain | _NestedForm]) -> None:
    for step in steps:
        step.drop()
    steps.clear()


def _swap(stack: ExitStack, owner: object, name: str, value: object) -> None:
    """Set an attribute until the stack ends."""
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
