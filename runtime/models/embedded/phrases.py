"""Free text for a parameter: what follows the word that announces it."""

import re
from collections.abc import Iterable, Sequence

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.matching import FROM, TO
from interlock.runtime.models.embedded.schemas import Shape, name_words
from interlock.runtime.models.embedded.senses import synonyms
from interlock.runtime.models.embedded.text import MASK, tokens
from interlock.runtime.models.embedded.values import Value

_CUES = (
    ("content", ("that", "about", "because", "since", "due to", "regarding")),
    ("title", ("called", "named", "titled", "entitled", "about", "regarding", "on")),
    ("query", ("about", "for", "regarding", "concerning", "on")),
    ("place", ("in", "at", "near", "inside", "for", "into", "to", "from", "of")),
    ("person", ("named", "called", "to", "with", "for", "by")),
)
_STOPPERS = word_set(
    "in at on to from with for by about called named titled saying that because and if unless using via as into onto "
    "until"
)
_ADDRESS = word_set("address street")
_POSTAL = re.compile(r"\b(?:to|is|at|be|:)\s+((?=[^,]*\d|[^,]*,[^,]*\d)[^\s].*)$", re.IGNORECASE | re.DOTALL)


def free_text(shape: Shape, tool: Tool, clause: Clause, taken: Sequence[Value], *, needed: bool) -> str:
    """Find the text for a parameter, or the empty string.

    Args:
        shape: a parameter that takes any text.
        tool: whose parameter it is.
        clause: where to look.
        taken: values that other parameters already use; they are no part of a text.
        needed: whether only a required parameter is worth a guess.
    """
    if clause.payload and shape.is_class("content"):
        return clause.payload.strip(" \n\t\"'")
    if set(shape.words) & _ADDRESS:
        return _postal(clause)
    if found := _labelled(shape, clause, taken):
        return found
    if not needed:
        return _volunteered(shape, tool, clause, taken)
    names = set(name_words(shape.name))
    if names & FROM and (found := _after(clause, ("from",), taken, set())):
        return found
    if names & TO and (found := _after(clause, ("to", "into", "as"), taken, set())):
        return found
    return next((text for cues in _cues_of(shape) if (text := _after(clause, cues, taken, _own(tool)))), "")


def _volunteered(shape: Shape, tool: Tool, clause: Clause, taken: Sequence[Value]) -> str:
    """Text for an optional parameter, only where its announcing word leaves no doubt."""
    words = set(name_words(shape.name))
    for names, cues in _PLAIN_CUES:
        if words & names and not _only_own(text := _after(clause, cues, taken, set()), set(tool.terms)):
            return text
    return ""


_PLAIN_CUES: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset(("title", "name", "label", "subject")), ("called", "named", "titled")),
    (frozenset(("location", "place", "venue", "room", "city")), ("in", "at")),
    (frozenset(("reason", "because", "why")), ("because", "since", "due to")),
)


def whole_question(clause: Clause, original: str, before: str = "") -> str:
    """Give a clause as a search would take it: the topic of "search for ...", else the clause itself.

    Args:
        clause: the question.
        original: the request with nothing covered.
        before: what was said just before; it belongs to the question where that points back at it.
    """
    text = original[clause.start : clause.start + len(clause.text)].strip(" ,.?!")
    if before and any(t.low in ("it", "its", "they", "them", "that", "this", "those") for t in clause.words):
        text = f"{before.strip(' ,.?!')}. {text}"
    m = re.match(
        r"(?:please )?(?:search|look|query|browse|find)(?: \w+){0,3}? (?:for|about|on|regarding) (.+)",
        text,
        re.I | re.S,
    )
    return (m[1] if m else text).strip()


def object_phrase(tool: Tool, clause: Clause, taken: Sequence[Value]) -> str:
    """Give what the verb is about: "play Moonlight Sonata in the kitchen" is about "Moonlight Sonata"."""
    text = _without(clause, taken)
    words = tokens(text)
    own = _own(tool) | tool.verbs
    at = 0
    while at < len(words) and (
        not words[at].topical or words[at].stem in own or (at == 0 and words[at].low in lexicon.VERBS)
    ):
        at += 1
    if at >= len(words) or words[at].low in _ALL:
        return ""
    end = at + 1
    while (
        end < len(words)
        and words[end].low not in _STOPPERS
        and not re.search(r"[,;.!?]\s", text[words[end - 1].end : words[end].start])
    ):
        end += 1
    return _tidy(text[words[at].start : words[end - 1].end])


