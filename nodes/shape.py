"""Bring a drafted reply into the shape that the agent declares."""

from typing import Any, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, SystemMessage
from langgraph.runtime import Runtime
from pydantic import BaseModel

from interlock.nodes.asking import ask_for, broken
from interlock.nodes.prompt import prompt
from interlock.nodes.state import text_of
from interlock.runtime.errors import OutputBroken
from interlock.runtime.outputs import fitting
from interlock.runtime.ports import Deps


class Reads(TypedDict):
    messages: list[AnyMessage]
    recalled: list[str]
    draft: AIMessage | None
    summary: NotRequired[dict[str, Any]]


class Writes(TypedDict):
    draft: AIMessage


async def shape(state: Reads, runtime: Runtime[Deps], *, output: type[BaseModel]) -> Writes:
    """Keep a draft that is JSON of the output; any other is told to the model, which gives it as data.

    Raises:
        OutputBroken: the model cannot.
    """
    draft = state["draft"] or AIMessage("")
    try:
        made = fitting(output, text_of(draft))
    except OutputBroken as error:
        made = await _asked(output, state, runtime.context, [_said(draft), SystemMessage(broken(error))])
    # Written anew, so that nothing goes out which the schema does not name.
    return {"draft": draft.model_copy(update={"content": made.model_dump_json(by_alias=True, round_trip=True)})}


async def _asked(output: type[BaseModel], state: Reads, deps: Deps, drafted: list[Any]) -> BaseModel:
    messages = prompt(deps.prompts.text("system"), state["messages"], state["recalled"], state.get("summary"))
    return await ask_for(output, deps.model, [*messages, *drafted], at="shape")


def _said(draft: AIMessage) -> AIMessage:
    return AIMessage(text_of(draft) or "(no text)")
