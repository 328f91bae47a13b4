"""Values of items as JSON text. What JSON cannot keep as it is gets refused, not bent."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from interlock.runtime.errors import ItemRefused


def packed(value: Any, where: str) -> str:
    """Write a value as JSON. Lone surrogates and NUL bytes stay what they are, as escapes.

    Raises:
        ItemRefused: it is no mapping with text for keys, or holds what JSON does not know.
    """
    if not isinstance(value, Mapping):
        raise _refused(f"a value is a mapping, not {type(value).__name__}", where)
    plain = dict(cast("Mapping[str, Any]", value))
    try:
        _check_keys(plain, where)
        return json.dumps(plain, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ItemRefused):
            raise
        raise _refused(f"the value cannot be written as JSON: {error}", where) from error


def unpacked(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def expiry(now: datetime, ttl: float | None, where: str) -> datetime | None:
    """Tell when something expires that lives for so many minutes; None: never.

    Raises:
        ItemRefused: no time is that long, or it is negative.
    """
    if ttl is None:
        return None
    try:
        if ttl >= 0:  # false for NaN, too
            return now + timedelta(minutes=ttl)
    except (OverflowError, TypeError):
        pass
    fix = "give minutes, as a number; None: for ever"
    raise ItemRefused(what=f"a time to live is not {ttl!r} minutes", where=where, fix=fix)


def _check_keys(value: Any, where: str) -> None:
    """Refuse keys that JSON would turn into text: they would come back as something else."""
    if isinstance(value, dict):
        for key, inner in cast("dict[Any, Any]", value).items():
            if not isinstance(key, str):
                raise _refused(f"the key {key!r} is no text", where)
            _check_keys(inner, where)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            _check_keys(inner, where)


def _refused(what: str, where: str) -> ItemRefused:
    return ItemRefused(what=what, where=where, fix="store plain JSON: text, numbers, lists, and dicts with text keys")
