"""Finding a tool whose result holds an argument that another tool lacks."""

import re
from collections.abc import Sequence

from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.lexicon import CLASSES, word_set
from interlock.runtime.models.embedded.schemas import Shape, name_words
from interlock.runtime.models.embedded.text import stem, stems

_PARTIAL = word_set("half part partial partially some third quarter percent rest remainder except")


def donor(shape: Shape, tool: Tool, tools: Catalogue, clause: Clause) -> Sequence[tuple[Tool, str]]:
    """List lookups and result fields that can supply a parameter, best first."""
    if {t.low for t in clause.words} & _PARTIAL and shape.numeric:
        return []
    found = [
        (score, lookup, field)
        for lookup in tools.tools
        if lookup.read_only and lookup is not tool and not lookup.question
        if shape.name not in {p.name for p in lookup.required}
        for field in lookup.fields
        if not field.in_list and (score := likeness(shape, field, tool)) >= 1.0
    ]
    found.sort(key=lambda f: -f[0])
    return [(lookup, field.path) for _, lookup, field in found]


def likeness(shape: Shape, field: Shape, tool: Tool) -> float:
    """Score how surely a result field is what a parameter wants: by name, by class of name, by description."""
    if not _compatible(shape, field):
        return 0.0
    if shape.name == field.name:
        return 3.0
    if shape.id_like or field.id_like:
        return 0.0 if not (shape.noun and shape.id_like and field.id_like and shape.noun == field.noun) else 2.0
    if name_words(field.name)[-1:] and re.search(r"[a-z]ed$", name_words(field.name)[-1]):
        return 0.0
    if field.name.endswith(("able", "ible")) and stem(field.name) in tool.verbs:
        return 2.5  # what is refundable is what a refund takes
    described = set(stems(field.description))
    score = 0.0
    if any(shape.is_class(c) and field.is_class(c) for c in _EXCHANGEABLE):
        score += 1.0
    if described & set(shape.words):
        score += 1.0
    if score and (described | set(field.words)) & tool.verbs:
        score += 0.5
    return score


_EXCHANGEABLE = tuple(name for name in CLASSES if name in ("money", "url"))


def _compatible(shape: Shape, field: Shape) -> bool:
    if field.parts or field.item or (field.choices and not shape.choices):
        return False
    if shape.types & field.types:
        return True
    return shape.numeric and field.textual and (field.format == "decimal" or field.is_class("money"))
