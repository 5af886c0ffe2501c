"""Pages of a select, with the attributes of Flask-SQLAlchemy's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any, Generic, Self, TypeVar

from quart import has_request_context, request
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import lazyload
from werkzeug.exceptions import NotFound

T = TypeVar("T")

PER_PAGE = 20
# What an OFFSET can be: 64 bits with a sign.
LARGEST = 2**63 - 1


class Pagination(Generic[T]):
    """One page of a select; made by `orm.paginate`. Iterating over it yields its items.

    :ivar page: its number; the first is 1.
    :ivar per_page: most items on a page.
    :ivar max_per_page: most items that `per_page` may ask for; None is no limit.
    :ivar items: the items on it.
    :ivar total: the number of items on all pages; None if they were not counted.
    """

    def __init__(
        self,
        statement: Select[Any],
        session: Callable[[], AsyncSession],
        page: int,
        per_page: int,
        max_per_page: int | None,
    ) -> None:
        self._statement = statement
        self._session = session
        self.page = page
        self.per_page = per_page
        self.max_per_page = max_per_page
        self.items: list[T] = []
        self.total: int | None = None

    @classmethod
    async def of(
        cls,
        statement: Select[Any],
        session: Callable[[], AsyncSession],
        *,
        page: int | None,
        per_page: int | None,
        max_per_page: int | None,
        error_out: bool,
        count: bool,
    ) -> Self:
        """Return a page; see `ORM.paginate`."""
        if max_per_page is not None and max_per_page < 1:
            raise ValueError("max_per_page is at least 1, or None")
        page = _argument("page", page, 1, error_out=error_out)
        per_page = _argument("per_page", per_page, PER_PAGE, error_out=error_out)
        page = _positive(page, 1, error_out=error_out)
        per_page = _positive(per_page, PER_PAGE, error_out=error_out)
        if max_per_page is not None:
            # After the default, which Flask-SQLAlchemy lets pass the limit.
            per_page = min(per_page, max_per_page)
        result = cls(statement, session, page, per_page, max_per_page)
        await result._load(error_out=error_out)
        if count:
            result.total = await result._count()
        return result

    async def _load(self, *, error_out: bool) -> None:
        offset = (self.page - 1) * self.per_page
        if offset <= LARGEST:
            statement = self._statement.limit(min(self.per_page, LARGEST)).offset(offset)
            self.items = list((await self._session().scalars(statement)).unique().all())
        if not self.items and self.page != 1 and error_out:
            raise NotFound

    async def _count(self) -> int:
        rows = self._statement.options(lazyload("*")).order_by(None).subquery()
        return await self._session().scalar(select(func.count()).select_from(rows)) or 0

    @property
    def first(self) -> int:
        """Return the number of the page's first item, counted from 1; 0 if it has none."""
        return (self.page - 1) * self.per_page + 1 if self.items else 0

    @property
    def last(self) -> int:
        """Return the number of the page's last item, counted from 1; 0 if it has none."""
        return self.first + len(self.items) - 1 if self.items else 0

    @property
    def pages(self) -> int:
        """Return the number of pages; 0 if there is no item, or none was counted."""
        return ceil(self.total / self.per_page) if self.total else 0

    @property
    def has_prev(self) -> bool:
        """Return whether this is not the first page."""
        return self.page > 1

    @property
    def has_next(self) -> bool:
        """Return whether this is not the last page."""
        return self.page < self.pages

    @property
    def prev_num(self) -> int | None:
        """Return the number of the page before; None on the first."""
        return self.page - 1 if self.has_prev else None

    @property
    def next_num(self) -> int | None:
        """Return the number of the page after; None on the last."""
        return self.page + 1 if self.has_next else None

    async def prev(self, *, error_out: bool = False) -> Self:
        """Return the page before, not counted anew.

        :raises NotFound: with `error_out`, on the first page.
        """
        return await self._other(self.page - 1, error_out=error_out)

    async def next(self, *, error_out: bool = False) -> Self:
        """Return the page after, not counted anew.

        :raises NotFound: with `error_out`, if it is empty.
        """
        return await self._other(self.page + 1, error_out=error_out)

    async def _other(self, page: int, *, error_out: bool) -> Self:
        other = await self.of(
            self._statement,
            self._session,
            page=page,
            per_page=self.per_page,
            max_per_page=self.max_per_page,
            error_out=error_out,
            count=False,
        )
        other.total = self.total
        return other

    def iter_pages(
        self,
        *,
        left_edge: int = 2,
        left_current: int = 2,
        right_current: int = 4,
        right_edge: int = 2,
    ) -> Iterator[int | None]:
        """Yield the numbers of pages for links, None where some are left out.

        :param left_edge: how many from the first on.
        :param left_current: how many before this one.
        :param right_current: how many after this one.
        :param right_edge: how many up to the last.
        """
        last = self.pages
        shown = 0  # up to here
        for start, stop in (
            (1, left_edge),
            (self.page - left_current, self.page + right_current),
            (last - right_edge + 1, last),
        ):
            if shown >= last:
                return
            start = max(start, shown + 1)
            if start > shown + 1:
                yield None
            yield from range(start, min(stop, last) + 1)
            shown = max(shown, min(stop, last))

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)


def _argument(name: str, given: int | None, default: int, *, error_out: bool) -> int:
    """Return the given number, else the one in the current request's URL, else the default."""
    if given is not None or not has_request_context():
        return default if given is None else given
    try:
        return int(request.args.get(name, default))
    except ValueError:
        if error_out:
            raise NotFound from None
        return default


def _positive(number: int, default: int, *, error_out: bool) -> int:
    if number >= 1:
        return number
    if error_out:
        raise NotFound
    return default
