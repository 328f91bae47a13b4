"""Who chose what: the thread's own messages, read as evidence for the calls that a model makes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import orjson
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from interlock.nodes.state import as_call, text_of, this_turn
from interlock.runtime.contract import ToolContract
from interlock.runtime.envelope import Envelope
from interlock.runtime.labels import Evidence, Leaf, labelled, trusted_view
from interlock.runtime.plan import Plan
from interlock.runtime.records import Origin

Contracts = Callable[[str], ToolContract | None]
_HIDDEN = "[this was written after untrusted text had been read]"


def tainted(state: Any) -> bool:
    """Tell whether anything untrusted or private was read on this thread."""
    label: dict[str, Any] = state.get("label") or {}
    return label.get("integrity") == "untrusted" or label.get("confidentiality") == "private"


def origins(calls: Iterable[Any], state: Any, contracts: Contracts) -> list[Origin | None]:
    """Trace each of the calls that a model asks for; None where there is nothing to trace."""
    planned = bool(state.get("plan"))
    if not planned and not tainted(state):
        return [None for _call in calls]
    found = evidence(state["messages"], contracts)
    if not planned:
        known = ((call, contracts(call["name"])) for call in calls)
        return [found.origin(contract, call["args"]) if contract else None for call, contract in known]
    envelope = _used(Plan.model_validate(state["plan"]), state["messages"], found, contracts)
    traced: list[Origin | None] = []
    for call in calls:
        origin = envelope.origin(as_call(call))
        if origin.step:
            envelope.use(origin.step)
        traced.append(origin)
    return traced


def evidence(messages: list[AnyMessage], contracts: Contracts) -> Evidence:
    """Gather what the user said, and every labelled value that a tool returned."""
    said = "\n".join(text_of(message) for message in messages if isinstance(message, HumanMessage))
    return Evidence(said=said, results=tuple(_leaves(messages, contracts)))


def given(messages: list[AnyMessage]) -> str:
    """Give all that the user said and tools returned, in one text."""
    return "\n".join(text_of(message) for message in messages if isinstance(message, HumanMessage | ToolMessage))


def trusted_only(messages: list[AnyMessage], contracts: Contracts) -> list[AnyMessage]:
    """Give a conversation as a planner may see it: nothing in it was written by, or after reading, untrusted text."""
    kept: list[AnyMessage] = []
    proof = evidence(messages, contracts)
    clean = True
    for message in messages:
        if isinstance(message, ToolMessage):
            kept.append(_shown(message, contracts(message.name or "")))
            clean = clean and kept[-1].content == message.content
        elif clean or not isinstance(message, AIMessage):
            kept.append(message)
        else:
            calls = [{**call, "args": _said(call["args"], proof)} for call in message.tool_calls]
            kept.append(AIMessage(_HIDDEN if text_of(message) else "", tool_calls=calls))
    return kept


def value_of(contract: ToolContract, content: str) -> Any:
    """Read a result back. Where it may be text it is left as text: text that looks like data vouches for nothing."""
    if "string" in _kinds(contract.result):
        return content
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content


def _kinds(schema: dict[str, Any]) -> set[str]:
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts:
        return set[str]().union(*(_kinds(part) for part in parts))
    kind = schema.get("type", "object" if "$ref" in schema else "string")
    return set(cast(list[str], kind)) if isinstance(kind, list) else {str(kind)}


def _leaves(messages: list[AnyMessage], contracts: Contracts) -> Iterator[Leaf]:
    for message in messages:
        if isinstance(message, ToolMessage) and message.status == "success":
            contract = contracts(message.name or "")
            if contract is not None:
                yield from labelled(contract, value_of(contract, str(message.text)))


def _used(plan: Plan, messages: list[AnyMessage], found: Evidence, contracts: Contracts) -> Envelope:
    """Hold the calls that were made in this turn against the plan, in their order."""
    envelope = Envelope(plan=plan, contracts=contracts, evidence=found)
    turn = this_turn(messages)
    results = {m.tool_call_id: m for m in turn if isinstance(m, ToolMessage) and m.status == "success"}
    for call in _calls(turn):
        if (result := results.get(call["id"] or "")) is not None and (contract := contracts(call["name"])) is not None:
            asked_for = as_call(call)
            envelope.took(asked_for, envelope.origin(asked_for), value_of(contract, str(result.text)))
    return envelope


def _calls(messages: list[AnyMessage]) -> Iterator[Any]:
    for message in messages:
        if isinstance(message, AIMessage):
            yield from message.tool_calls


def _shown(message: ToolMessage, contract: ToolContract | None) -> ToolMessage:
    if contract is None or contract.plain:
        return message
    if message.status == "error":
        return message.model_copy(update={"content": "[it did not succeed; what it said is not shown here]"})
    shown = trusted_view(contract, value_of(contract, str(message.text)))
    text = shown if isinstance(shown, str) else orjson.dumps(shown).decode()
    return message.model_copy(update={"content": text})


def _said(arguments: dict[str, Any], proof: Evidence) -> dict[str, Any]:
    return {n: value if proof.chosen(value) != "untrusted" else "[untrusted]" for n, value in arguments.items()}
