"""Which tool a clause is about: by its words, and where these do not settle it, by its meaning.

The words of the tools are weighed by inverse document frequency over the tool set, in the form of BM25 (Robertson
and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009), so that a word that all tools share
tells nothing. Meaning is the cosine of MiniLM sentence vectors; loading it takes seconds, so it comes last.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.deeds import orders_a_change, verb_match
from interlock.runtime.models.embedded.matching import SURE, affinity
from interlock.runtime.models.embedded.schemas import name_words
from interlock.runtime.models.embedded.senses import expanded
from interlock.runtime.models.embedded.text import stem
from interlock.runtime.models.embedded.values import Value

_IMPLIED = {"money": ("money",), "email": ("email", "mail"), "path": ("fil",)}
"""What a value makes a clause speak of, whether or not the word is said."""
KNOWN = 0.30
"""Score from which a tool counts as meant."""
SETTLED = 0.12
"""Lead over the next tool from which the words need no second opinion."""
LIKE_TO_LOOK, LOOK_LEAD = 0.20, 0.08
"""Cosine, and lead over the next, from which a lookup counts as meant where the words found nothing."""
LIKE_TO_ACT, ACT_LEAD = 0.40, 0.10
"""The same for a tool that acts, or where a deed is ordered; even then the user is asked before anything is done."""
UNKNOWN = 0.35
"""Weight of a word that no tool knows, beside one that some tool knows."""


class Embedder(Protocol):
    """Turns texts into unit vectors, one row each."""

    def embed(self, texts: Sequence[str], /) -> Any: ...


Meaning = Callable[[str, Sequence[str]], list[float]]
"""Cosines of a text with other texts."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """How well a tool fits a clause."""

    tool: Tool
    score: float
    by: str = "words"


def rank(clause: Clause, tools: Catalogue, values: Sequence[Value], meaning: Meaning | None) -> list[Ranked]:
    """Order the tools that the clause may be about, best first; tools below the threshold are left out.

    Meaning is asked only where no word speaks for any tool, or where two deeds are about equally well named.
    """
    by_words = sorted((_ranked(clause, t, tools, values) for t in tools.tools), key=lambda r: -r.score)
    known = [r for r in by_words if r.score >= KNOWN]
    tied = len(known) > 1 and known[0].score - known[1].score < SETTLED and not known[0].tool.read_only
    if meaning is None or not clause.topics or (known and not tied):
        return known
    if known:
        cosines = _cosines(clause, known, meaning)
        return sorted((replace(r, score=r.score + c) for r, c in cosines), key=lambda r: -r.score)
    return _by_meaning(clause, by_words, meaning)


def _ranked(clause: Clause, tool: Tool, tools: Catalogue, values: Sequence[Value]) -> Ranked:
    named = tool.read_only or verb_match(clause, tool, values)
    return Ranked(tool=tool, score=word_score(clause, tool, tools, values), by="words" if named else "fit")


def _by_meaning(clause: Clause, candidates: Sequence[Ranked], meaning: Meaning) -> list[Ranked]:
    ranked = sorted(
        (Ranked(tool=r.tool, score=c, by="meaning") for r, c in _cosines(clause, candidates, meaning)),
        key=lambda r: -r.score,
    )
    if not ranked:
        return []
    harmless = ranked[0].tool.read_only and not orders_a_change(clause)
    like, lead = (LIKE_TO_LOOK, LOOK_LEAD) if harmless else (LIKE_TO_ACT, ACT_LEAD)
    clear = len(ranked) == 1 or ranked[0].score - ranked[1].score >= lead
    return ranked[:1] if ranked[0].score >= like and clear else []


def _cosines(clause: Clause, candidates: Sequence[Ranked], meaning: Meaning) -> list[tuple[Ranked, float]]:
    if not candidates:
        return []
    return list(zip(candidates, meaning(clause.text, [r.tool.summary for r in candidates]), strict=True))


def word_score(clause: Clause, tool: Tool, tools: Catalogue, values: Sequence[Value]) -> float:
    """Score 0..1.5 or so: the words' weight, the verb, the named thing, and whether the values at hand fit."""
    covered = [(v.start, v.end) for v in values if v.kind not in ("integer", "number")]
    free = [t for t in clause.topics if not any(a <= t.start < b for a, b in covered)]
    verb = verb_match(clause, tool, values)
    if not verb and (not tool.read_only or orders_a_change(clause)) and not _complete(clause, tool, values, tools):
        return 0.0
    topics = expanded(clause, free) or [[(t.stem, 1.0)] for t in free]
    implied = {w for v in values for w in _IMPLIED.get(v.kind, ())}
    if not topics and not implied and not verb:
        return 0.0
    matched, total, strange, objects = 0.0, 0.0, 0.0, 0.0
    for senses in topics:
        weight = max(idf(word, tools) * share for word, share in senses)
        known = any(word in tools.frequency for word, _ in senses)
        best = max((tool.terms.get(word, 0.0) / 3 * share for word, share in senses), default=0.0)
        total, strange = total + weight * known, strange + UNKNOWN * weight * (not known)
        matched += weight * best
        objects = max(objects, *(share * idf(word, tools) for word, share in senses if word in tool.nouns), 0.0)
    matched += 0.3 * sum(idf(w, tools) for w in implied if w in tool.terms)
    # What no tool knows counts against all of them, but a long story does not drown what is known.
    total += min(strange, total) if total else strange
    coverage = matched / total if total else 0.0
    fit = _fit(tool, values, tools.rivals)
    fits = 0.3 * fit + 0.1 * _number(clause, tool) + 0.2 * _chosen(clause, tool, values)
    return (
        coverage
        + 0.35 * verb
        + 0.15 * min(objects, 2.0)
        + (fits if matched or verb else 0.0)
        - _handicap(tool, verb, named=objects > 0 or fit > 0)
    )


