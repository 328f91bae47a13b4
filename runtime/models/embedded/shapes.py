"""Filling a shape that must be filled: structured output, and calls that `tool_choice` forces.

What the conversation does not hold is left out, never made up; whoever asked for the shape sees what is missing.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.clauses import Clause, Request, take_apart
from interlock.runtime.models.embedded.conversation import Talk
from interlock.runtime.models.embedded.filling import fill, takes_anything
from interlock.runtime.models.embedded.memories import noticed
from interlock.runtime.models.embedded.phrases import object_phrase
from interlock.runtime.models.embedded.ranking import Meaning, word_score
from interlock.runtime.models.embedded.schemas import Shape
from interlock.runtime.models.embedded.supply import Supply
from interlock.runtime.models.embedded.text import tokens
from interlock.runtime.models.embedded.values import Value, values

Calls = list[tuple[str, dict[str, Any]]]


def shaped(talk: Talk, tools: Catalogue, meaning: Meaning | None, today: date | None) -> tuple[Calls, float]:
    """Fill one of the tools' parameters from the last request.

    Returns:
        The calls to make, and how sure they are: the share of required parameters that were found.
    """
    text = f"{talk.previous}\n{talk.request}".strip()
    if len(tools.tools) == 1 and tools.tools[0].name == "Memories":
        return [("Memories", {"notes": _notes(talk.request)})], 0.9
    request = take_apart(text, verbs=tools.verbs)
    whole = _whole(request)
    found = values(request.masked, request.quotes, today=today)
    tool = _chosen(whole, tools, found, meaning)
    if written := _as_written(tool, request.text):
        return [(tool.name, written)], 1.0
    supply = Supply(
        clause=whole,
        own=found,
        memory=talk.memory,
        original=request.text,
        referents=tuple(values(take_apart(t).masked) for t in talk.earlier),
    )
    filled = fill(tool, supply)
    calls = [(tool.name, _completed(tool, dict(call), whole, found, supply)) for call in filled.calls]
    missing = sum(p.name not in calls[0][1] for p in tool.required)
    return calls, round(1.0 - missing / max(len(tool.required), 1) * 0.9, 2)


def _notes(text: str) -> list[dict[str, Any]]:
    return [
        {
            "text": n.text,
            "kind": n.kind,
            "subject": n.subject if n.attribute else "",
            "attribute": n.attribute,
            **({"many": True} if n.many else {}),
            **({"sensitivity": "personal"} if n.personal else {}),
        }
        for n in noticed(text)
    ]


def _whole(request: Request) -> Clause:
    payload = next((c.payload for c in request.clauses if c.payload), "")
    return Clause(
        text=request.masked,
        start=0,
        end=len(request.masked),
        words=tokens(request.masked),
        force="request",
        payload=payload,
    )


def _chosen(clause: Clause, tools: Catalogue, found: tuple[Value, ...], meaning: Meaning | None) -> Tool:
    if len(tools.tools) == 1:
        return tools.tools[0]
    scores = [word_score(clause, t, tools, found) for t in tools.tools]
    return tools.tools[max(range(len(scores)), key=lambda i: scores[i])]


def _as_written(tool: Tool, text: str) -> dict[str, Any]:
    """Read a call that is spelled out, as in "what is f(3)?"."""
    m = re.search(rf"\b{re.escape(tool.name)}\(([^()]*)\)", text)
    if not m or not m[1].strip():
        return {}
    given = [part.strip() for part in m[1].split(",")]
    if len(given) > len(tool.parameters):
        return {}
    read: dict[str, Any] = {}
    for shape, part in zip(tool.parameters, given, strict=False):
        name, eq, text_value = part.rpartition("=")
        target = next((p for p in tool.parameters if p.name == name.strip()), shape) if eq else shape
        value = _literal(target, text_value.strip())
        if value is None:
            return {}
        read[target.name] = value
    return read


def _literal(shape: Shape, text: str) -> Any:
    if shape.numeric:
        try:
            return int(text) if "number" not in shape.types else float(text)
        except ValueError:
            return None
    return text.strip("\"'") if shape.textual else None


def _completed(
    tool: Tool, call: dict[str, Any], clause: Clause, found: tuple[Value, ...], supply: Supply
) -> dict[str, Any]:
    """Give the first open text what the request is about, and fill objects from the same words."""
    for shape in tool.parameters:
        if shape.name in call or not shape.required:
            continue
        if shape.parts:
            inner = fill(Tool(name=shape.name, parameters=shape.parts), supply)
            call[shape.name] = dict(inner.calls[0])
        elif shape.item is not None and shape.item.textual and not shape.item.choices:
            call[shape.name] = [v.value for v in found if v.kind == "quoted"]
        elif takes_anything(shape) and _only(tool, shape, call) and (text := object_phrase(tool, clause, [])):
            call[shape.name] = text
    return call


def _only(tool: Tool, shape: Shape, call: Mapping[str, Any]) -> bool:
    return [p.name for p in tool.required if p.name not in call] == [shape.name]
