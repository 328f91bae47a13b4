"""JSON Schema's keywords that hold patterns, matched in time that grows with the text only.

Schemas come from servers, and texts from models and strangers: `^(a+)+$` would keep Python's own engine busy for ever.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from interlock.runtime.contract import JsonSchema


def validator_class() -> Any:
    """Give the validator of Draft 2020-12, with this module's patterns."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]
    from jsonschema.validators import extend  # type: ignore[import-untyped,unused-ignore]

    own = {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional}
    return cast(Any, extend)(Draft202012Validator, own)


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern stands anywhere in a text.

    Raises:
        ValueError: the pattern is none, or looks around itself, which takes an engine that goes back and forth.
    """
    try:
        _compiled(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError as error:
        raise ValueError(f"the pattern {pattern!r} cannot be matched in bounded time") from error


def _pattern(_validator: Any, pattern: str, value: Any, _schema: JsonSchema) -> Iterator[Any]:
    if isinstance(value, str) and not matches(pattern, value):
        yield _wrong(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, parts: Mapping[str, Any], value: Any, _schema: JsonSchema) -> Iterator[Any]:
    for pattern, part in parts.items():
        for name, inner in _members(value):
            if matches(pattern, name):
                yield from validator.descend(inner, part, path=name, schema_path=pattern)


def _additional(validator: Any, part: Any, value: Any, schema: JsonSchema) -> Iterator[Any]:
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    others = [
        (name, inner)
        for name, inner in _members(value)
        if name not in named and not any(matches(pattern, name) for pattern in patterns)
    ]
    if part is False and others:
        yield _wrong(f"{', '.join(name for name, _inner in others)} unexpected")
    elif part is not False:
        for name, inner in others:
            yield from validator.descend(inner, part, path=name)


def _members(value: Any) -> list[tuple[str, Any]]:
    return list(cast(dict[str, Any], value).items()) if isinstance(value, dict) else []


def _wrong(message: str) -> Any:
    from jsonschema import ValidationError as Wrong  # type: ignore[import-untyped,unused-ignore]

    return cast(Any, Wrong)(message)
