"""JSON schemas as models read them best: no generated titles, no indirection where none is needed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import DecimalSchema

from interlock.runtime.contract import JsonSchema
from interlock.runtime.jsondata import DATA, NAMED

_PREFIX = "#/$defs/"
_MOST_COPIES = 2_000
"""How often definitions are put where they are used: some that use one another twice each would fill any memory."""


class Schemas(GenerateJsonSchema):
    """Pydantic's schemas, with decimals marked as such: policies compare them as numbers, never as text."""

    def decimal_schema(self, schema: DecimalSchema) -> JsonSchema:
        plain = super().decimal_schema(schema)
        for part in plain.get("anyOf", [plain]):
            if part.get("type") == "string":
                part["format"] = "decimal"
        return plain


def tidy(schema: JsonSchema) -> JsonSchema:
    """Drop generated titles and put definitions where they are used; recursive ones stay in `$defs`."""
    definitions: dict[str, JsonSchema] = {_PREFIX + name: part for name, part in schema.get("$defs", {}).items()}
    tidier = _Tidier(definitions=definitions)
    body = tidier.schema({key: part for key, part in schema.items() if key != "$defs"})
    kept: JsonSchema = {}
    while missing := sorted(ref for ref in tidier.kept if ref.removeprefix(_PREFIX) not in kept):
        for ref in missing:
            kept[ref.removeprefix(_PREFIX)] = tidier.schema(definitions[ref])
    return {**body, "$defs": kept} if kept else body


@dataclass(frozen=True, kw_only=True)
class _Tidier:
    definitions: dict[str, JsonSchema]
    kept: set[str] = field(default_factory=set[str])
    """Definitions that are still referred to, since they contain themselves, or would be copied too often."""
    copied: Counter[str] = field(default_factory=Counter[str])

    def schema(self, node: JsonSchema) -> JsonSchema:
        body = {key: self._part(key, part) for key, part in node.items() if key not in ("title", "$ref")}
        ref = node.get("$ref")
        if ref is None:
            return body
        if ref not in self.definitions or self.copied.total() >= _MOST_COPIES or self._recursive(ref):
            self.kept.update({ref} & self.definitions.keys())
            return {"$ref": ref, **body}
        self.copied[ref] += 1
        return {**self.schema(self.definitions[ref]), **body}

    def _part(self, key: str, part: Any) -> Any:
        if key in DATA:
            return part
        if key in NAMED:
            return {name: self._any(schema) for name, schema in part.items()}
        return self._any(part)

    def _any(self, part: Any) -> Any:
        if isinstance(part, dict):
            return self.schema(cast(JsonSchema, part))
        return [self._any(item) for item in cast(Iterable[Any], part)] if isinstance(part, list) else part

    def _recursive(self, ref: str) -> bool:
        reached: set[str] = set()
        todo = _refs(self.definitions[ref])
        while todo:
            target = todo.pop()
            if target not in reached:
                reached.add(target)
                todo |= _refs(self.definitions.get(target, {}))
        return ref in reached


def _refs(part: Any) -> set[str]:
    if isinstance(part, list):
        return set[str]().union(*(_refs(item) for item in cast(Iterable[Any], part)))
    if not isinstance(part, dict):
        return set()
    node = cast(JsonSchema, part)
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set[str]()
    return own.union(*(_refs(item) for item in node.values()))
