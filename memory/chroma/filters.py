"""Filters as LangGraph's stores know them: plain values, nested ones, and six operators."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

from interlock.runtime.errors import FilterRefused


def _same(found: Any, wanted: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    """Compare numbers with numbers and texts with texts; anything else is in no order."""

    def compared(found: Any, wanted: Any) -> bool:
        alike = (isinstance(found, int | float) and isinstance(wanted, int | float)) or (
            isinstance(found, str) and isinstance(wanted, str)
        )
        return alike and bool(compare(found, wanted))

    return compared


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _same,
    "$ne": lambda found, wanted: not _same(found, wanted),
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
}


def check(wanted: Mapping[str, Any] | None) -> None:
    """Refuse a filter that names an operator there is not.

    Raises:
        FilterRefused: it does.
    """
    for key, condition in (wanted or {}).items():
        if not isinstance(cast(object, key), str):
            raise _refused(f"a filter's keys are text, not {key!r}", key)
        if not isinstance(condition, Mapping):
            continue
        inner = cast("Mapping[str, Any]", condition)
        if not _has_operators(inner):
            check(inner)
        elif unknown := [name for name in inner if name not in OPERATORS]:
            raise _refused(f"no operator {unknown[0]!r}", key)


def matches(value: Any, wanted: Mapping[str, Any] | None) -> bool:
    """Tell whether a value meets every condition of a filter. A key may be a path with dots."""
    return all(_meets(_at(value, key), condition) for key, condition in (wanted or {}).items())


def _meets(found: Any, condition: Any) -> bool:
    if isinstance(condition, Mapping):
        inner = cast("Mapping[str, Any]", condition)
        if _has_operators(inner):
            return all(OPERATORS[name](found, wanted) for name, wanted in inner.items())
        return isinstance(found, dict) and matches(found, inner)
    if isinstance(condition, list | tuple):
        parts, whole = cast("list[Any]", condition), cast("list[Any]", found)
        return isinstance(found, list) and len(whole) == len(parts) and all(map(_meets, whole, parts))
    return _same(found, condition)


def _at(value: Any, key: str) -> Any:
    """Find what stands under a key, or at the end of a path; None where nothing does."""
    inner = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if key in inner:
        return inner[key]
    first, dot, rest = key.partition(".")
    return _at(inner.get(first), rest) if dot else None


def _has_operators(condition: Mapping[Any, Any]) -> bool:
    return any(isinstance(name, str) and name.startswith("$") for name in condition)


def _refused(what: str, key: object) -> FilterRefused:
    return FilterRefused(what=what, where=f"filter on {key!r}", fix=f"use one of {', '.join(OPERATORS)}")
