"""Which tool a clause is about: by its words, and where these do not settle it, by its meaning.

The words of the tools are weighed by inverse document frequency over the tool set, in the form of BM25 (Robertson
and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009), so that a word that all tools share
tells nothing. Meaning is the cosine of MiniLM sentence vectors; loading it takes seconds, so it comes last.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.text import stem
from interlock.runtime.models.embedded.values import Value

KNOWN = 0.30
"""Score from which a tool counts as meant."""
SETTLED = 0.12
"""Lead over the next tool from which the words need no second opinion."""
LIKE = 0.36
"""Cosine from which a tool counts as meant, where the words found none."""
LIKE_LEAD = 0.06


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
    """Order the tools that the clause may be about, best first; tools below the threshold are left out."""
    by_words = sorted(
        (Ranked(tool=t, score=word_score(clause, t, tools, values)) for t in tools.tools), key=lambda r: -r.score
    )
    known = [r for r in by_words if r.score >= KNOWN]
    if known and (len(known) == 1 or known[0].score - known[1].score >= SETTLED):
        return known
    if meaning is None or not clause.topics or not by_words:
        return known
    return _by_meaning(clause, known or by_words, meaning, sure=bool(known))


def _by_meaning(clause: Clause, candidates: list[Ranked], meaning: Meaning, *, sure: bool) -> list[Ranked]:
    cosines = meaning(clause.text, [f"{' '.join(r.tool.words)}: {r.tool.summary}" for r in candidates])
    mixed = [
        Ranked(tool=r.tool, score=(r.score + cosine if sure else cosine), by="meaning")
        for r, cosine in zip(candidates, cosines, strict=True)
    ]
    mixed.sort(key=lambda r: -r.score)
    if sure:
        return mixed
    settled = len(mixed) == 1 or mixed[0].score - mixed[1].score >= LIKE_LEAD
    return mixed if mixed[0].score >= LIKE and settled else []


def word_score(clause: Clause, tool: Tool, tools: Catalogue, values: Sequence[Value]) -> float:
    """Score 0..1.5 or so: the words' weight, the verb, the named thing, and whether the values at hand fit."""
    topics = expanded(clause)
    if not topics:
        return 0.0
    matched, total, objects = 0.0, 0.0, 0.0
    for senses in topics:
        weight = idf(senses[0][0], tools)
        total += weight
        best = max((tool.terms.get(word, 0.0) / 3 * share for word, share in senses), default=0.0)
        matched += weight * best
        objects = max(objects, *(share * idf(word, tools) for word, share in senses if word in tool.nouns), 0.0)
    verb = verb_match(clause, tool)
    coverage = matched / total if total else 0.0
    return coverage + 0.35 * verb + 0.15 * min(objects, 2.0) + 0.1 * _fit(tool, values) - _handicap(clause, tool, verb)


def _handicap(clause: Clause, tool: Tool, verb: float) -> float:
    if tool.read_only:
        return 0.0
    return 0.0 if verb else 0.35 + (0.3 if clause.force != "request" else 0.0)


def idf(word: str, tools: Catalogue) -> float:
    """Weigh a stem by its rarity among the tools; a word that no tool knows weighs as much as a rare one."""
    count, n = tools.frequency.get(word, 0), len(tools.tools)
    return math.log(1 + (n - count + 0.5) / (max(count, 1) + 0.5))


def verb_match(clause: Clause, tool: Tool) -> float:
    """Tell how surely the clause names what an acting tool does: 1 by its own verb, less by a synonym."""
    if tool.read_only and tool.verb in _COLOURLESS:
        return 0.0
    words = {stem(w) for w in _senses_of(clause)} | {t.stem for t in clause.words}
    if words & tool.verbs:
        return 1.0
    if any(synonyms(w) & tool.verbs for w in words):
        return 0.8
    return 0.0


_COLOURLESS = frozenset("get show find look see fetch read view check list display retrieve return give tell".split())


def _senses_of(clause: Clause) -> list[str]:
    text = " ".join(t.low for t in clause.words)
    found = [w for phrase, senses in lexicon.PHRASES.items() if _spread(phrase, text) for w in senses.split()]
    if clause.words and clause.force == "question":
        for word in clause.words[:4]:
            found += lexicon.QUESTION_TOPICS.get(word.low, "").split()
    else:
        found += [w for t in clause.words for w in lexicon.QUESTION_TOPICS.get(t.low, "").split()]
    return found


def _spread(phrase: str, text: str) -> bool:
    """Find a phrase as it stands, or its last word up to four words later ("turn the heating off")."""
    words = text.split()
    first, *rest = phrase.split()
    for at, word in enumerate(words):
        if word == first:
            following = words[at + 1 : at + 1 + (5 if len(rest) == 1 and rest[0] in _PARTICLES else len(rest))]
            if following[: len(rest)] == rest or (len(rest) == 1 and rest[0] in _PARTICLES and rest[0] in following):
                return True
    return False


_PARTICLES = frozenset("on off up down back away".split())


def expanded(clause: Clause) -> list[list[tuple[str, float]]]:
    """List the clause's topics, each with its synonyms and how much these count."""
    found = [[(t.stem, 1.0), *((s, 0.7) for s in sorted(synonyms(t.stem)))] for t in clause.topics]
    senses = _senses_of(clause)
    if senses:
        found.append([(stem(w), 0.7) for w in senses])
    return found


@lru_cache(maxsize=4096)
def synonyms(word: str) -> frozenset[str]:
    """Stems that mean about the same."""
    return frozenset(w for group in _GROUPS if word in group for w in group) - {word}


_GROUPS = tuple(frozenset(stem(w) for w in group) for group in lexicon.SYNONYMS)


def _fit(tool: Tool, values: Sequence[Value]) -> float:
    """Share of the values at hand that the tool has a place for, by label or kind."""
    if not values:
        return 0.0
    return sum(any(_takes(p, v) for p in tool.parameters) for v in values) / len(values)


def _takes(parameter: Any, value: Value) -> bool:
    if value.label and value.label in (*parameter.words, parameter.noun):
        return True
    kind = "path" if value.kind == "path" else value.kind
    return kind in ("money", "email", "date", "url", "path", "time") and bool(parameter.is_class(kind))
