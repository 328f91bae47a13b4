"""Read facts by rules: from what the user says, and from the results of tools, without any model."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from interlock.nodes.state import text_of
from interlock.runtime.contract import ToolContract
from interlock.runtime.labels import field_label, leaves, without_positions
from interlock.runtime.memories import FactRule, Note
from interlock.runtime.records import Label

Contracts = Callable[[str], ToolContract | None]
MOST_CHARACTERS = 20_000
"""How much of a text the patterns are looked for in."""


def by_rules(rules: Iterable[FactRule], turn: Sequence[AnyMessage], contracts: Contracts) -> list[Note]:
    """Read what the rules find in this turn, in the order of the rules."""
    found: list[Note] = []
    for rule in rules:
        for text, label in _texts(rule, turn, contracts):
            match = re.search(rule.pattern, text[:MOST_CHARACTERS])
            if match is not None:
                found.append(_note(rule, match, label))
    return list({note.model_dump_json(): note for note in found}.values())


def _note(rule: FactRule, match: re.Match[str], label: Label) -> Note:
    named = {name: value or "" for name, value in match.groupdict().items()}
    return Note(
        text=rule.text.format_map(named),
        kind=rule.kind,
        slot=rule.slot,
        said_by=rule.said_by,
        sensitivity=rule.sensitivity,
        importance=rule.importance,
        label=label,
    )


def _texts(rule: FactRule, turn: Sequence[AnyMessage], contracts: Contracts) -> list[tuple[str, Label]]:
    """Give the texts that a rule reads, labelled by where they come from."""
    if rule.said_by == "user":
        return [(text_of(message), Label()) for message in turn if isinstance(message, HumanMessage)]
    contract = contracts(rule.tool)
    answers = (m for m in turn if isinstance(m, ToolMessage) and m.name == rule.tool and m.status == "success")
    if contract is None:
        return []
    return [
        (str(value), field_label(contract, path))
        for answer in answers
        for path, value in leaves(_parsed(text_of(answer)))
        if value not in (None, "") and without_positions(path) == rule.field
    ]


def _parsed(content: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content
