"""What words mean beside what they are: synonyms, phrases, and what a question word asks for."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.text import Token, stem

COLOURLESS = word_set("get show find look see fetch read view check list display retrieve return give tell")
"""Verbs of reading that tell nothing about which tool is meant."""


def senses_of(clause: Clause) -> list[list[str]]:
    """What the clause's phrases and question words stand for, one list for each."""
    found = [senses.split() for _, senses in phrases_of(clause, lexicon.PHRASES | lexicon.ASKING)]
    return found + [lexicon.QUESTION_TOPICS[w.low].split() for w in clause.words if w.low in lexicon.QUESTION_TOPICS]


def phrases_of(clause: Clause, known: Mapping[str, str]) -> list[tuple[str, str]]:
    """The phrases that stand in a clause, with what they stand for."""
    found = _phrases(tuple(t.low for t in clause.words))
    return [(phrase, known[phrase]) for phrase in found if phrase in known]


@lru_cache(maxsize=256)
def _phrases(words: tuple[str, ...]) -> tuple[str, ...]:
    said = set(words)
    known = (*lexicon.PHRASES, *lexicon.ASKING)
    return tuple(phrase for phrase in known if said.issuperset(phrase.split()) and _spread(phrase, words))


def _spread(phrase: str, words: Sequence[str]) -> bool:
    """Find a phrase as it stands, or its last word up to four words later ("turn the heating off")."""
    first, *rest = phrase.split()
    for at, word in enumerate(words):
        if word == first:
            following = words[at + 1 : at + 1 + (5 if len(rest) == 1 and rest[0] in _PARTICLES else len(rest))]
            if list(following[: len(rest)]) == rest or (
                len(rest) == 1 and rest[0] in _PARTICLES and rest[0] in following
            ):
                return True
    return False


_PARTICLES = word_set("on off up down back away")


def subjects(clause: Clause) -> tuple[Token, ...]:
    """The topics of a clause without the words by which it asks."""
    asked = {word for phrase, _ in phrases_of(clause, lexicon.ASKING) for word in phrase.split()}
    return tuple(t for t in clause.topics if t.low not in COLOURLESS and t.low not in asked)


def expanded(clause: Clause, topics: Sequence[Token]) -> list[list[tuple[str, float]]]:
    """List topics of a clause, each with its synonyms and how much these count."""
    own = {t.start for t in subjects(clause)}
    topics = [t for t in topics if t.start in own]
    found = [[(t.stem, 1.0), *((s, 0.7) for s in sorted(synonyms(t.stem)))] for t in topics]
    return found + [[(stem(w), 0.7) for w in senses] for senses in senses_of(clause)]


@lru_cache(maxsize=4096)
def synonyms(word: str) -> frozenset[str]:
    """Stems that mean about the same."""
    return frozenset(w for group in _GROUPS if word in group for w in group) - {word}


_GROUPS = tuple(frozenset(stem(w) for w in group) for group in lexicon.SYNONYMS)


@lru_cache(maxsize=1024)
def events(word: str) -> frozenset[str]:
    """Stems that say the same about the same event: safe to test a condition by."""
    return frozenset(w for group in _EVENTS if word in group for w in group) - {word}


@lru_cache(maxsize=1024)
def opposites(word: str) -> frozenset[str]:
    """Stems that say the contrary."""
    return frozenset(w for one, other in _OPPOSITES for w in (other if word in one else one if word in other else ()))


_EVENTS = tuple(frozenset(stem(w) for w in group) for group in lexicon.SAME_EVENT)
_OPPOSITES = tuple((frozenset(stem(w) for w in a), frozenset(stem(w) for w in b)) for a, b in lexicon.OPPOSITES)
