"""What programs send and get of students."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qapp.web.api import Digits, Limit, Model, NextPage, one_line
from qapp.web.paging import LARGEST_ID, PAGE_SIZE

from .forms import LONGEST_ADDRESS, LONGEST_NAME
from .views import LONGEST_QUERY

MOST_AT_ONCE = 1000
PIN = r"^[0-9A-Za-z][0-9A-Za-z -]{1,8}[0-9A-Za-z]$"


class StudentIn(Model):
    """What can be set of a student."""

    name: one_line(LONGEST_NAME, examples=["Asha Rao"])  # type: ignore[valid-type]
    city: one_line(LONGEST_NAME, examples=["Pune"])  # type: ignore[valid-type]
    addr: one_line(LONGEST_ADDRESS, examples=["1 Station Road"])  # type: ignore[valid-type]
    pin: str = Field(
        pattern=PIN,
        min_length=3,
        max_length=10,
        description="The postal code of the address.",
        examples=["411001"],
    )


class Student(Model):
    """A student."""

    id: int = Field(examples=[17])
    name: str = Field(examples=["Asha Rao"])
    city: str = Field(examples=["Pune"])
    addr: str = Field(examples=["1 Station Road"])
    pin: str = Field(examples=["411001"])


class StudentList(Model):
    """A page of students."""

    items: list[Student]
    next: NextPage


class StudentsIn(Model):
    """Students that are added all, or none."""

    items: list[StudentIn] = Field(min_length=1, max_length=MOST_AT_ONCE)


class Added(Model):
    """How many were added."""

    added: int = Field(examples=[2])


Column = Literal["name", "city", "addr", "pin"]
Sort = Literal["id", "-id", "name", "-name", "city", "-city", "addr", "-addr", "pin", "-pin"]


class ListQuery(Model):
    """Which students, in what order."""

    q: str = Field("", max_length=LONGEST_QUERY, description="What a column contains.")
    in_: Annotated[
        Column | None, Field(alias="in", description="Which column; any, when it is left out.")
    ] = None
    sort: Sort = Field("-id", description="The column; with a minus, from its end.")
    after: Annotated[int, Field(ge=1, le=LARGEST_ID), Digits] | None = Field(
        None, description="The id of the last student of the page before."
    )
    value: str = Field(
        "", max_length=LONGEST_ADDRESS, description="What that one has in the sorted column."
    )
    limit: Limit | None = Field(
        None, description=f"The most students: {PAGE_SIZE} by default, all of them as NDJSON."
    )
    format: Literal["json", "ndjson"] = Field(
        "json", description="ndjson: one student a line, all of them, as they are read."
    )

    @property
    def order(self) -> str:
        """The column they are sorted by, or "id"."""
        return self.sort.removeprefix("-")
