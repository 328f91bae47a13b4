"""Checks before and after: personal data and secrets in values, and what policies have done about them."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from interlock.runtime import personal, secrets
from interlock.runtime.records import Change


def found_in(value: Any) -> set[str]:
    """Name the kinds of personal data that stand in JSON data, and `secret` where one does."""
    kinds: set[str] = set()
    for text in texts_in(value):
        kinds.update(finding.kind for finding in personal.find(text))
        if secrets.present(text):
            kinds.add("secret")
    return kinds


def masked(text: str) -> str:
    """Replace personal data and secrets in a text by what they are, as in `[email]`."""
    return personal.mask(secrets.masked(text))[0]


def changed(value: Any, changes: tuple[Change, ...]) -> Any:
    """Do to JSON data what a policy asks for. What is not there stays away; a cap only lowers."""
    for change in changes:
        path = [] if change.field == "*" else change.field.split(".")
        value = _at(value, path, _DO[change.do](change))
    return value


_GONE = object()


def _at(value: Any, path: list[str], do: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        made = [_at(part, path, do) for part in cast(list[Any], value)]
        return [part for part in made if part is not _GONE]
    if not path:
        return do(value)
    if not isinstance(value, Mapping) or path[0] not in value:
        return cast(Any, value)
    parts = dict(cast(Mapping[str, Any], value))
    made = _at(parts[path[0]], path[1:], do)
    if made is _GONE:
        del parts[path[0]]
    else:
        parts[path[0]] = made
    return parts


def _mask(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, list):
        return [_mask(part) for part in cast(list[Any], value)]
    if isinstance(value, Mapping):
        return {name: _mask(part) for name, part in cast(Mapping[str, Any], value).items()}
    return value


def _capped(value: Any, limit: Decimal) -> Any:
    if value is None or isinstance(value, bool):
        return value
    try:
        if Decimal(str(value)) <= limit:
            return value
    except InvalidOperation:  # not a number, or words around one: nobody can say that it is not over
        pass
    return str(limit) if isinstance(value, str) else float(limit) if isinstance(value, float) else int(limit)


_DO: Mapping[str, Callable[[Change], Callable[[Any], Any]]] = {
    "mask": lambda _change: _mask,
    "drop": lambda _change: lambda _value: _GONE,
    "cap": lambda change: lambda value: value if change.limit is None else _capped(value, change.limit),
}


def texts_in(value: Any) -> Iterator[str]:
    """List the texts in JSON data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in cast(Mapping[str, Any], value).values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in cast(list[Any], value):
            yield from texts_in(part)
