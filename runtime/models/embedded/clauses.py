"""Taking a request apart: what is asked for, under which condition, and what is only shown, said or refused."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from interlock.runtime.models.embedded import grammar, lexicon
from interlock.runtime.models.embedded.forces import Force, force_of, refuses
from interlock.runtime.models.embedded.payloads import payloads
from interlock.runtime.models.embedded.text import MASK, Quote, Token, masked, tokens

HEAD, TAIL = 4_000, 2_000
"""Characters at the beginning and the end of a request that are read; what lies between is not looked at."""
LONGEST = 1_200
"""Characters of a clause whose words are looked at."""
MOST_CLAUSES = 40
NEAR = 160
"""Characters that are enough to tell whether a clause begins."""
MOST_CONDITIONS = 50


@dataclass(frozen=True, kw_only=True)
class Guard:
    """The condition that a clause stands under."""

    text: str
    start: int
    end: int
    negated: bool
    """It must not hold, as after "unless"."""
    previous: bool = False
    """It is the last condition mentioned before, as in "if not"."""


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One thing said. Offsets count in the request."""

    text: str
    start: int
    end: int
    words: tuple[Token, ...]
    force: Force
    refused: bool = False
    """It says what not to do."""
    instead: bool = False
    """It is offered as another possibility, after "or"."""
    guards: tuple[Guard, ...] = ()
    payload: str = ""
    """Somebody's text that belongs to it, such as the words of a message to send."""

    @property
    def topics(self) -> tuple[Token, ...]:
        return tuple(word for word in self.words if word.topical)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A message of the user, taken apart."""

    text: str
    masked: str
    quotes: tuple[Quote, ...]
    clauses: tuple[Clause, ...]


def take_apart(text: str, *, verbs: frozenset[str] = frozenset()) -> Request:
    """Split a request into clauses.

    Args:
        text: what the user wrote.
        verbs: further words that can head an order, from the tools' names.
    """
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]}\n{text[-TAIL:]}"
    covered, quotes = masked(text)
    covered, shown = payloads(covered, text)
    known = lexicon.VERBS | verbs
    clauses: list[Clause] = []
    for start, end in _sentences(covered, known):
        found, later = _of_sentence(covered, start, end, known)
        if later and clauses:  # "Cancel it. But only if ..."
            clauses[-1] = replace(clauses[-1], guards=clauses[-1].guards + later)
        clauses += found
    given = tuple(_with_payload(c, shown) for c in clauses[:MOST_CLAUSES])
    return Request(text=text, masked=covered, quotes=quotes, clauses=given)


def _sentences(covered: str, verbs: frozenset[str]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    for m in grammar.SENTENCE_END.finditer(covered):
        short = m[0][:1].isspace() and "\n" not in m[0]
        if short and grammar.ABBREVIATION.search(covered[max(start, m.start() - 8) : m.start()]):
            continue
        if m[0].startswith(":") and not _begins(covered[m.end() : m.end() + NEAR], verbs, strictly=False):
            continue
        spans.append((start, m.start()))
        start = m.end()
    spans.append((start, len(covered)))
    return [(a, b) for a, b in spans if covered[a:b].strip()]


def _of_sentence(covered: str, start: int, end: int, verbs: frozenset[str]) -> tuple[list[Clause], tuple[Guard, ...]]:
    """Read one sentence; a condition between two orders guards both, since either may be meant.

    Returns:
        Its clauses; where it is all condition, none, and the conditions.
    """
    found: list[Clause] = []
    lead: tuple[Guard, ...] = ()
    segments = _segments(covered, start, end, verbs)
    refusing = False
    for at, (a, b) in enumerate(segments):
        main, guards = _conditions(covered, a, b, verbs)
        joint = covered[segments[at - 1][1] : a] if at else ""
        if main is not None:
            clause = _clause(covered, *main, verbs, guards or lead)
            instead = bool(found) and bool(re.search(r"\bor\b", joint))
            # "Do not, under any circumstances, cancel it": a refusal that names nothing refuses what follows.
            clause = replace(clause, instead=instead, refused=clause.refused or refusing)
            refusing = clause.refused and _refuses_what_follows(clause, verbs)
            found += [_with_its_conditions(clause, covered)] if clause.words else []
            continue
        if found and (at + 1 == len(segments) or not re.search(r"\b(?:and|but|then)\b|;", joint)):
            found[-1] = replace(found[-1], guards=found[-1].guards + guards)
        lead = guards
    return found, () if found else lead


def _refuses_what_follows(clause: Clause, verbs: frozenset[str]) -> bool:
    lows = [t.low for t in clause.words if t.low not in lexicon.FILLERS]
    return lows[:1] in (["do"], ["don't"], ["dont"], ["never"]) and not any(low in verbs for low in lows[1:])


def _with_its_conditions(clause: Clause, covered: str) -> Clause:
    """Take "if" into a question as a part of it: nothing hangs on it but the answer."""
    if clause.force != "question" or not clause.guards or any(g.previous for g in clause.guards):
        return clause
    start, end = min(clause.start, clause.guards[0].start), max(clause.end, clause.guards[-1].end)
    text = covered[start:end]
    return replace(clause, text=text.strip(" ,."), start=start, end=end, words=_placed(text, start), guards=())


def _placed(text: str, start: int) -> tuple[Token, ...]:
    return tuple(replace(t, start=t.start + start, end=t.end + start) for t in tokens(text[:LONGEST]))


def _segments(covered: str, start: int, end: int, verbs: frozenset[str]) -> list[tuple[int, int]]:
    """Cut a sentence where a new order, question or condition begins."""
    cuts = [start]
    conditions = [m.start() for m in grammar.IF.finditer(covered, start, end)]
    for m in grammar.JOINT.finditer(covered, start, end):
        inside = any(cuts[-1] <= at < m.start() for at in conditions[-MOST_CONDITIONS:])
        if _begins(covered[m.end() : min(m.end() + NEAR, end)], verbs, strictly=inside and "," not in m[0]):
            cuts += (m.start(), m.end())
    cuts.append(end)
    spans = [(cuts[i], cuts[i + 1]) for i in range(0, len(cuts) - 1, 2)]
    return [(a, b) for a, b in spans if covered[a:b].strip(" ,.()")]


def _begins(text: str, verbs: frozenset[str], *, strictly: bool) -> bool:
    """Tell whether a new clause begins here; inside a condition a plain statement does not count as one."""
    words = tokens(text[:NEAR])
    at = 0
    while at < len(words) and words[at].low in lexicon.FILLERS:
        at += 1
    if at >= len(words):
        return False
    low, following = words[at].low, words[at + 1].low if at + 1 < len(words) else ""
    if low in lexicon.REPORTING and text[words[at].end :].lstrip(" :,")[:1] == MASK:
        return False
    if grammar.IF.match(text[words[at].start :]) or low in lexicon.QUESTION_WORDS:
        return True
    if low in ("don't", "dont") or (low in ("do", "never", "not") and (following == "not" or following in verbs)):
        return True
    if low in lexicon.AUXILIARIES and following in lexicon.PRONOUNS | {"the", "my", "any", "please"}:
        return not strictly or low in ("can", "could", "will", "would")
    if low in verbs and following not in ("is", "are", "was", "were", "has", "will"):
        return True
    if not strictly and low in grammar.DETERMINERS and any(w.low in grammar.FINITE for w in words[at + 2 : at + 4]):
        return True
    return not strictly and (low in lexicon.PRONOUNS or low in ("i'd", "i'm", "i'll", "i've", "it's", "let's", "my"))


def _conditions(
    covered: str, start: int, end: int, verbs: frozenset[str]
) -> tuple[tuple[int, int] | None, tuple[Guard, ...]]:
    """Tell a segment's main part from its conditions; the main part is None where the segment is all condition."""
    marks = [m for m in grammar.IF.finditer(covered, start, end) if not _asks_whether(covered, start, m)]
    if not marks:
        return (start, end), ()
    m = marks[0]
    before = tokens(covered[start : m.start()])
    if any(t.low not in lexicon.FILLERS for t in before):
        return (start, m.start()), _guards(covered, marks, end)
    if m["not"] or m["so"] or m[0].lower() in ("otherwise", "else", "or else"):
        return _referring(covered, m, end)
    stop = _end_of_condition(covered, m.end(), end, verbs)
    rest = covered[stop:end].strip(" ,.")
    return ((stop, end) if rest else None), _guards(covered, [x for x in marks if x.start() < stop], stop)


