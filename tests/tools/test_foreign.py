"""Tools that are known by their JSON schemas only."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.runtime.errors import ArgumentsRefused, ContractBroken, ToolFailed
from interlock.runtime.records import Caller, ToolContext
from interlock.tools.foreign import ForeignTool
from interlock.tools.places import Place

CONTEXT = ToolContext(caller=Caller(), run="r1", thread="t1", idempotency_key="k1")
ARGUMENTS: JsonSchema = {
    "type": "object",
    "required": ["city"],
    "additionalProperties": False,
    "properties": {
        "city": {"type": "string", "description": "Name of the city."},
        "days": {"type": "integer", "minimum": 1, "default": 3},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "near": {"type": "array", "items": {"type": "object", "properties": {"km": {"type": "number"}}}},
    },
}
RESULT: JsonSchema = {"type": "object", "required": ["degrees"], "properties": {"degrees": {"type": "number"}}}


def weather(answer: Any = None, arguments: JsonSchema = ARGUMENTS, timeout_s: float = 5) -> ForeignTool:
    async def call(given: dict[str, Any], context: ToolContext) -> Any:
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            raise answer
        return {"degrees": 20} if answer is None else answer

    contract = ToolContract(
        name="weather", description="Weather.", arguments=arguments, result=RESULT, read_only=True, timeout_s=timeout_s
    )
    return ForeignTool(contract, call, Place(name="weather", where="elsewhere"))


def test_defaults_are_filled_in_so_that_what_is_decided_on_is_what_happens() -> None:
    assert weather().check({"city": "Rome"}) == {"city": "Rome", "days": 3}


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({}, "argument 'city' is missing (Name of the city.)"),
    ({"city": "Rome", "day": 2}, "unknown argument 'day'; did you mean 'days'?"),
    ({"city": 5}, "argument 'city' must be text, but 5 was given"),
    ({"city": "Rome", "days": "3"}, "argument 'days' must be a whole number, but '3' was given"),
    ({"city": "Rome", "days": 0}, "argument 'days' must be such that minimum is 1, but 0 was given"),
    (
        {"city": "Rome", "unit": "kelvin"},
        "argument 'unit' must be one of 'celsius', 'fahrenheit', but 'kelvin' was given",
    ),
    ({"city": "Rome", "at": 3}, "argument 'at' must be text or null, but 3 was given"),
    ({"city": "Rome", "near": [{"km": "x"}]}, "argument 'near[0].km' must be a number, but 'x' was given"),
]


@pytest.mark.parametrize(("arguments", "problem"), PROBLEMS)
def test_wrong_arguments_are_told_in_words_that_a_model_can_act_on(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentsRefused) as raised:
        weather().check(arguments)

    assert raised.value.problems == (problem,)


async def test_a_result_that_breaks_its_schema_is_never_passed_on() -> None:
    assert await weather().run({"city": "Rome"}, CONTEXT) == {"degrees": 20}
    with pytest.raises(
        ToolFailed, match="its result breaks its schema: field 'degrees' must be a number, but 'hot' was"
    ):
        await weather({"degrees": "hot"}).run({"city": "Rome"}, CONTEXT)
    with pytest.raises(ToolFailed, match="its result is too large"):
        await weather({"degrees": 1, "more": "x" * 2_000_000}).run({"city": "Rome"}, CONTEXT)


async def test_an_error_is_a_failed_tool() -> None:
    with pytest.raises(ToolFailed, match="ValueError: no"):
        await weather(ValueError("no")).run({"city": "Rome"}, CONTEXT)


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(ContractBroken, match="its schema is no JSON schema"):
        weather(arguments={"type": "objekt"})


@given(
    st.dictionaries(
        st.sampled_from([*ARGUMENTS["properties"], "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
            max_leaves=4,
        ),
    )
)
def test_any_json_is_either_refused_or_normalised_for_good(arguments: dict[str, Any]) -> None:
    tool = weather()
    try:
        normal = tool.check(arguments)
    except ArgumentsRefused as refused:
        assert refused.problems
    else:
        assert tool.check(normal) == normal
