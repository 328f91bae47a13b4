"""Choosing among what a schema offers: enumerations and flags, by the words that name them."""

from collections.abc import Sequence
from typing import Any

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.matching import FROM, TO
from interlock.runtime.models.embedded.schemas import Shape, name_words
from interlock.runtime.models.embedded.senses import synonyms
from interlock.runtime.models.embedded.supply import Work
from interlock.runtime.models.embedded.text import Token, stem, tokens

EXACT, BY_STEM, BY_SENSE = 3.0, 2.5, 1.5
_ALL = word_set("all every each everywhere")
_PLACES = {"first": 0, "former": 0, "second": 1, "third": 2, "latter": -1, "last": -1}
_NOWHERE = 1 << 30


def choose(work: Work, words: Sequence[Token], clause: Clause | None) -> None:
    """Settle enumerations and flags by words; without a clause only what is required, and no flags."""
    for shape in work.open if clause is not None else work.wanted:
        if "boolean" in shape.types:
            flag = _flag(shape, clause) if clause is not None else None
            work.chosen.update({} if flag is None else {shape.name: [flag]})
        elif shape.item and shape.item.choices:
            found = _chosen(shape.item, words, work.tool, needed=shape.required)
            work.chosen.update({shape.name: [found]} if found else {})
        elif shape.choices:
            _choose_one(work, shape, words)


def _choose_one(work: Work, shape: Shape, words: Sequence[Token]) -> None:
    offered = _chosen(shape, words, work.tool, needed=shape.required)
    found = [c for c in offered if _agrees(shape, c, words, offered)]
    joints = {w.low for w in words} & {"and", "or"}
    if len(found) == 1 or (found and joints == {"and"}):
        work.chosen[shape.name] = found
    elif found:
        work.unclear.append((shape, tuple(found)))


def _agrees(shape: Shape, choice: Any, words: Sequence[Token], found: Sequence[Any]) -> bool:
    """Keep to "from" and "to" where two parameters offer the same choices."""
    names = set(name_words(shape.name))
    wanted = FROM if names & FROM else TO if names & TO else None
    if wanted is None:
        return True
    before = [t.low for t in words if t.start < _place(str(choice), words)][-3:]
    lead = next((low for low in reversed(before) if low in ("from", "to", "into", "onto")), "")
    if lead:
        return (lead == "from") == (wanted is FROM)
    return len(found) == 1 and wanted is TO


def take_every(work: Work) -> None:
    """Take all choices for "all lights" or "both cards"; of things that have to be named one by one, none."""
    words = work.supply.clause.words
    said = {t.low for t in words}
    for shape in [p for p in work.wanted if p.choices]:
        offered = [c for c in shape.choices if c is not None]
        if said & _ALL or ("both" in said and len(offered) == len(("one", "other"))):
            work.chosen[shape.name] = offered
    for shape in () if work.tool.read_only else work.tool.required:
        named = shape.id_like or shape.is_class("path")
        if named and len(work.chosen.get(shape.name, ())) == 1 and _all_of_them(words, {*work.tool.nouns, shape.noun}):
            del work.chosen[shape.name]


def _all_of_them(words: Sequence[Token], nouns: set[str]) -> bool:
    """Tell whether the words speak of all things of a kind, as in "all my files"."""
    for at, word in enumerate(words):
        near = [t for t in words[at + 1 : at + 4] if t.stem in nouns]
        if (word.low == "every" and near) or (word.low == "all" and any(t.low.endswith("s") for t in near)):
            return True
    return False


def _flag(shape: Shape, clause: Clause) -> bool | None:
    said = {t.stem for t in clause.words} | {t.low for t in clause.words}
    for one, other in lexicon.OPPOSITES:
        if set(name_words(shape.name)) & one:
            return True if said & one else False if said & other else None
    named = [t for t in clause.words if t.stem in shape.words and t.low not in lexicon.AUXILIARIES]
    if not named:
        return None
    before = [t for t in clause.words if t.end <= named[0].start][-3:]
    return not any(t.low in lexicon.NEGATIONS for t in before)


def _chosen(shape: Shape, words: Sequence[Token], tool: Tool, *, needed: bool) -> list[Any]:
    """Choices that the words name, in the order of the words; the best kind of match wins over weaker ones."""
    offered = [c for c in shape.choices if c is not None]
    scores = [_choice_score(str(c), words, tool, needed=needed) for c in offered]
    best = max(scores, default=0.0)
    found = [c for c, score in zip(offered, scores, strict=True) if best and score == best]
    return sorted(found, key=lambda c: _place(str(c), words))


def _choice_score(choice: str, words: Sequence[Token], tool: Tool, *, needed: bool) -> float:
    parts = name_words(choice)
    said, exact = {t.stem for t in words}, {t.low for t in words}
    if not parts or (not needed and {stem(p) for p in parts} <= tool.verbs):
        return 0.0
    if exact.issuperset(parts):
        return EXACT + 0.1 * len(parts)
    if said.issuperset(stem(p) for p in parts):
        return BY_STEM + 0.1 * len(parts)
    return BY_SENSE if needed and all(stem(p) in said or synonyms(stem(p)) & said for p in parts) else 0.0


def _place(choice: str, words: Sequence[Token]) -> int:
    parts = {stem(p) for p in name_words(choice)}
    return next((t.start for t in words if t.stem in parts or t.low in parts), _NOWHERE)


def clear_up(work: Work, picked_values: Sequence[Any]) -> None:
    """Settle what was in doubt by what the user answered: a value, a place in the list, or both."""
    said = [t.low for t in work.supply.loose_words]
    for shape, options in list(work.unclear):
        picked = [o for o in options if o in picked_values]
        picked = picked or [options[at] for word in said if (at := _PLACES.get(word, len(options))) < len(options)]
        picked = list(options) if {"both", "all"} & set(said) else picked
        if picked:
            work.unclear.remove((shape, options))
            work.chosen[shape.name] = picked


def recall(work: Work) -> None:
    """Choose among a parameter's choices by what the user prefers; the only use of memory for arguments."""
    for line in work.supply.memory.splitlines():
        words = tokens(line)
        if any(t.low in lexicon.NEGATIONS for t in words):
            continue
        for shape in [p for p in work.wanted if p.choices]:
            found = _chosen(shape, words, work.tool, needed=True)
            if len(found) == 1:
                work.chosen[shape.name] = found
                work.recalled.add(shape.name)
