"""When what was seen is what was meant: as a reader would judge, not byte for byte."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from interlock.evals.suite import CallExpected
from interlock.evals.target import SeenCall

QUOTES = str.maketrans("‘’“”\u00a0", "''\"\" ")


def folded(text: str) -> str:
    """Reduce text to what a reader would call the same words."""
    return " ".join(plain(text).casefold().split())


def plain(text: str) -> str:
    """Give quotes and spaces their plain shape."""
    return text.translate(QUOTES)


def fits(wanted: CallExpected, call: SeenCall) -> bool:
    """Tell whether a call is the one that is meant."""
    return (
        wanted.tool == call.tool
        and (wanted.outcome is None or wanted.outcome == call.outcome)
        and within(wanted.arguments, call.arguments)
    )


def same(wanted: Any, found: Any) -> bool:
    """Compare two values as a reader would: numbers by value, text by its words, mappings by the keys wanted."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and within(cast("dict[str, Any]", wanted), cast("dict[str, Any]", found))
    if isinstance(wanted, (list, tuple)):
        return isinstance(found, (list, tuple)) and _same_rows(list(wanted), list(found))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(wanted, bool) or isinstance(found, bool) or wanted is None or found is None:
        return wanted is found
    number, other = _number(wanted), _number(found)
    if number is not None and other is not None:
        return number == other
    return folded(str(wanted)) == folded(str(found))


def within(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Tell whether all that is wanted is there; more may be."""
    return all(name in found and same(value, found[name]) for name, value in wanted.items())


def _same_rows(wanted: list[Any], found: list[Any]) -> bool:
    return len(wanted) == len(found) and all(same(one, other) for one, other in zip(wanted, found, strict=True))


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
