"""What the models of the API are made of, and those that all sections share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from qapp.web.paging import LARGEST_ID

EXAMPLE_TIME = "2026-11-27T09:30:00Z"


class Model(BaseModel):
    """Data of the API: what it does not know is refused, and nothing is guessed.

    `model_validate` takes a row for it, too: its columns by their names, times as milliseconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class Fault(Model):
    """What is wrong with one field."""

    field: str = Field(
        description="Where it is: a JSON pointer (RFC 6901) into the body, or the name of what "
        "stands in the address or a header.",
        examples=["/title"],
    )
    detail: str = Field(examples=["This field is required."])


class Problem(Model):
    """What went wrong, for programs and for people (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="The status, in words.", examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(
        description="What was wrong, and what to do.",
        examples=["The request has a fault. /title: This field is required."],
    )
    errors: list[Fault] | None = Field(None, description="Each fault that was found, if there are.")
    error_id: str | None = Field(None, description="Under what the server's log has it.")


class Tagged(Model):
    """The headers of an answer that may be changed or asked for again."""

    etag: str = Field(
        description="Names this version: for If-Match and If-None-Match.", examples=['"17"']
    )


class Created(Tagged):
    """The headers of an answer about something new."""

    location: str = Field(description="Where it is.", examples=["/api/v1/entries/17"])


class Located(Model):
    """The headers of an answer that says where the result is."""

    location: str = Field(description="Where it is.", examples=["/api/v1/students"])


# What is no blank: those of str.strip, each by its number, as programs' \\s differ.
NO_BLANK = r"[^\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


def one_line(longest: int, **kwargs: Any) -> Any:
    """Return the type of a text of one line, which is more than blanks; those around it go."""
    return Annotated[
        str,
        Field(
            min_length=1,
            max_length=longest,
            pattern=rf"^[^\x00-\x1f]*{NO_BLANK}[^\x00-\x1f]*$",
            **kwargs,
        ),
        AfterValidator(str.strip),
    ]


def time_of(time_ms: int) -> datetime:
    """Return a time of the database as the models have it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


Time = Annotated[AwareDatetime, Field(examples=[EXAMPLE_TIME])]
NextPage = Annotated[
    str | None,
    Field(
        description="The address of the next page; null on the last one.",
        examples=["/api/v1/entries?before=17"],
    ),
]


def digits(text: object) -> int:
    """Read a number of a query string: pydantic takes blanks around it, signs and 1_0 too.

    :raises PydanticCustomError: if it is none, or so long that no database has it.
    """
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER:
        return int(text)
    raise PydanticCustomError("int_parsing", "no number")


def number(value: object) -> object:
    """Let a number of JSON pass, which may be written 1.0: pydantic takes "1" and true too.

    :raises PydanticCustomError: if it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("int_type", "no number")


LONGEST_NUMBER = len(str(LARGEST_ID))
# These go last: what comes behind them is not documented.
Digits = BeforeValidator(digits)
Number = BeforeValidator(number)
Before = Annotated[
    int,
    Field(
        ge=1,
        le=LARGEST_ID,
        description="Only those with a smaller id.",
        # It is larger than JavaScript counts: what fills in defaults would send another number.
        json_schema_extra=lambda schema: schema.pop("default", None),
    ),
    Digits,
]
Limit = Annotated[int, Field(ge=1, le=100, description="The most items on a page."), Digits]
