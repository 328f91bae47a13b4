"""Data that can be kept: whole characters, and integers of 64 bits at most.

Users are told to mend theirs. What models, tools and errors bring is mended here, so that no run is lost for it.
"""

from collections.abc import Mapping
from typing import Any, cast

import orjson


def is_whole(text: str) -> bool:
    """Tell whether a text holds whole characters only, no halves of one (lone surrogates)."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def mended(value: Any, *, integers: bool = False) -> Any:
    """Put U+FFFD in place of every half character, anywhere inside plain data; whole data comes back as it is.

    Args:
        integers: whether those that 64 bits cannot hold become text, too.
    """
    try:
        orjson.dumps(value)
    except TypeError:
        return _mended(value, integers)
    return value


def _mended(value: Any, integers: bool) -> Any:
    if isinstance(value, str):
        return value if is_whole(value) else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int):
        return str(value) if integers and not -(2**63) <= value < 2**64 else value
    if isinstance(value, Mapping):
        old = [part for pair in cast(Mapping[Any, Any], value).items() for part in pair]
        new = [_mended(part, integers) for part in old]
        return cast(Any, value) if _unchanged(old, new) else dict(zip(new[::2], new[1::2], strict=True))
    if isinstance(value, list | tuple):
        old = list(cast("list[Any]", value))
        new = [_mended(part, integers) for part in old]
        return cast(Any, value) if _unchanged(old, new) else new
    return value


def _unchanged(old: list[Any], new: list[Any]) -> bool:
    return all(one is other for one, other in zip(old, new, strict=True))
