"""What an app registers for a request: functions that a page may call, and events."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from quart.datastructures import FileStorage
from werkzeug.datastructures import MultiDict

from .exception import SijaxError
from .responses import BaseResponse, CometResponse, UploadResponse

Callback = Callable[..., Any]


class Registered(NamedTuple):
    """A function, and how it is called."""

    callback: Callback
    response_class: type[BaseResponse]
    args_extra: Sequence[Any]


def _invalid_request(response: BaseResponse, name: str) -> None:
    response.alert("The action you performed is unavailable! (Sijax error)")


def _invalid_call(response: BaseResponse, callback: Callback) -> None:
    response.alert("You tried to perform an action in a wrong way! (Sijax error)")


class Registry:
    """The functions and events of one request."""

    EVENT_BEFORE_PROCESSING: ClassVar = "before_processing"
    EVENT_AFTER_PROCESSING: ClassVar = "after_processing"
    EVENT_INVALID_REQUEST: ClassVar = "invalid_request"
    EVENT_INVALID_CALL: ClassVar = "invalid_call"

    def __init__(self) -> None:
        self._files: MultiDict[str, FileStorage] = MultiDict()
        self._registered: dict[str, Registered] = {}
        self._events: dict[str, Callback] = {
            self.EVENT_INVALID_REQUEST: _invalid_request,
            self.EVENT_INVALID_CALL: _invalid_call,
        }

    def register_callback(
        self,
        public_name: str,
        callback: Callback,
        response_class: type[BaseResponse] | None = None,
        args_extra: Sequence[Any] | None = None,
    ) -> Self:
        """Let the page call a function, async or not, as `callback(response, *extra, *args)`.

        :raises SijaxError: if a parameter is not what it has to be.
        """
        self._registered[public_name] = checked(callback, response_class, args_extra)
        return self

    def register_object(self, obj: object, **options: Any) -> Self:
        """Register each method of an object whose name does not begin with an underscore."""
        for name in dir(obj):
            # Looked up on the class: reading a property would run it.
            if name.startswith("_") or isinstance(getattr(type(obj), name, None), property):
                continue
            if callable(method := getattr(obj, name)):
                self.register_callback(name, method, **options)
        return self

    def register_comet_callback(self, public_name: str, callback: Callback, **options: Any) -> Self:
        """Register a generator, async or not, each step of which sends its commands at once."""
        options.setdefault("response_class", CometResponse)
        return self.register_callback(public_name, callback, **options)

    def register_comet_object(self, obj: object, **options: Any) -> Self:
        """Register the methods of an object as `register_comet_callback` does."""
        options.setdefault("response_class", CometResponse)
        return self.register_object(obj, **options)

    def register_upload_callback(self, form_id: str, callback: Callback, **options: Any) -> str:
        """Register who gets a form with files, as `callback(response, files, form_values)`.

        :returns: JSON for the form's attribute `data-sijax-upload`, which makes the script send it.
        """
        options.setdefault("response_class", UploadResponse)
        options.setdefault("args_extra", [self._files])
        name = f"{form_id}_upload"
        self.register_callback(name, callback, **options)
        return json.dumps({"formId": form_id, "callback": name})

    def register_event(self, event_name: str, callback: Callback) -> Self:
        """Call a function at one of the events, in place of the one that was.

        :raises SijaxError: if it cannot be called.
        """
        if not callable(callback):
            raise SijaxError(f"{callback!r} cannot be called")
        self._events[event_name] = callback
        return self

    def has_event(self, event_name: str) -> bool:
        """Return whether something is called at an event."""
        return event_name in self._events

    def get_event(self, event_name: str) -> Callback | None:
        """Return what is called at an event."""
        return self._events.get(event_name)


def checked(
    callback: Callback,
    response_class: type[BaseResponse] | None,
    args_extra: Sequence[Any] | None,
) -> Registered:
    """Return what is registered.

    :raises SijaxError: if a parameter is not what it has to be.
    """
    try:
        inspect.signature(callback)
    except (TypeError, ValueError) as error:
        raise SijaxError(f"{callback!r} cannot be called, or with what nobody knows") from error
    if not (response_class is None or callable(response_class)):
        raise SijaxError(f"{response_class!r} makes no responses")
    if not (args_extra is None or isinstance(args_extra, (list, tuple))):
        raise SijaxError("args_extra is a list or a tuple")
    return Registered(callback, response_class or BaseResponse, args_extra or ())