def _guards(covered: str, marks: Sequence[re.Match[str]], end: int) -> tuple[Guard, ...]:
    """Read conditions that follow one another; "even if" is none."""
    ends = [*(m.start() for m in marks[1:]), end]
    return tuple(
        Guard(text=covered[m.end() : stop].strip(" ,.?!()"), start=m.start(), end=stop, negated=bool(m["but"]))
        for m, stop in zip(marks, ends, strict=True)
        if not m["even"]
    )


def _asks_whether(covered: str, start: int, m: re.Match[str]) -> bool:
    return m[0].lower() in ("if", "when", "once") and bool(
        grammar.WHETHER.search(covered[max(start, m.start() - 24) : m.start()])
    )


def _referring(covered: str, m: re.Match[str], end: int) -> tuple[tuple[int, int] | None, tuple[Guard, ...]]:
    guard = Guard(text="", start=m.start(), end=m.end(), negated=not m["so"], previous=True)
    rest = covered[m.end() : end].strip(" ,.")
    return ((m.end(), end) if rest else None), (guard,)


def _end_of_condition(covered: str, start: int, end: int, verbs: frozenset[str]) -> int:
    """Find where "if ..." at the head of a sentence gives way to what is to be done."""
    for m in re.finditer(r",\s*(?:then\s+)?|\bthen\b", covered[start:end]):
        if _begins(covered[start + m.end() : end], verbs, strictly=False) or "then" in m[0]:
            return start + m.end()
    words = tokens(covered[start:end])[1:]
    for before, word in itertools.pairwise(words):
        orders = word.low in verbs and word.low not in ("order", "book", "mail", "ship")
        if orders and before.low not in grammar.NEVER_BEFORE_ORDER:
            return start + word.start
    return end


def _clause(covered: str, start: int, end: int, verbs: frozenset[str], guards: tuple[Guard, ...]) -> Clause:
    text = covered[start:end]
    offset = start + len(text) - len(text.lstrip(" ,.()"))
    text = text.strip(" ,()")
    return Clause(
        text=text,
        start=offset,
        end=end,
        words=_placed(text, offset),
        force=force_of(text, verbs),
        refused=refuses(text),
        guards=guards,
    )


def _with_payload(clause: Clause, shown: tuple[Quote, ...]) -> Clause:
    inside = next((q.text for q in shown if clause.start <= q.start <= clause.end), "")
    return replace(clause, payload=inside) if inside else clause
