"""What readings of a company are asked alike: which rows, of which days, how many at a time."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, NamedTuple

from fastapi import Depends, Query

from app.api.answers import Cursor, Limit, Wanted, rows_wanted
from app.pipeline.reading import Slice

Id = Annotated[str | None, Query(max_length=500, description="CNPJ, category or SKU.")]
Category = Annotated[str | None, Query(max_length=500, description="Only this category and its products.")]
Search = Annotated[str | None, Query(max_length=200, description="Part of a name or id; case and accents don't count.")]


class Days(NamedTuple):
    """From which day to which, both included."""

    first_day: date | None
    last_day: date | None


def rows_asked(*, by_default: int) -> Callable[..., Slice]:
    """A dependency that finds the rows asked for; JSON has `by_default` a page.

    Raises:
        InvalidRequest: by the dependency, for more rows a page than the format may have.
    """

    def asked(
        wanted: Wanted,
        id: Id = None,  # noqa: A002  the parameter's public name
        category: Category = None,
        search: Search = None,
        limit: Limit = None,
        cursor: Cursor = None,
    ) -> Slice:
        rows = rows_wanted(limit, wanted, by_default=by_default)
        return Slice(id=id, category=category, search=search, limit=rows, cursor=cursor)

    return asked


def days_asked(
    first_day: date | None = None, last_day: Annotated[date | None, Query(description="Included.")] = None
) -> Days:
    """The days asked for."""
    return Days(first_day, last_day)


DaysAsked = Annotated[Days, Depends(days_asked)]


def in_order_of(columns: tuple[str, ...]) -> object:
    """The check of a `sort` by one of these columns."""
    return Query(pattern=f"^-?({'|'.join(columns)})$", description="A column; `-` before it: descending.")
