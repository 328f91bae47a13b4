"""What a clause does: order, ask, or state. Whose words are being told, and what is refused."""

from typing import Literal

from interlock.runtime.models.embedded import grammar, lexicon
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.text import Token, tokens

Force = Literal["request", "question", "statement"]


def bare(text: str) -> str:
    """Drop what only leads up to the point."""
    words = tokens(text)
    at = 0
    while at < len(words) and words[at].low in lexicon.FILLERS - {"instead"}:
        at += 1
    return text[words[at].start :] if at < len(words) else text


def refuses(text: str) -> bool:
    """Tell whether a clause says what not to do."""
    plain = bare(text)
    return bool(grammar.REFUSAL.match(plain)) and not grammar.NO_REFUSAL.match(plain)


def force_of(text: str, verbs: frozenset[str]) -> Force:
    """Tell what a clause does; what somebody else said or wants is a statement."""
    plain = bare(text)
    force = _force(text, plain, verbs)
    if force == "request" and not grammar.POLITE.match(plain):
        told = grammar.REPORTED.search(plain)
        return "statement" if told and 0 < told.start() < len(plain) / 2 else force
    return force


def _force(text: str, plain: str, verbs: frozenset[str]) -> Force:
    asked = text.rstrip(" ,.").endswith("?")
    start = grammar.POLITE.match(plain) or grammar.DESIRE.match(plain)
    if start is not None:
        return "question" if _finds_out(plain[start.end() :]) or grammar.ASKING_FOR.match(plain) else "request"
    words = tokens(plain)
    head = words[0].low if words else ""
    if head in lexicon.QUESTION_WORDS or (head in lexicon.AUXILIARIES and head not in ("do", "have", "don't")):
        return "question"
    if head in ("do", "have", "don't") and len(words) > 1 and (asked or words[1].low in lexicon.PRONOUNS):
        return "question"
    if _finds_out(plain):
        return "question"
    named = head in grammar.ALSO_NOUNS and grammar.NUMBERED.match(plain)
    if (head in verbs and not named) or _begs(text, words, verbs) or grammar.PASSIVE.search(plain):
        return "request"
    return "question" if asked else "statement"


def _finds_out(rest: str) -> bool:
    words = tokens(bare(rest))
    if not words or words[0].low not in grammar.TELLING:
        return False
    # "Tell me" asks; "tell Ann" orders.
    return words[0].low not in ("tell", "ask") or len(words) == 1 or words[1].low in _TO_ME


_TO_ME = word_set("me us whether if how what where when why who which about the my for")


def _begs(text: str, words: tuple[Token, ...], verbs: frozenset[str]) -> bool:
    """Tell whether "please" makes an order of it: before a verb, or in a phrase that states nothing."""
    m = grammar.PLEASE.search(text)
    if m is None:
        return False
    after = tokens(text[m.end() :])
    return bool(after and after[0].low in verbs) or not any(w.low in grammar.FINITE for w in words)
