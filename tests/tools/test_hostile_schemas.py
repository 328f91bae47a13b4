"""Schemas that a server wrote to do harm, or carelessly."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.runtime.errors import ArgumentsRefused, ContractBroken
from interlock.runtime.records import ToolContext
from interlock.tools.adopting import adopted
from interlock.tools.foreign import ForeignTool
from interlock.tools.places import Place


def tool_of(schema: JsonSchema) -> ForeignTool:
    """Make a tool as one is made of what a server lists."""

    async def call(_arguments: dict[str, Any], _context: ToolContext) -> Any:
        return None

    contract = ToolContract(name="look", description="Look.", arguments=adopted(schema), result={})
    return ForeignTool(contract, call, Place(name="look", where="MCP server x"))


def taking(part: JsonSchema, **beside: Any) -> JsonSchema:
    return {"type": "object", "properties": {"value": part}, **beside}


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """Listen for whoever fetches something, and note what."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class names it
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("default", [{}, {"default": 1}], ids=["without default", "with default"])
def test_what_a_schema_refers_to_elsewhere_is_never_fetched(
    default: JsonSchema, listener: tuple[str, list[str]]
) -> None:
    url, asked = listener
    with pytest.raises(ContractBroken, match=r"refers to 'http.*', which does not stand in it"):
        tool_of(taking({"$ref": f"{url}/stolen", **default}))

    assert asked == []


@pytest.mark.parametrize("ref", ["#/$defs/none", "file:///etc/hostname", "other.json"])
def test_what_a_schema_refers_to_and_does_not_hold_is_refused_before_any_call(ref: str) -> None:
    with pytest.raises(ContractBroken, match="which does not stand in it"):
        tool_of(taking({"$ref": ref}))


def test_a_schema_that_is_nothing_but_itself_refuses_arguments_and_breaks_no_run() -> None:
    with pytest.raises(ArgumentsRefused, match="nested too deeply"):
        tool_of(taking({"$ref": "#/$defs/loop"}, **{"$defs": {"loop": {"$ref": "#/$defs/loop"}}})).check({"value": 1})


def test_definitions_that_use_one_another_twice_each_fill_no_memory() -> None:
    definitions: JsonSchema = {
        f"d{n}": {"type": "object", "properties": {name: {"$ref": f"#/$defs/d{n + 1}"} for name in "ab"}}
        for n in range(30)
    }
    tool = tool_of(taking({"$ref": "#/$defs/d0"}, **{"$defs": {**definitions, "d30": {"type": "integer"}}}))

    assert tool.check({"value": {"a": {"b": {}}}}) == {"value": {"a": {"b": {}}}}
    with pytest.raises(ArgumentsRefused):
        tool.check({"value": {"a": {"b": 1}}})


SLOW = "^(a+)+$"


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (taking({"type": "string", "pattern": SLOW}), {"value": "a" * 40 + "!"}),
        ({"type": "object", "patternProperties": {SLOW: {"type": "integer"}}}, {"a" * 40 + "!": 1}),
        ({"type": "object", "propertyNames": {"pattern": SLOW}}, {"a" * 40 + "!": 1}),
    ],
    ids=["of a value", "of a name", "of all names"],
)
def test_a_pattern_that_would_never_end_ends(schema: JsonSchema, arguments: dict[str, Any]) -> None:
    tool = tool_of({**schema, "additionalProperties": False})
    with pytest.raises(ArgumentsRefused):
        tool.check(arguments)


def test_a_pattern_counts_for_values_and_for_names() -> None:
    tool = tool_of(
        {
            "type": "object",
            "properties": {"code": {"type": "string", "pattern": r"^\d+$"}},
            "patternProperties": {"^x-": {"type": "integer"}},
            "additionalProperties": {"type": "boolean"},
        }
    )
    fits = {"code": "12", "x-a": 1, "other": True}

    assert tool.check(fits) == fits
    for wrong in ({"code": "1b"}, {"x-a": "1"}, {"other": 1}):
        with pytest.raises(ArgumentsRefused):
            tool.check({**fits, **wrong})


@pytest.mark.parametrize("pattern", ["(", r"(?=a)b", r"(a)\1"])
def test_a_pattern_that_is_none_or_goes_back_and_forth_is_refused_with_its_tool(pattern: str) -> None:
    with pytest.raises(ContractBroken, match=r"is not a 'regex'|in bounded time"):
        tool_of(taking({"type": "string", "pattern": pattern}))


def test_properties_may_be_called_as_keywords_are() -> None:
    properties: JsonSchema = {name: {"type": "string"} for name in ("pattern", "$ref", "enum")}
    arguments = dict.fromkeys(properties, "(")

    assert tool_of({"type": "object", "properties": properties}).check(arguments) == arguments