_ALL = word_set("everything all anything something nothing none everyone")


def _own(tool: Tool) -> set[str]:
    return set(tool.nouns) | {s for n in tool.nouns for s in synonyms(n)}


def _cues_of(shape: Shape) -> Iterable[tuple[str, ...]]:
    return [cues for name, cues in _CUES if shape.is_class(name)]


_JOINED = re.compile(r"\s*(?:(?::|=|(?:is|should be|to be|to|of|as|named|called)\b)\s*)?", re.IGNORECASE)


def _labelled(shape: Shape, clause: Clause, taken: Sequence[Value]) -> str:
    """Find "subject: Lunch", "the colour is blue", "priority high", "with the title Lunch"."""
    words = clause.words
    names = set(shape.words)
    for at, word in enumerate(words):
        if word.stem not in names or (at and words[at - 1].low in ("to", "the") and len(words) == at + 1):
            continue
        rest = clause.text[word.end - clause.start :]
        m = _JOINED.match(rest)
        introduced = any(w.low == "with" for w in words[max(0, at - 2) : at])
        if m and (m[0].strip() or introduced):
            return _chunk(rest[m.end() :], clause, word.end + m.end(), taken)
    return ""


def _postal(clause: Clause) -> str:
    m = _POSTAL.search(clause.text)
    text = m[1] if m else ""
    return (
        _tidy(re.sub(r"[\s,]+(?:please|thanks|thank you)\W*$", "", text, flags=re.IGNORECASE))
        if MASK not in text
        else ""
    )


def _after(clause: Clause, cues: Iterable[str], taken: Sequence[Value], own: set[str]) -> str:
    for cue in cues:
        stops = _STOPPERS - _IN_NAMES if cue in _NAMING else _STOPPERS
        for m in re.finditer(rf"\b{cue}\s+", clause.text, re.IGNORECASE):
            chunk = _chunk(clause.text[m.end() :], clause, clause.start + m.end(), taken, stops)
            if chunk and not _only_own(chunk, own):
                return chunk
    return ""


def _only_own(chunk: str, own: set[str]) -> bool:
    words = tokens(chunk)
    return all(w.stem in own or w.low in lexicon.STOP for w in words)


_NAMING = ("called", "named", "titled", "entitled")
_IN_NAMES = word_set("with and by of about to")


def _chunk(rest: str, clause: Clause, start: int, taken: Sequence[Value], stops: frozenset[str] = _STOPPERS) -> str:
    """Take text up to the next preposition, value in use, or end of sentence."""
    for value in taken:
        if start <= value.start < start + len(rest):
            rest = rest[: value.start - start]
    end = len(rest)
    for word in tokens(rest):
        if word.start and word.low in stops:
            end = word.start
            break
    text = _tidy(re.split(r"[;!?]|\.\s", rest[:end])[0])
    return "" if MASK in text or not [t for t in tokens(text) if t.topical or t.low.isdigit()] else text


def _without(clause: Clause, taken: Sequence[Value]) -> str:
    text = clause.text
    for value in sorted(taken, key=lambda v: -v.start):
        a, b = value.start - clause.start, value.end - clause.start
        if 0 <= a < len(text):
            head = re.sub(r"\b(?:at|on|to|for|from|by|in|with|of|number|until)\s*$", "", text[:a], flags=re.IGNORECASE)
            text = head + " , " + text[b:]
    return text.replace(MASK, " ")


def _tidy(text: str) -> str:
    text = re.sub(r"^(?:the|a|an|my|our|your)\s+", "", text.strip(" \n\t,.;:!?\"'"), flags=re.IGNORECASE)
    return re.sub(r"[\s,]+(?:please|thanks|thank you|for me)$", "", text, flags=re.IGNORECASE).strip(" \n\t,;:\"'")
