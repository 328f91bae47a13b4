"""JSON schema types as Cedar types, and JSON data as Cedar values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from interlock.runtime.contract import JsonSchema

CedarJson = Any
_LONG = range(-(2**63), 2**63)
_STEP = Decimal("0.0001")
_DECIMAL_LIMIT = Decimal(2**63) * _STEP
_SHOWN = 40
_SHOWN_BITS = 128


class Unfit(ValueError):
    """Cedar cannot hold the value. The message says why."""


@dataclass(frozen=True, kw_only=True)
class CedarType:
    """A type in a Cedar schema, and how JSON data becomes a value of it."""

    schema: dict[str, Any]
    convert: Callable[[Any], CedarJson]


@dataclass(frozen=True, kw_only=True)
class Attribute:
    type: CedarType
    required: bool


def attributes_of(schema: JsonSchema) -> dict[str, Attribute]:
    """Type the properties of an object. What has no single type that Cedar knows is left out."""
    required = schema.get("required", ())
    found: dict[str, Attribute] = {}
    for name, part in schema.get("properties", {}).items():
        inner, nullable = _unless_null(part)
        cedar_type = _type_of(inner)
        if cedar_type is None or name.startswith("__"):
            continue  # `__entity` and `__extn` mean something else in Cedar's JSON
        filled_in = part.get("default") is not None
        found[name] = Attribute(type=cedar_type, required=not nullable and (name in required or filled_in))
    return found


def record_schema(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    return {
        "type": "Record",
        "attributes": {name: {**part.type.schema, "required": part.required} for name, part in attributes.items()},
    }


def convert_record(attributes: Mapping[str, Attribute], data: Any) -> CedarJson:
    """Turn an object into a Cedar record. Nulls are left out, as are properties that have no type.

    Raises:
        Unfit: Cedar cannot hold one of the values.
    """
    if not isinstance(data, Mapping):
        raise Unfit(f"{_shown(data)} is no object")
    record: dict[str, CedarJson] = {}
    for name, attribute in attributes.items():
        value = cast(Mapping[str, Any], data).get(name)
        if value is None:
            continue
        try:
            record[name] = attribute.type.convert(value)
        except Unfit as error:
            raise Unfit(f"{name}: {error}") from error
    return record


def _type_of(schema: JsonSchema | bool) -> CedarType | None:
    if isinstance(schema, bool):  # allows anything, or nothing
        return None
    if _is_decimal(schema):
        return DECIMAL
    if "enum" in schema or "const" in schema:
        return _type_of_values(schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return _set_of(schema.get("items"))
    if schema.get("type") == "object" and "properties" in schema:
        return _record_of(schema)
    return _PLAIN.get(str(schema.get("type")))


def _is_decimal(schema: JsonSchema) -> bool:
    """Whether it is a decimal number: as pydantic describes one, a number or its digits as text."""
    if schema.get("type") == "string":
        return schema.get("format") == "decimal"
    parts = [part for part in schema.get("anyOf", ()) if not isinstance(part, bool)]
    return {part.get("type") for part in parts} == {"number", "string"} and any(
        part.get("format") == "decimal" or "pattern" in part for part in parts
    )


def _unless_null(schema: JsonSchema | bool) -> tuple[JsonSchema | bool, bool]:
    """Take `X | None` apart: X, and whether it may be null."""
    if isinstance(schema, bool):
        return schema, False
    parts: list[JsonSchema | bool] = schema.get("anyOf") or schema.get("oneOf") or []
    others = [part for part in parts if isinstance(part, bool) or part.get("type") != "null"]
    if len(others) == len(parts):
        return schema, False
    return (others[0], True) if len(others) == 1 else ({"anyOf": others}, True)


def _type_of_values(values: list[Any]) -> CedarType | None:
    kinds = {type(value).__name__ for value in values}
    known = {"str": STRING, "bool": BOOLEAN, "int": LONG}
    return known.get(kinds.pop()) if len(kinds) == 1 else None


def _set_of(items: JsonSchema | None) -> CedarType | None:
    inner = _type_of(items) if items else None
    if inner is None:
        return None

    def convert(value: Any) -> CedarJson:
        if not isinstance(value, list):
            raise Unfit(f"{_shown(value)} is no list")
        return [inner.convert(part) for part in cast(Iterable[Any], value)]

    return CedarType(schema={"type": "Set", "element": inner.schema}, convert=convert)


def _record_of(schema: JsonSchema) -> CedarType:
    attributes = attributes_of(schema)
    return CedarType(schema=record_schema(attributes), convert=lambda value: convert_record(attributes, value))


def _string(value: Any) -> CedarJson:
    if not isinstance(value, str):
        raise Unfit(f"{_shown(value)} is no text")
    return value


def _boolean(value: Any) -> CedarJson:
    if not isinstance(value, bool):
        raise Unfit(f"{_shown(value)} is neither true nor false")
    return value


def _long(value: Any) -> CedarJson:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"{_shown(value)} is no whole number")
    if value not in _LONG:
        raise Unfit(f"{_shown(value)} does not fit into 64 bits")
    return value


def _decimal(value: Any) -> CedarJson:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Unfit(f"{_shown(value)} is no number")
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError) as error:
        raise Unfit(f"{_shown(value)} is no number") from error
    if not (number.is_finite() and -_DECIMAL_LIMIT <= number < _DECIMAL_LIMIT):
        raise Unfit(f"{_shown(value)} is beyond ±922337203685477.5807")
    if number != round(number, 4):
        raise Unfit(f"{_shown(value)} has more than 4 decimals")
    return {"__extn": {"fn": "decimal", "arg": f"{number:.4f}"}}


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


STRING = CedarType(schema={"type": "String"}, convert=_string)
BOOLEAN = CedarType(schema={"type": "Boolean"}, convert=_boolean)
LONG = CedarType(schema={"type": "Long"}, convert=_long)
DECIMAL = CedarType(schema={"type": "Extension", "name": "decimal"}, convert=_decimal)
_PLAIN = {"string": STRING, "integer": LONG, "number": DECIMAL, "boolean": BOOLEAN}
