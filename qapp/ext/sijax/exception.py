"""What the extension raises when the app's own code uses it wrongly."""

from __future__ import annotations


class SijaxError(Exception):
    """The app uses Sijax in a way that cannot work; the message says which.

    Nothing that a visitor sends raises it: that ends in one of the two `invalid_…` events.
    """


class InvalidCall(Exception):
    """The browser's arguments do not fit the function; answered by the `invalid_call` event."""
