"""Ask a model, and once more where its answer cannot be used."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from pydantic_core import to_json

from interlock.nodes.state import text_of
from interlock.runtime.errors import ModelUnclear, OutputBroken
from interlock.runtime.outputs import Shape, fitting
from interlock.runtime.ports import Model


async def ask(model: Model, messages: Sequence[AnyMessage], *, at: str, tools: bool = False) -> AIMessage:
    """Ask for an answer or tool calls; a broken call or silence is told to the model, which may mend it once.

    Raises:
        ModelUnclear: the second answer cannot be used either.
    """
    reply = await model.ask(messages, at=at, tools=tools)
    if (problem := _problem(reply)) is None:
        return reply
    told = HumanMessage(f"That could not be used: {problem} Answer, or call a tool with arguments that are valid JSON.")
    again = await model.ask([*messages, _without_broken_calls(reply), told], at=f"{at}.again", tools=tools)
    if (problem := _problem(again)) is None:
        return again
    raise ModelUnclear(model=str(again.response_metadata.get("model_name", "the model")), problem=problem)


async def ask_for(shape: type[Shape], model: Model, messages: Sequence[AnyMessage], *, at: str) -> Shape:
    """Ask for data; what is wrong with it is told to the model, which may mend it once.

    Raises:
        OutputBroken: the second answer breaks its schema, too.
    """
    reply = await model.ask(messages, at=at, schema=shape)
    try:
        return _data(shape, reply)
    except OutputBroken as error:
        again = [*messages, reply, *_corrections(reply, error)]
    return _data(shape, await model.ask(again, at=f"{at}.again", schema=shape))


def broken(error: OutputBroken) -> str:
    """Tell a model what is wrong with what it gave."""
    return f"That is no valid {error.schema}: {'; '.join(error.problems)}. Answer with one call of {error.schema}."


def _data(shape: type[Shape], reply: AIMessage) -> Shape:
    if not reply.tool_calls:
        raise OutputBroken(schema=shape.__name__, problems=("it was not called",))
    return fitting(shape, to_json(reply.tool_calls[0]["args"]))


def _corrections(reply: AIMessage, error: OutputBroken) -> list[AnyMessage]:
    # A history may hold no call without its answer.
    told = broken(error)
    if not reply.tool_calls:
        return [HumanMessage(told)]
    return [ToolMessage(told, tool_call_id=call["id"] or "", status="error") for call in reply.tool_calls]


def _problem(reply: AIMessage) -> str | None:
    if reply.invalid_tool_calls:
        names = ", ".join(str(call.get("name") or "a tool") for call in reply.invalid_tool_calls)
        return f"the call of {names} has arguments that are no JSON object."
    if not reply.tool_calls and not text_of(reply).strip():
        return "the answer is empty."
    return None


def _without_broken_calls(reply: AIMessage) -> AIMessage:
    # A history may hold no call without its answer, broken ones included.
    return AIMessage(text_of(reply) or "(no text)")
