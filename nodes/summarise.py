"""Condense the older turns of a long thread into its running summary."""

from typing import Any, NotRequired, TypedDict

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from interlock.nodes.condensing import (
    Summary,
    condensed,
    cut,
    fenced_conversation,
    fenced_summary,
    standing,
    summary_of,
    tokens_in,
)
from interlock.nodes.state import label_of, text_of
from interlock.runtime.errors import InterlockError
from interlock.runtime.ports import Deps
from interlock.runtime.records import ShortTerm

_CHARS_PER_TOKEN = 4
_SURE = 0.5
"""Confidence below which a model that tells its own has said that it cannot do it."""


class Reads(TypedDict):
    messages: list[AnyMessage]
    label: dict[str, Any]
    summary: NotRequired[dict[str, Any]]


class Writes(TypedDict, total=False):
    summary: Summary | None


async def summarise(state: Reads, runtime: Runtime[Deps], *, plan: ShortTerm) -> Writes:
    """Sum up all but the newest turns where the thread is longer than it may be. It carries the thread's label.

    Where the model fails, the thread stays as it is. Limits and policies stop the run here as anywhere.
    """
    messages = state["messages"]
    before = standing(state.get("summary"), messages)
    place = cut(messages, keep=plan.keep)
    known = before["messages"] if before else 0
    if place <= known or tokens_in(condensed(before, messages)) <= plan.tokens:
        return {"summary": before}
    text = await _summed_up(runtime.context, before, messages[known:place], plan)
    if not text:
        return {"summary": before}
    return {"summary": summary_of(text, messages[:place], label_of(state).model_dump(mode="json"))}


async def _summed_up(deps: Deps, before: Summary | None, older: list[AnyMessage], plan: ShortTerm) -> str:
    parts = [fenced_summary(before["text"])] if before else []
    asked = "\n".join([*parts, fenced_conversation(older), f"Sum this up in at most {plan.summary_tokens // 2} words."])
    try:
        reply = await deps.model.ask(
            [SystemMessage(deps.prompts.text("summarise")), HumanMessage(asked)], at="summarise"
        )
    except InterlockError:
        raise
    except Exception:  # each provider raises its own; the gate has put it on record
        return ""
    if reply.response_metadata.get("confidence", 1.0) < _SURE:
        return ""
    return text_of(reply).strip()[: plan.summary_tokens * _CHARS_PER_TOKEN]
