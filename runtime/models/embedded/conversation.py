"""Reading a list of chat messages: what is asked now, what was said before, and what came back."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

Status = Literal["done", "failed", "skipped"]
EARLIER = 12
"""Earlier messages of the user that are looked at."""
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one call or step."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    status: Status = "done"
    value: Any = None
    reason: str = ""
    goal: str = ""
    step: str = ""


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A conversation as the embedded model sees it."""

    request: str = ""
    previous: str = ""
    """The request that the last message completes, where the model had asked something."""
    question: str = ""
    """What the model had asked."""
    earlier: tuple[str, ...] = ()
    """Earlier messages of the user, latest first."""
    memory: str = ""
    tools: str = ""
    """The planner's catalogue, as JSON."""
    outcomes: tuple[Outcome, ...] = ()
    """What was called since the request, in order."""
    turn: int = 0
    """How many messages the user has sent."""


def read(messages: Sequence[BaseMessage]) -> Talk:
    """Read a conversation from its end; only the last few messages of the user are looked at."""
    blocks = _Blocks()
    turn, said = _split(messages, blocks)
    request = text_of(said[0]) if said else ""
    previous, question, used = _asked(messages, said)
    return Talk(
        request=request,
        previous=previous,
        question=question,
        earlier=tuple(text_of(m) for m in said[1 + used : 1 + used + EARLIER]),
        memory="\n".join(blocks.memory),
        tools=blocks.tools,
        outcomes=_outcomes(turn, blocks.results),
        turn=len(said),
    )


def text_of(message: BaseMessage) -> str:
    """Give the text of a message, whatever blocks it is made of."""
    return str(message.text)


@dataclass(kw_only=True)
class _Blocks:
    memory: list[str] = field(default_factory=list[str])
    tools: str = ""
    results: Json = field(default_factory=dict[str, Any])


_MEMORY = re.compile(r"(?:\A|\n)<memory>\n(.*)\n</memory>(?=\s*(?:\n|\Z))", re.DOTALL)
_FENCED = re.compile(r"\A[^\n]{0,200}\n?<memory>\n.*\n</memory>\s*\Z", re.DOTALL)


def _split(messages: Sequence[BaseMessage], blocks: _Blocks) -> tuple[list[BaseMessage], list[HumanMessage]]:
    """Give the messages after the user's last, and the user's messages, latest first."""
    turn: list[BaseMessage] = []
    said: list[HumanMessage] = []
    for message in reversed(messages):
        if isinstance(message, SystemMessage):
            _read_blocks(text_of(message), blocks)
        elif isinstance(message, HumanMessage):
            if said and _FENCED.match(text_of(message)):
                _read_blocks(text_of(message), blocks, only_memory=True)
            else:
                said.append(message)
        elif not said:
            turn.append(message)
    turn.reverse()
    return turn, said


def _read_blocks(text: str, blocks: _Blocks, *, only_memory: bool = False) -> None:
    # Memory goes first and whole: it may hold a user's words that look like the other blocks.
    if m := _MEMORY.search(text):
        blocks.memory.append(m[1])
        text = text[: m.start()] + text[m.end() :]
    if only_memory:
        return
    if not blocks.tools and (block := _block("tools", text)):
        blocks.tools = block
    if not blocks.results and (block := _block("results", text)):
        found = parsed(block)
        blocks.results = cast(Json, found) if isinstance(found, dict) else {}


def _block(name: str, text: str) -> str:
    start = text.find(f"<{name}>\n")
    end = text.find(f"\n</{name}>", start)
    at_line = start == 0 or (start > 0 and text[start - 1] == "\n")
    return text[start + len(name) + 3 : end] if at_line and end > start else ""


def parsed(text: str) -> Any:
    """Read JSON, or give the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _asked(messages: Sequence[BaseMessage], said: Sequence[HumanMessage]) -> tuple[str, str, int]:
    """Give the request that the last message answers a question about, the question, and how many messages it took."""
    previous: list[str] = []
    asked = ""
    position = _place(messages, said[0]) if said else 0
    for used, message in enumerate(said[1:5]):
        before = _place(messages, message)
        question = _last_question(messages[before:position])
        if not question:
            return "\n".join(reversed(previous)), asked, used
        asked, position = asked or question, before
        previous.append(text_of(message))
    return "\n".join(reversed(previous)), asked, len(previous)


def _place(messages: Sequence[BaseMessage], message: BaseMessage) -> int:
    return next(i for i in range(len(messages) - 1, -1, -1) if messages[i] is message)


def _last_question(messages: Sequence[BaseMessage]) -> str:
    for message in reversed(messages):
        if isinstance(message, AIMessage) and not message.tool_calls:
            pending = message.response_metadata.get("pending")
            if pending is not None:
                return str(pending)
            lines = text_of(message).strip()
            return lines if lines.endswith("?") else ""
    return ""


def _outcomes(turn: Sequence[BaseMessage], results: Json) -> tuple[Outcome, ...]:
    calls = {c["id"] or "": c for m in turn if isinstance(m, AIMessage) for c in m.tool_calls if c["name"] != "Plan"}
    if results:
        return tuple(_of_entry(id, entry, calls) for id, entry in results.items())
    found: list[Outcome] = []
    for message in turn:
        if isinstance(message, ToolMessage) and (call := calls.get(message.tool_call_id)) is not None:
            text, failed = text_of(message), message.status == "error"
            found.append(
                Outcome(
                    tool=call["name"],
                    arguments=call["args"],
                    status="failed" if failed else "done",
                    value=None if failed else parsed(text),
                    reason=text if failed else "",
                    step=message.tool_call_id.rpartition("-")[2],
                )
            )
    return tuple(found)


_STATUSES: dict[str, Status] = {"failed": "failed", "skipped": "skipped"}


def _of_entry(id: str, entry: Any, calls: Mapping[str, Any]) -> Outcome:
    call = next((c for key, c in calls.items() if key == id or key.endswith("-" + id)), None)
    arguments = cast(Json, call["args"]) if call else {}
    if not (isinstance(entry, dict) and "status" in entry and "tool" in entry):
        return Outcome(tool=str(call["name"]) if call else "", arguments=arguments, value=entry, step=id)
    known = cast(Json, entry)
    status = _STATUSES.get(str(known["status"]), "done")
    return Outcome(
        tool=str(known["tool"]),
        arguments=arguments,
        status=status,
        value=known.get("value"),
        reason=str(known.get("error") or known.get("judged") or known.get("because") or ""),
        goal=str(known.get("goal") or ""),
        step=id,
    )
