"""The first node of a run: take the request in."""

from typing import Any, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime

from interlock.nodes.state import text_of, this_turn
from interlock.runtime.errors import MessageRefused
from interlock.runtime.ports import Deps
from interlock.runtime.text import is_whole

MOST_CHARS = 100_000
"""The longest request that is taken; longer input belongs into a file that a tool reads."""
_ANSWER = 6
"""Words up to which a message may be an answer that says little by itself."""


class Reads(TypedDict):
    messages: list[AnyMessage]
    plan: NotRequired[dict[str, Any]]


class Writes(TypedDict, total=False):
    messages: list[AnyMessage]
    steps: int
    draft: AIMessage | None
    plan: dict[str, Any]
    progress: dict[str, Any]
    replans: int
    recalled: list[str]
    doubted: list[str]


async def begin(state: Reads, runtime: Runtime[Deps]) -> Writes:
    """Check the request, close what an abandoned run left open, and start counting anew.

    Raises:
        MessageRefused: there is no request, or it is empty or too long.
    """
    messages = state["messages"]
    _check(messages)
    said = await runtime.context.door.enter(text_of(messages[-1]), at="begin")
    await runtime.context.tools.offer(wanted(messages, said), at="begin.offer", used=just_used(messages))
    return {
        "messages": [*_instead(messages, said), *abandoned(messages)],
        "steps": 0,
        "draft": None,
        "plan": put_off(state.get("plan")),
        "progress": {},
        "replans": 0,
        "recalled": [],
        "doubted": [],
    }


def put_off(plan: dict[str, Any] | None) -> dict[str, Any]:
    """Keep a plan that waits for the answer to its question; any other belongs to the run that made it."""
    return plan if plan and plan.get("question") and plan.get("steps") else {}


def _instead(messages: list[AnyMessage], said: str) -> list[AnyMessage]:
    """Put a request that a policy changed in place of the one that was sent."""
    if said == text_of(messages[-1]):
        return []
    everything = RemoveMessage(REMOVE_ALL_MESSAGES)
    return [everything, *messages[:-1], HumanMessage(said)]  # type: ignore[list-item]  # the channel takes it


def _check(messages: list[AnyMessage]) -> None:
    where = "the last of `messages`"
    if not messages or not isinstance(messages[-1], HumanMessage):
        raise MessageRefused(what="there is no request", where=where, fix='pass {"messages": [("user", "...")]}')
    check_request(text_of(messages[-1]), where)


def check_request(text: str, where: str) -> None:
    """Refuse a request that is empty or too long, before anything is kept of it.

    Raises:
        MessageRefused: it is.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not check types
        raise MessageRefused(what=f"the request is a {type(text).__name__}", where=where, fix="send text")
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise MessageRefused(what="the request is empty", where=where, fix="say what is wanted")
    if not is_whole(text):
        raise MessageRefused(
            what="the request holds half a character (a lone surrogate)", where=where, fix="send valid Unicode"
        )
    if len(text) > MOST_CHARS:
        raise MessageRefused(
            what=f"the request has {len(text):,} characters", where=where, fix=f"send at most {MOST_CHARS:,}"
        )


def wanted(messages: list[AnyMessage], said: str) -> str:
    """Give what the user wants: the request, and the one before where this is only an answer such as `yes, please`."""
    if len(said.split()) > _ANSWER:
        return said
    before = next((text_of(m) for m in reversed(messages[:-1]) if isinstance(m, HumanMessage)), "")
    return f"{before}\n{said}" if before else said


def just_used(messages: list[AnyMessage]) -> list[str]:
    """Name the tools that answered since the user spoke before, oldest first."""
    last = [message for message in this_turn(messages[:-1]) if isinstance(message, ToolMessage)]
    return list(dict.fromkeys(message.name for message in last if message.name and message.status == "success"))


def abandoned(messages: list[AnyMessage]) -> list[AnyMessage]:
    """Answer calls of an earlier run that never got a result, so that every call has its answer.

    Chat models refuse a history with an unanswered call.
    """
    answered = {m.tool_call_id for m in messages if isinstance(m, ToolMessage)}
    told = "This call has no result: the run that asked for it ended before. It may or may not have been made."
    return [
        ToolMessage(told, tool_call_id=call["id"] or "", name=call["name"], status="error", id=f"r-{call['id']}")
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
        if call["id"] not in answered
    ]
