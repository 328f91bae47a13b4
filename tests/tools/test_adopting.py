"""Schemas that others wrote say, once taken over, what their tools do."""

from typing import Any

import pytest

from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.runtime.errors import ArgumentsRefused, ContractBroken
from interlock.tools.adopting import adopted
from interlock.tools.foreign import ForeignTool
from interlock.tools.places import Place


def tool_of(properties: JsonSchema | None, *required: str) -> ForeignTool:
    async def call(_arguments: dict[str, Any], _context: Any) -> Any:
        return None

    schema: JsonSchema = {"type": "object", "required": list(required)}
    arguments = adopted(schema if properties is None else schema | {"properties": properties})
    contract = ToolContract(name="it", description="", arguments=arguments, result={})
    return ForeignTool(contract, call, Place(name="it", where="elsewhere"))


HOURS: JsonSchema = {"type": "object", "properties": {"n": {"type": "integer", "default": 0.5}}}
TAKEN: list[tuple[JsonSchema, Any]] = [
    ({"type": "string", "default": None}, None),
    ({"type": "integer", "default": "all"}, "all"),
    ({"type": "string", "enum": ["seconds"], "default": "N/A"}, "N/A"),
    ({"type": "string", "enum": ["seconds"], "default": "N/A"}, "seconds"),
    ({"type": "array", "items": {"type": "string"}, "enum": ["co2", "noise"]}, ["co2"]),
    ({"type": "object", "properties": {"at": {"type": "string", "default": None}}}, {"at": None}),
    ({"type": "array", "items": HOURS}, [{"n": 0.5}]),
]  # fmt: skip


@pytest.mark.parametrize(("part", "value"), TAKEN)
def test_an_argument_takes_its_own_default_and_a_list_the_values_beside_it(part: JsonSchema, value: Any) -> None:
    assert tool_of({"x": part}).check({"x": value}) == {"x": value}


@pytest.mark.parametrize(
    ("part", "value"), [(part, object_) for part, _ in TAKEN for object_ in (7.5, [7.5], {"y": 1})]
)
def test_what_is_neither_of_its_type_nor_its_default_is_refused(part: JsonSchema, value: Any) -> None:
    takes_objects = part["type"] == "object" and isinstance(value, dict)
    if not takes_objects:
        with pytest.raises(ArgumentsRefused):
            tool_of({"x": part}).check({"x": value})


def test_a_tool_that_lists_no_arguments_takes_none_and_one_that_says_nothing_takes_any() -> None:
    assert tool_of(None).check({"x": 1}) == {"x": 1}
    with pytest.raises(ArgumentsRefused, match="unknown argument 'x'; there are none"):
        tool_of({}).check({"x": 1})


def test_a_required_argument_must_be_given_even_if_it_has_a_default() -> None:
    with pytest.raises(ArgumentsRefused, match="argument 'x' is missing"):
        tool_of({"x": {"type": "integer", "default": 3}}, "x").check({})


def test_a_definition_that_contains_itself_is_followed() -> None:
    node: JsonSchema = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    schema = {"$defs": {"Node": node}, "type": "object", "properties": {"list": {"$ref": "#/$defs/Node", "default": 1}}}

    assert adopted(schema)["properties"]["list"]["anyOf"][1] == {"const": 1}


def test_what_is_no_schema_is_refused_with_its_tool() -> None:
    with pytest.raises(ContractBroken, match="its schema is no JSON schema"):
        tool_of({"x": {"type": "text"}})
