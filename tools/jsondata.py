"""Check arguments and results against JSON schemas that others wrote."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from interlock.runtime.contract import JsonSchema
from interlock.tools.problems import closest, shown

_KINDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class Checker:
    """One schema, compiled."""

    def __init__(self, schema: JsonSchema) -> None:
        """Compile it.

        Raises:
            ValueError: it is no JSON schema.
        """
        from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]
        from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped,unused-ignore]

        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(str(error.message)) from error
        self._validator: Any = Draft202012Validator(schema)

    def problems(self, data: Any) -> tuple[str, ...]:
        """Say what is wrong, each problem once, in words that a model can act on; nothing if all is well."""
        errors: Iterable[Any] = sorted(self._validator.iter_errors(data), key=lambda error: list(map(str, error.path)))
        return tuple(dict.fromkeys(problem for error in errors for problem in _problems(error)))


def with_defaults(schema: JsonSchema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what may be left out, was, and has a default, so that what is decided on is what will happen."""
    properties: dict[str, JsonSchema] = schema.get("properties", {})
    given = {*arguments, *schema.get("required", ())}
    filled = {name: part["default"] for name, part in properties.items() if name not in given and "default" in part}
    return {**{name: value for name, value in filled.items() if value is not None}, **arguments}


def _problems(error: Any) -> Iterable[str]:
    place = _dotted(error.absolute_path)
    known: Mapping[str, JsonSchema] = dict(error.schema).get("properties", {}) if error.schema is not True else {}
    if error.validator == "required":
        missing = next(name for name in error.validator_value if error.message.startswith(repr(name)))
        about = str(known.get(missing, {}).get("description", ""))
        return [f"argument {_inside(place, missing)!r} is missing" + (f" ({about})" if about else "")]
    if error.validator == "additionalProperties":
        extra = [name for name in cast(Mapping[str, Any], error.instance) if name not in known]
        return [f"unknown argument {_inside(place, name)!r}{_hint(name, known)}" for name in extra]
    subject = f"argument {place!r}" if place else "the arguments"
    return [f"{subject} must be {_expected(error)}, but {shown(error.instance)} was given"]


def _hint(name: str, known: Mapping[str, JsonSchema]) -> str:
    return closest(name, known) or (f"; there are {', '.join(known)}" if known else "; there are none")


def _expected(error: Any) -> str:
    value: Any = error.validator_value
    match error.validator:
        case "type":
            kinds = [value] if isinstance(value, str) else list(value)
            return " or ".join(_KINDS.get(kind, str(kind)) for kind in kinds)
        case "enum":
            return "one of " + ", ".join(map(repr, value))
        case "const":
            return repr(value)
        case "anyOf" | "oneOf":
            return " or ".join(dict.fromkeys(_expected(inner) for inner in error.context)) or "one of its alternatives"
        case _:
            return f"such that {error.validator} is {shown(value)}"


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _dotted(path: Iterable[Any]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
