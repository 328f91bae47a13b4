"""What is wrong with some arguments, in words that a model can act on."""

from collections.abc import Iterable
from typing import Any, cast

from pydantic_core import ErrorDetails

from interlock.runtime.contract import JsonSchema
from interlock.runtime.jsondata import closest, shown

_KINDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "set_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dataclass_type": "an object",
    "date_type": "a date as YYYY-MM-DD",
    "date_parsing": "a date as YYYY-MM-DD",
    "date_from_datetime_parsing": "a date as YYYY-MM-DD",
    "datetime_type": "a time as YYYY-MM-DDTHH:MM:SSZ",
    "datetime_parsing": "a time as YYYY-MM-DDTHH:MM:SSZ",
    "datetime_from_date_parsing": "a time as YYYY-MM-DDTHH:MM:SSZ",
    "none_required": "null",
}


def in_words(errors: Iterable[ErrorDetails], schema: JsonSchema) -> tuple[str, ...]:
    """Say each problem once, in the order found. The alternatives of a union are told together."""
    grouped: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for error in errors:
        grouped.setdefault(_place(error["loc"], schema), []).append(error)
    return tuple(_problem(place, group, schema) for place, group in grouped.items())


def _problem(place: tuple[int | str, ...], group: list[ErrorDetails], schema: JsonSchema) -> str:
    first = group[0]
    name = _dotted(place)
    known: JsonSchema = _at(schema, place[:-1]).get("properties", {})
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        hint = closest(str(place[-1]), known) or (f"; there are {', '.join(known)}" if known else "; there are none")
        return f"unknown argument {name!r}{hint}"
    if first["type"] in ("missing", "missing_argument"):
        about = _about(known.get(str(place[-1]), {})) if place else ""
        return f"argument {name!r} is missing" + (f" ({about})" if about else "")
    expected = " or ".join(dict.fromkeys(_expected(error) for error in group))
    subject = f"argument {name!r}" if place else "the arguments"
    return f"{subject} must be {expected}, but {shown(first['input'])} was given"


def _expected(error: ErrorDetails) -> str:
    if error["type"] in ("literal_error", "enum"):
        return f"one of {error.get('ctx', {}).get('expected', '')}"
    if kind := _KINDS.get(error["type"]):
        return kind
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message.removeprefix("Input should be ").removeprefix("Value should ").removeprefix("a valid ").strip()


def _place(loc: tuple[int | str, ...], schema: JsonSchema) -> tuple[int | str, ...]:
    """Leave out the parts of a location that name a union's alternative rather than a place in the data."""
    place: tuple[int | str, ...] = ()
    for depth, part in enumerate(loc):
        here = _at(schema, place)
        if depth and isinstance(part, str) and part not in here.get("properties", {}) and not _open(here):
            break
        place = (*place, part)
    return place


def _open(here: JsonSchema) -> bool:
    """Whether any name is a place here: an object, and no union of alternatives."""
    return not here or here.get("type") == "object"


def _at(schema: JsonSchema, place: tuple[int | str, ...]) -> JsonSchema:
    here = schema
    for part in place:
        if isinstance(part, int):
            inner: Any = here.get("items", {})
        else:
            inner = here.get("properties", {}).get(part) or here.get("additionalProperties")
        here = _unless_null(cast(JsonSchema, inner)) if isinstance(inner, dict) else {}
    return here


def _unless_null(schema: JsonSchema) -> JsonSchema:
    """Look through `X | None`: pydantic names no alternative there."""
    others: list[JsonSchema] = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    return others[0] if len(others) == 1 else schema


def _about(schema: JsonSchema) -> str:
    if described := schema.get("description"):
        return str(described)
    inner = _unless_null(schema)
    return "one of " + ", ".join(map(repr, inner["enum"])) if "enum" in inner else str(inner.get("type", ""))


def _dotted(place: tuple[int | str, ...]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
