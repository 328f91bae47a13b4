"""Which deed a request names, and whether a tool does just that.

A tool that changes something is called only where its own verb, or a plain synonym, is what the request asks for:
the verb at its head ("cancel event 7"), the noun of a wish ("I want a refund"), or a passive ("it should be moved").
A verb that merely occurs ("complain about the cancelled event") names no deed.
"""

import re
from collections.abc import Sequence

from interlock.runtime.models.embedded import grammar, lexicon
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.forces import bare
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.senses import COLOURLESS, phrases_of, senses_of, synonyms
from interlock.runtime.models.embedded.text import Token, stem, stem_set, stems, tokens
from interlock.runtime.models.embedded.values import Value

_LIGHT = word_set(
    "make do give get process issue request arrange send put have take perform go need want initiate start let carry "
    "proceed execute apply place file submit prepare"
)
"""Verbs that leave the deed to their noun: "issue a refund"."""
_SOFT = word_set("order book mail message email text call file time report contact do give remember ask")
_TELLING = word_set("write tell inform notify contact let ask remind")
_SENDING = stem_set("send mail email message notify")
_MAKING = stem_set("send create make add write post place issue book start open")
"""Verbs that bring their noun about: to mail is to send a mail."""
_SWITCHED = word_set("on off")


def deeds(clause: Clause) -> frozenset[str]:
    """Stems by which a request names what is to be done."""
    text = bare(clause.text)
    polite = grammar.POLITE.match(text)
    wish = None if polite else grammar.DESIRE.match(text)
    start = polite or wish
    words = _from_please(text) if start is None else tokens(text[start.end() :])
    words = _without_adverbs(words)
    if not words:
        return frozenset()
    found = {words[0].stem} | {stem(s) for _, senses in phrases_of(clause, lexicon.PHRASES) for s in senses.split()}
    fragment = polite is None and (words[0].low not in lexicon.VERBS or _is_named(text))
    if wish or fragment or words[0].low in _LIGHT:
        found |= {t.stem for t in words if not re.search(r"(?:ed|ing)$", t.low)}
    if fragment and {t.low for t in words} & _SWITCHED:
        found |= {"switch", "turn"}
    return frozenset(found | _passive(text, words))


def _from_please(text: str) -> tuple[Token, ...]:
    m = re.search(r"\b(?:please|kindly) (?=[a-z])", text, re.IGNORECASE)
    rest = tokens(text[m.end() :]) if m else ()
    return rest if rest and rest[0].low in lexicon.VERBS else tokens(text)


def _without_adverbs(words: Sequence[Token]) -> tuple[Token, ...]:
    at = 0
    while at < len(words) and (words[at].low in lexicon.FILLERS or words[at].low.endswith("ly")):
        at += 1
    return tuple(words[at:])


def _is_named(text: str) -> bool:
    """Tell whether a noun with its number comes first, as in "order 5 refund please"."""
    head = text.split(" ", 1)[0].lower()
    return head in grammar.ALSO_NOUNS and bool(grammar.NUMBERED.match(text))


def _passive(text: str, words: Sequence[Token]) -> set[str]:
    """What shall be so: "should be cancelled", "get it refunded", "make sure the door is locked"."""
    shall = (
        grammar.PASSIVE.search(text) or grammar.ENSURE.match(text) or words[0].low in ("get", "have", "want", "need")
    )
    if shall:
        return {t.stem for t in words if re.search(r"(?:ed|en)$", t.low)}
    last = next((t for t in reversed(words) if t.low not in lexicon.FILLERS), words[-1])
    return {last.stem} if grammar.DESIRE.match(text) and last.low.endswith("ed") else set()


def verb_match(clause: Clause, tool: Tool, values: Sequence[Value] = ()) -> float:
    """Tell how surely a clause asks for what a tool does: 1 by its own verb, less by a synonym, 0 not at all."""
    if tool.read_only:
        return _reading_match(clause, tool)
    named = deeds(clause)
    if named & tool.verbs:
        return 1.0
    if any(synonyms(w) & tool.verbs for w in named) or _addresses(clause, tool, values):
        return 0.8
    if tool.verbs & _MAKING and any(w in tool.nouns or synonyms(w) & set(tool.nouns) for w in _heads(clause)):
        return 0.9
    head = next((t for t in _without_adverbs(clause.words)), None)
    told = head is not None and head.low in lexicon.VERBS - _SOFT and head.stem in stems(tool.summary)
    return 0.6 if told and head is not None and head.stem not in tool.nouns else 0.0


def _heads(clause: Clause) -> tuple[str, ...]:
    """The verb at the head of a request, which may be a noun elsewhere: "mail him", "message her"."""
    text = bare(clause.text)
    polite = grammar.POLITE.match(text)
    words = _without_adverbs(tokens(text[polite.end() :]) if polite else _from_please(text))
    return (words[0].stem,) if words and words[0].low in lexicon.VERBS and not _is_named(text) else ()


def _reading_match(clause: Clause, tool: Tool) -> float:
    if tool.verb in COLOURLESS:
        return 0.5 if any(t.low == tool.verb for t in clause.words[:4]) else 0.0
    words = {stem(w) for senses in senses_of(clause) for w in senses} | {t.stem for t in clause.words}
    if words & tool.verbs:
        return 1.0
    return 0.8 if any(synonyms(w) & tool.verbs for w in words) else 0.0


def _addresses(clause: Clause, tool: Tool, values: Sequence[Value]) -> bool:
    """Tell whether the clause turns to somebody by mail address, and the tool sends things."""
    if not tool.verbs & _SENDING or not any(v.kind == "email" for v in values):
        return False
    return bool({t.low for t in clause.words} & _TELLING)


def orders_a_change(clause: Clause) -> bool:
    """Tell whether the clause is an order whose verb changes things; looking something up does not fulfil it."""
    head = next((t.low for t in clause.words if t.low not in lexicon.FILLERS), "")
    return clause.force == "request" and head in lexicon.VERBS and head not in lexicon.READING | _SOFT
