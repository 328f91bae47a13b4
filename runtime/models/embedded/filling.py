"""Filling a tool's parameters from what the user said, by type and name; nothing is invented."""

import itertools
from dataclasses import replace
from typing import Any

from interlock.runtime.models.embedded import forms
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.choices import choose, clear_up, recall, take_every
from interlock.runtime.models.embedded.phrases import free_text, object_phrase, whole_question
from interlock.runtime.models.embedded.placing import join_moments, pair_up, place, refer, rows
from interlock.runtime.models.embedded.schemas import Shape
from interlock.runtime.models.embedded.supply import Filled, Supply, Work
from interlock.runtime.models.embedded.text import stem_set

MOST_CALLS = 20
"""More calls than this are never made of one clause."""
TITLE_WORDS = 8
_ADDRESSED = stem_set("email mail phone date url")
_SPECIAL = _ADDRESSED | stem_set("address street subject path file folder directory")
"""Words in names of parameters that take not just any text."""


def fill(tool: Tool, supply: Supply) -> Filled:
    """Fill what can be filled, from the nearest words first.

    Returns:
        One set of arguments for each call that the clause asks for: "orders 4 and 5" asks for two.
    """
    parts = [fill(tool, replace(supply, own=row)) for row in rows(tool, supply)]
    if parts and not any(p.missing or p.unclear for p in parts):
        return replace(parts[0], calls=tuple(call for p in parts for call in p.calls))
    work = Work(tool=tool, supply=supply)
    _from_the_clause(work)
    _from_around(work)
    return Filled(
        calls=_combinations(work),
        missing=tuple(work.wanted),
        unclear=tuple(work.unclear),
        guessed=work.guessed,
        recalled=frozenset(work.recalled),
    )


def _from_the_clause(work: Work) -> None:
    clause = work.supply.clause
    choose(work, clause.words, clause)
    place(work, work.supply.own)
    pair_up(work, work.supply.own)
    join_moments(work)
    _texts(work)


def _from_around(work: Work) -> None:
    """Use what stands outside the clause: other sentences, the user's answer, what "it" means, memory."""
    supply = work.supply
    place(work, supply.loose, only_required=True)
    join_moments(work)
    choose(work, supply.loose_words, None)
    take_every(work)
    clear_up(work, [v.value for v in supply.loose])
    refer(work)
    recall(work)
    _replied(work)
    _derived(work)


def _texts(work: Work) -> None:
    for shape in work.open:
        if text := _text(work, shape):
            work.chosen[shape.name] = [text]
    rest = work.wanted
    alone = sum(takes_anything(p, also=("subject",)) for p in work.tool.required) == 1
    if len(rest) == 1 and alone and takes_anything(rest[0]):
        text = object_phrase(work.tool, work.supply.clause, work.taken)
        work.chosen.update({rest[0].name: [text]} if text else {})
        work.guessed = bool(text)


def _text(work: Work, shape: Shape) -> str:
    supply = work.supply
    named = shape.id_like and not shape.is_class("title")
    if not shape.textual or shape.numeric or shape.choices or shape.format or named or set(shape.words) & _ADDRESSED:
        return ""
    if shape is work.tool.question:
        return whole_question(supply.clause, supply.original, supply.before)
    return free_text(shape, work.tool, supply.clause, work.taken, needed=shape.required)


def takes_anything(shape: Shape, *, also: tuple[str, ...] = ()) -> bool:
    """Tell whether any text will do for a parameter.

    Args:
        shape: the parameter.
        also: stems of names that are let through although they mostly want something special.
    """
    plain = shape.textual and not (shape.numeric or shape.choices or shape.format or shape.id_like)
    return plain and not set(shape.words) & (_SPECIAL - set(also))


def _replied(work: Work) -> None:
    """Take the whole answer for the one text that was asked for."""
    reply, rest = work.supply.reply.strip(), work.wanted
    content = [p for p in rest if p.is_class("content") and not p.is_class("title")]
    if len(content) == 1 and all(p in content or p.is_class("title") for p in rest):
        rest = content
    if not reply or forms.YES.match(reply) or len(rest) != 1:
        return
    if takes_anything(rest[0], also=("address", "street", "subject")):
        work.chosen[rest[0].name] = [reply]


def _derived(work: Work) -> None:
    """Name a message by its own first words, where a title is needed and none was given."""
    contents = [work.chosen[p.name][0] for p in work.tool.parameters if p.is_class("content") and p.name in work.chosen]
    titles = [p for p in work.wanted if p.textual and p.is_class("title")]
    if titles and contents and isinstance(contents[0], str):
        head = " ".join(contents[0].split()[:TITLE_WORDS]).rstrip(".,;:")
        work.chosen[titles[0].name] = [head[:1].upper() + head[1:]]
        work.guessed = True


def _combinations(work: Work) -> tuple[dict[str, Any], ...]:
    """Turn lists of values into calls: lists of one length go hand in hand, single values go with each."""
    chosen = {p.name: work.chosen[p.name] for p in work.tool.parameters if p.name in work.chosen}
    lengths = {len(values) for values in chosen.values()} - {1}
    if len(lengths) <= 1:
        count = min(max(lengths, default=1), MOST_CALLS)
        return tuple({n: v[i if len(v) > 1 else 0] for n, v in chosen.items()} for i in range(count))
    product = itertools.islice(itertools.product(*chosen.values()), MOST_CALLS)
    return tuple(dict(zip(chosen, values, strict=True)) for values in product)
