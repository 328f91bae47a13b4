"""Manifests read and compared: what decides how an agent behaves, by content hash."""

from collections.abc import Iterator
from typing import Any


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Say what differs between two manifests, one line for each difference."""
    return list(_changes("", before, after))


def _changes(at: str, before: Any, after: Any) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            inside = f"{at}.{name}" if at else str(name)  # pyright: ignore[reportUnknownArgumentType]
            yield from _changes(inside, before.get(name), after.get(name))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        return
    yield f"{at}: {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return " ".join(_shown(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    text = str(value)
    return text[:12] if len(text) == 64 else text  # noqa: PLR2004  # a SHA-256 is told by its beginning
