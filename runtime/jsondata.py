"""Check data against JSON schemas that others wrote."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from interlock.runtime.contract import JsonSchema
from interlock.runtime.patterns import matches, validator_class

_KINDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose keys are names: a property may well be called `pattern`."""
DATA: Final = ("default", "const", "enum", "examples", "required")
"""Keywords whose values are data, not schemas."""
_SHOWN: Final = 60


class Checker:
    """One schema, compiled.

    Args:
        part: what a part of the data is called in messages.

    Raises:
        ValueError: it is no JSON schema, refers to what does not stand in it, or has a pattern that cannot be matched
            in bounded time. Nothing is fetched.
    """

    def __init__(self, schema: JsonSchema, *, part: str = "argument") -> None:
        from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped,unused-ignore]
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped,unused-ignore]

        kind = validator_class()
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise ValueError(str(error.message)) from error
        _followed(schema, REGISTRY)
        self._validator: Any = kind(schema, registry=REGISTRY)
        self._part = part

    def problems(self, data: Any) -> tuple[str, ...]:
        """Say what is wrong, each problem once, in words that a model can act on; nothing if all is well."""
        try:
            errors = sorted(self._validator.iter_errors(data), key=lambda error: list(map(str, error.path)))
        except RecursionError:
            return (f"the {self._part}s are nested too deeply for their schema",)
        return tuple(dict.fromkeys(problem for error in errors for problem in _problems(error, self._part)))


def with_defaults(schema: JsonSchema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what may be left out, was, and has a default, so that what is decided on is what will happen."""
    properties: dict[str, JsonSchema] = schema.get("properties", {})
    given = {*arguments, *schema.get("required", ())}
    filled = {name: part["default"] for name, part in properties.items() if name not in given and "default" in part}
    return {**{name: value for name, value in filled.items() if value is not None}, **arguments}


def _followed(schema: JsonSchema, registry: Any) -> None:
    """Look up what a schema refers to, and read its patterns, before anything depends on them."""
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resolver = registry.resolver_with_root(DRAFT202012.create_resource(schema))
    for part in _parts(schema):
        for key in ("$ref", "$dynamicRef"):
            try:
                resolver.lookup(part.get(key, "#"))
            except Unresolvable as error:
                raise ValueError(f"it refers to {part[key]!r}, which does not stand in it") from error
        for pattern in (*filter(None, [part.get("pattern")]), *part.get("patternProperties", ())):
            matches(pattern, "")


def _parts(schema: Any) -> Iterable[JsonSchema]:
    """List a schema and all schemas inside it."""
    todo: list[tuple[Any, bool]] = [(schema, False)]
    while todo:
        node, by_name = todo.pop()
        if isinstance(node, list):
            todo += [(part, False) for part in cast(list[Any], node)]
        elif isinstance(node, dict):
            named = cast(JsonSchema, node)
            if not by_name:
                yield named
            known = named if by_name else {key: part for key, part in named.items() if key not in DATA}
            todo += [(part, not by_name and key in NAMED) for key, part in known.items()]


def closest(word: str, known: Iterable[str]) -> str:
    """Name what was probably meant, as `; did you mean 'x'?`, or nothing."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def shown(value: Any) -> str:
    """Show what was given, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return repr(cut) if isinstance(value, str) else cut


def _problems(error: Any, part: str) -> Iterable[str]:
    place = _dotted(error.absolute_path)
    known: Mapping[str, JsonSchema] = dict(error.schema).get("properties", {}) if error.schema is not True else {}
    if error.validator == "required":
        missing = next(name for name in error.validator_value if error.message.startswith(repr(name)))
        about = str(known.get(missing, {}).get("description", ""))
        return [f"{part} {_inside(place, missing)!r} is missing" + (f" ({about})" if about else "")]
    if error.validator == "additionalProperties":
        extra = [name for name in cast(Mapping[str, Any], error.instance) if name not in known]
        return [f"unknown {part} {_inside(place, name)!r}{_hint(name, known)}" for name in extra]
    subject = f"{part} {place!r}" if place else f"the {part}s"
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
