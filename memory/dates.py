"""The day that a query names, and which memories are from it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interlock.memory.rows import MONTHS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]

MONTH_ONLY, OTHER_DAY = 0.5, 0.3
"""How well a memory fits whose month is named alone, or with another day."""
_MONTH = "|".join(MONTHS)
_ISO = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2}))?\b")
_NAMED = re.compile(
    rf"(?:\b(?P<before>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?P<leads>\b(?:in|of|since|during|until|last|this|next) )?"
    rf"\b(?P<month>{_MONTH})\b(?: (?P<after>\d{{1,2}})\b)?",
    re.I,
)
_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")


@dataclass(frozen=True, kw_only=True)
class Day:
    """What a query says of a date: the month at least."""

    month: int
    day: int | None = None
    year: int | None = None


def day_in(query: str) -> Day | None:
    """Read the first date in a query that names a month: `13 May 2023`, `May 13`, `in May`, `2023-05-13`."""
    if (iso := _ISO.search(query)) and 1 <= int(iso["month"]) <= len(MONTHS):
        return Day(month=int(iso["month"]), day=int(iso["day"]) if iso["day"] else None, year=int(iso["year"]))
    year = _YEAR.search(query)
    for named in _NAMED.finditer(query):
        day = named["before"] or named["after"]
        # May is a verb as well, unless something makes it a month.
        if named["month"].casefold() != "may" or day or year or named["leads"]:
            month = 1 + MONTHS.index(named["month"].capitalize())
            return Day(month=month, day=int(day) if day else None, year=int(year[1]) if year else None)
    return None


def fits(query: str, times: Sequence[str]) -> "Row":
    """Tell how well ISO times fit the day that a query names: from 0, which is also for no day at all, to 1."""
    import numpy as np

    if (day := day_in(query)) is None:
        return np.zeros(len(times))
    return np.array([_fit(day, time) for time in times], dtype=float)


def _fit(day: Day, time: str) -> float:
    if int(time[5:7]) != day.month or (day.year is not None and int(time[:4]) != day.year):
        return 0.0
    if day.day is None:
        return MONTH_ONLY
    return 1.0 if int(time[8:10]) == day.day else OTHER_DAY
