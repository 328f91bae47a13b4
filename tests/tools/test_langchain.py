"""LangChain's tools behind a contract."""

import subprocess
import sys
from typing import Any

import pytest
from langchain_core.tools import StructuredTool

from interlock.runtime.errors import ArgumentsRefused, ToolFailed
from interlock.runtime.records import Caller, ToolContext
from interlock.tools import from_langchain

CONTEXT = ToolContext(caller=Caller(), run="r1", thread="t1", idempotency_key="k1")


def multiply(left: int, right: int = 2) -> int:
    """Multiply two numbers."""
    if right < 0:
        raise ValueError("right is negative")
    return left * right


def test_what_a_langchain_tool_does_not_say_is_taken_as_the_worst_case() -> None:
    promise = from_langchain(StructuredTool.from_function(multiply)).contract

    assert (promise.read_only, promise.destructive, promise.idempotent, promise.open_world) == (
        False,
        True,
        False,
        True,
    )
    assert promise.arguments == {
        "type": "object",
        "additionalProperties": False,
        "properties": {"left": {"type": "integer"}, "right": {"type": "integer", "default": 2}},
        "required": ["left"],
    }


async def test_a_langchain_tool_is_checked_and_run_like_any_other() -> None:
    tool = from_langchain(StructuredTool.from_function(multiply), read_only=True)

    assert await tool.run(tool.check({"left": 21}), CONTEXT) == 42
    with pytest.raises(ArgumentsRefused, match="unknown argument 'lft'; did you mean 'left'"):
        tool.check({"lft": 21})
    with pytest.raises(ToolFailed, match="ValueError: right is negative"):
        await tool.run({"left": 1, "right": -1}, CONTEXT)


def test_declaring_tools_loads_neither_langchain_nor_langgraph() -> None:
    code = "import sys, interlock.tools; print([m for m in sys.modules if m.startswith(('langchain', 'langgraph'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


async def test_a_langchain_tool_with_a_json_schema_is_checked_against_it() -> None:
    async def weather(**arguments: Any) -> str:
        return f"{arguments['city']}: fair"

    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    inner = StructuredTool(name="weather", description="Weather.", args_schema=schema, coroutine=weather)
    tool = from_langchain(inner, read_only=True)

    assert await tool.run({"city": "Rome"}, CONTEXT) == "Rome: fair"
    with pytest.raises(ArgumentsRefused, match="unknown argument 'town'"):
        tool.check({"city": "Rome", "town": "Rome"})
