"""BFCL's gold calls, chosen from the values that it takes for right, and which of them hold what is no value.

What a Java or JavaScript answer lists are values already: the package's converters, which read a model's source text
(`eval_checker/ast_eval/type_convertor`), change none of them. Where such an answer lists text though the schema wants a
list, an object or a number, the text names a variable or a constant (`testArgs`), whose value is nowhere in the data.
The official checker lets it pass unread; a call in JSON has no variables, so it is counted apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import _bfcl
from interlock.runtime.contract import JsonSchema
from interlock.runtime.records import ToolContext
from interlock.tools.foreign import ForeignTool
from interlock.tools.places import Place

_OMITTED: Final = ""
"""Stands among the right values where an argument may be left out."""
_NO_TEXT: Final = ("array", "object", "integer", "number", "boolean")


@dataclass(frozen=True, kw_only=True)
class Gold:
    """A call that is right, and the tool that it is for."""

    language: str
    tool: ForeignTool
    arguments: dict[str, Any]
    written: JsonSchema
    """The tool's schema as the benchmark has it."""

    @property
    def names_variable(self) -> bool:
        """Whether source code's name stands where the schema wants a value."""
        return self.language in _bfcl.SOURCED.values() and _named(self.arguments, self.written)


def calls(data: Path) -> Iterator[Gold]:
    """Give every gold call."""
    for asked in _bfcl.requests(data):
        for name, given in asked.answers:
            function = asked.functions[name]
            tool = ForeignTool(_bfcl.contract(function), _never, Place(name=name, where="BFCL"))
            written = _bfcl.schema(function["parameters"])
            yield Gold(language=asked.language, tool=tool, arguments=_first(given, written), written=written)


def _first(given: dict[str, list[Any]], schema: JsonSchema) -> dict[str, Any]:
    """Take of each argument the first right value. What may be left out is, unless the schema requires it."""
    chosen: dict[str, Any] = {}
    for name, values in given.items():
        required = name in schema.get("required", ())
        right = [value for value in values if value != _OMITTED] if required else values[:1]
        picked = (right or values)[:1]
        if picked and (required or picked[0] != _OMITTED):
            chosen[name] = _plain(picked[0], schema.get("properties", {}).get(name, {}))
    return chosen


def _plain(value: Any, schema: JsonSchema) -> Any:
    """Choose inside of objects as well: there, too, each name has a list of right values."""
    if isinstance(value, dict) and all(isinstance(part, list) for part in cast(dict[str, Any], value).values()):
        return _first(cast(dict[str, Any], value), schema)
    if isinstance(value, list):
        return [_plain(part, schema.get("items", {})) for part in cast(list[Any], value)]
    return cast(Any, value)


def _named(value: Any, schema: JsonSchema) -> bool:
    if isinstance(value, str):
        return schema.get("type") in _NO_TEXT
    if isinstance(value, dict):
        properties: dict[str, JsonSchema] = schema.get("properties", {})
        return any(_named(part, properties.get(name, {})) for name, part in cast(dict[str, Any], value).items())
    return isinstance(value, list) and any(_named(part, schema.get("items", {})) for part in cast(list[Any], value))


async def _never(_arguments: dict[str, Any], _context: ToolContext) -> Any:
    raise AssertionError("calls are checked here, and not made")
