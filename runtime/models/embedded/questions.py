"""Asking the user: one plain question that names what is missing."""

from collections.abc import Sequence
from typing import Any

from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.schemas import Shape, name_words

CANNOT_TELL = "I cannot find out whether"


def missing(tool: Tool, shapes: Sequence[Shape]) -> str:
    """Ask for arguments that are missing."""
    things = listed([spoken(s) for s in shapes] or ["more"])
    hint = _choices(shapes[0]) if len(shapes) == 1 and shapes[0].choices else ""
    if len(shapes) == 1 and shapes[0].id_like:
        return f"To {deed(tool)} I need the {things}. Which one is it?"
    are = "are they" if len(shapes) > 1 else "is it"
    return f"To {deed(tool)} I need the {things}{hint}. What {are}?"


def which_value(shape: Shape, options: Sequence[Any]) -> str:
    """Ask which of several values is meant."""
    thing = _noun(shape) if shape.id_like and shape.noun else spoken(shape)
    return f"Which {thing} do you mean, {listed([str(o) for o in options], 'or')}?"


def which_tool(tools: Sequence[Tool]) -> str:
    """Ask what is to be done, where two tools fit alike."""
    return f"Do you want me to {listed([deed(t) for t in tools], 'or')}?"


def unclear_condition(tool: Tool, condition: str) -> str:
    """Ask what to do about a condition that no lookup can decide."""
    return f"{CANNOT_TELL} {condition}, so I have not acted on it. Should I {deed(tool)} all the same?"


def deed(tool: Tool) -> str:
    """Say what a tool does, as an infinitive: "send the mail"."""
    words = list(tool.words)
    if tool.verb and words and words[0] == tool.verb:
        return " ".join([words[0], *(["the", *words[1:]] if len(words) > 1 else _object(tool))])
    return f"use “{' '.join(words)}”"


def _object(tool: Tool) -> list[str]:
    noun = next((_noun(p) for p in tool.required if p.id_like and p.noun), "")
    return ["the", noun] if noun else ["it"]


def spoken(shape: Shape) -> str:
    """Name a parameter in plain words."""
    words = [
        {"id": "number" if shape.numeric else "id", "no": "number", "nr": "number", "qty": "quantity"}.get(w, w)
        for w in name_words(shape.name)
    ]
    text = " ".join(words)
    return {"to": "recipient", "q": "question", "cc": "copy recipient"}.get(text, text)


def _noun(shape: Shape) -> str:
    rest = [w for w in name_words(shape.name) if w not in ("id", "number", "no", "ref", "key", "code", "uuid")]
    return rest[-1] if rest else spoken(shape)


def _choices(shape: Shape) -> str:
    return f" ({listed([str(c) for c in shape.choices if c is not None], 'or')})"


def listed(items: Sequence[str], joint: str = "and") -> str:
    """Write a list as a sentence has it."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {joint} {items[-1]}" if items else ""