def _complete(clause: Clause, tool: Tool, values: Sequence[Value], tools: Catalogue) -> bool:
    """Tell whether all that an acting tool requires is said outright, several things, though its deed is not named."""
    if tool.read_only or len(tool.required) <= 1:
        return False
    said = {t.stem for t in clause.words}
    return all(
        any(affinity(p, v, tools.rivals) >= SURE - 1 for v in values)
        or any({stem(w) for w in name_words(str(c))} <= said for c in p.choices)
        for p in tool.required
    )


def _handicap(tool: Tool, verb: float, *, named: bool) -> float:
    """What speaks against a tool that acts: it is named by a like word only, and its object not at all."""
    return 0.35 if not tool.read_only and verb < 1 and tool.nouns and not named else 0.0


def idf(word: str, tools: Catalogue) -> float:
    """Weigh a stem by its rarity among the tools; a word that no tool knows weighs as much as a rare one."""
    count, n = tools.frequency.get(word, 0), len(tools.tools)
    return math.log(1 + (n - count + 0.5) / (max(count, 1) + 0.5))


def _fit(tool: Tool, values: Sequence[Value], rivals: frozenset[str]) -> float:
    """How well the values at hand fit the tool's parameters, -1 to 1; a value without a place speaks against it."""
    if not values:
        return 0.0
    best = [max((affinity(p.item or p, v, rivals) for p in tool.parameters), default=0.0) for v in values]
    weights = [
        2.0 if v.kind in ("money", "email") and not score else 1.0 for v, score in zip(values, best, strict=True)
    ]
    return sum(score / SURE if score else -w for score, w in zip(best, weights, strict=True)) / sum(weights)


def _chosen(clause: Clause, tool: Tool, values: Sequence[Value]) -> float:
    """Tell whether the clause names one of a required parameter's choices, or lacks a quantity that is required."""
    if tool.read_only:
        return 0.0
    said = {t.low for t in clause.words}
    named = [any(set(name_words(str(c))) <= said for c in p.choices) for p in tool.required if p.choices]
    flags = [bool(said & {"on", "off"}) for p in tool.required if "boolean" in p.types]
    bare = any(p.numeric and not p.id_like for p in tool.required) and not any(v.kind in _QUANTITIES for v in values)
    found = [*named, *flags]
    return (sum(found) / len(found) if found else 0.0) - (0.5 if bare else 0.0)


_QUANTITIES = ("integer", "number", "money", "percent")


def _number(clause: Clause, tool: Tool) -> float:
    """Tell whether the clause speaks of many things and the tool gives many, or of one and one."""
    named = [t.low for t in clause.words if t.stem in tool.nouns]
    if not named or not tool.read_only:
        return 0.0
    many = named[-1].endswith("s")
    if tool.result.item is not None:
        return 1.0 if many else -1.0
    return -1.0 if many else 0.0
