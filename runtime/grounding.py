"""What a reply states that nobody gave: numbers, dates and ids that neither the user nor a tool said.

Numbers are compared by amount and dates by day, however they are written. What is reckoned from given numbers, such as
a sum or a count, counts as not given: a tool that reckons vouches for its result.
"""

import re
from collections.abc import Iterator
from typing import Final

from interlock.runtime.labels import mentions

_STATED: Final = re.compile(r"(?<![\w.])(?:\d[\d.,/-]*(?![\w])|(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]{2,})")
"""Numbers and dates, and ids: words of letters and digits."""
_ORDINAL: Final = re.compile(r"(\d+)(?:st|nd|rd|th)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d[\d.,]*")
_DATE: Final = re.compile(
    r"(?<!\d)(?:(?P<y1>\d{4})[-/.](?P<m1>\d\d?)[-/.](?P<d1>\d\d?)|(?P<d2>\d\d?)[-/.](?P<m2>\d\d?)[-/.](?P<y2>\d{4}))(?!\d)"
)
_DOTS_GROUP: Final = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_COMMA_DECIMAL: Final = re.compile(r"\d+,\d{1,2}")


def ungrounded(text: str, given: str) -> list[str]:
    """List the numbers, dates and ids in a text that stand nowhere in what was given, in their order."""
    stated = dict.fromkeys(found.rstrip(".,-/") for found in _STATED.findall(text))
    amounts, days = set(_amounts(given)), set(_days(given))
    return [found for found in stated if not _is_given(found, given, amounts, days)]


def _is_given(found: str, given: str, amounts: set[float], days: set[tuple[int, frozenset[int]]]) -> bool:
    if mentions(given, found):
        return True
    if own := set(_days(found)):
        return own <= days
    if ordinal := _ORDINAL.fullmatch(found):
        return float(ordinal[1]) in amounts
    readings = set(_readings(found)) if _NUMBER.fullmatch(found) else set[float]()
    return not readings.isdisjoint(amounts) or _is_range(found, amounts)


def _is_range(found: str, amounts: set[float]) -> bool:
    """Tell whether it is several numbers with a dash or a slash between them, all of them given."""
    parts = re.split("[-/]", found)
    return len(parts) > 1 and all(not amounts.isdisjoint(_readings(part)) for part in parts)


def _amounts(text: str) -> Iterator[float]:
    for found in _NUMBER.findall(text):
        yield from _readings(found)


def _readings(written: str) -> Iterator[float]:
    """Read a number as English writes it, and as most of Europe does."""
    plain = written.rstrip(".,")
    forms = [plain.replace(",", "")]
    if _DOTS_GROUP.fullmatch(plain) or _COMMA_DECIMAL.fullmatch(plain):
        forms.append(plain.replace(".", "").replace(",", "."))
    for form in forms:
        try:
            yield float(form)
        except ValueError:
            continue


def _days(text: str) -> Iterator[tuple[int, frozenset[int]]]:
    """Find dates: the year, and month and day in either order, for 3/4 is March or April."""
    for match in _DATE.finditer(text):
        year, month, day = (int(match[f"{part}1"] or match[f"{part}2"]) for part in "ymd")
        yield year, frozenset((month, day))
