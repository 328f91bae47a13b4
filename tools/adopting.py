"""Schemas that others wrote, taken over so that they say what their tools do."""

from typing import Any, Final, cast

from interlock.runtime.contract import JsonSchema
from interlock.runtime.jsondata import Checker
from interlock.tools.schemas import tidy

_ABOUT: Final = ("description", "default", "examples", "deprecated")
"""Keywords that say something about a value, and do not restrict it."""


def adopted(schema: JsonSchema) -> JsonSchema:
    """Tidy a tool's schema, refuse arguments that it does not know, and let each take its own default.

    What is no JSON schema is left for `ForeignTool` to refuse.
    """
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

    whole = tidy(schema)
    if not Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(whole):
        return whole
    return closed(_admitting(whole, whole.get("$defs", {})))


def closed(schema: JsonSchema) -> JsonSchema:
    """Refuse unknown arguments where the schema does not say: what is misspelt would be dropped in silence.

    A schema that lists no properties at all, not even none, is left open.
    """
    says = "properties" not in schema or "additionalProperties" in schema
    return schema if says else {**schema, "additionalProperties": False}


def _admitting(schema: JsonSchema, definitions: JsonSchema) -> JsonSchema:
    """Let what is inside of a schema take its own default: many declare null beside a type that has none."""
    made = dict(schema)
    if "properties" in schema:
        parts = cast(dict[str, Any], schema["properties"])
        made["properties"] = {name: _with_default(part, definitions) for name, part in parts.items()}
    if isinstance(schema.get("items"), dict):
        made["items"] = _admitting(schema["items"], definitions)
    return made


def _with_default(part: Any, definitions: JsonSchema) -> Any:
    if not isinstance(part, dict):
        return part
    made = _admitting(_of_items(cast(JsonSchema, part)), definitions)
    if "default" not in made or _fits(made["default"], made, definitions):
        return made
    default = made["default"]
    if "enum" in made and _fits(default, {key: value for key, value in made.items() if key != "enum"}, definitions):
        return {**made, "enum": [*made["enum"], default]}
    about = {key: made[key] for key in _ABOUT if key in made}
    own = {key: value for key, value in made.items() if key not in _ABOUT}
    return {**about, "anyOf": [own, {"type": "null"} if default is None else {"const": default}]}


def _of_items(part: JsonSchema) -> JsonSchema:
    """Give a list's items the values that stand beside the list, where no list can be one of them."""
    values: list[Any] = part.get("enum", [])
    if part.get("type") != "array" or not values or any(isinstance(value, list) for value in values):
        return part
    items: Any = part.get("items", {})
    return {key: value for key, value in part.items() if key != "enum"} | {"items": {**items, "enum": values}}


def _fits(value: Any, schema: JsonSchema, definitions: JsonSchema) -> bool:
    try:
        return not Checker({**schema, "$defs": definitions}).problems(value)
    except ValueError:
        return True  # a schema that cannot be used is refused as a whole
