"""Taking a request apart: what is asked for, under which condition, and what is only shown, said or refused."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.text import MASK, Quote, Token, cover, masked, tokens

Force = Literal["request", "question", "statement"]
LONGEST = 20_000
"""Characters of a request that are read; what lies beyond is not looked at."""


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


_PAYLOAD = re.compile(
    r"\b(?:tell|inform|notify|let|e?-?mail|message|text|write to)\s+\S+@\S+\s+(?:know\s+)?(?:that\s+|about\s+)(?=\S)|"
    r"\bwith(?: the| a)? subject\b[^.!?\n]{1,120}? and(?: the)? (?:text|body|message)\s*[:,]?\s+(?=\S)|"
    r"\b(?:saying|that says?|which says?|that reads?|(?:with|and use|using)(?: the| a)? (?:text|message|body|words|content)|"
    r"(?:text|message|body|content)(?= ?[:=])|to say|telling (?:him|her|them|us|me|\w+)|(?:tell|inform|let) (?:him|her|them)(?: know)?)"
    r"(?: that| is| as follows| how)?\s*[:,]?\s+(?=\S)",
    re.IGNORECASE,
)
_AFTERWARDS = re.compile(
    r"(?:(?<=[.!?])\s+|\n+|,\s+|\s+)(?:and\s+)?(?:then|also|after that|afterwards|next|finally|please)\b", re.IGNORECASE
)
_ABBREVIATIONS = re.compile(
    r"(?:\b(?:no|nr|mr|mrs|ms|dr|st|vs|approx|etc|e\.g|i\.e|a\.m|p\.m|[a-z]))\.$", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\s*\n+\s*|\s+[-–—]+\s+|(?<!\bis)(?<!\bare)(?<!\bto):\s+")
_JOINT = re.compile(r"\s*[,;]?\s*(?:\b(?:and|but|or|then|also|plus|as well as)\b[\s,]*)+|\s*,\s*", re.I)
_IF = re.compile(
    r"\b(?:(?:but |and )?only (?:if|when|in case)|if (?P<not>not\b)|if (?P<so>so|yes)\b|even if|if|unless|as soon as|once|"
    r"when(?! (?:is|are|was|were|will|do|does|did|has|have|can|could|should|would|am|shall|may)\b)|in case|in the event|otherwise|"
    r"or else|else|provided|providing|as long as|assuming|given|(?<!know )(?<!ask )(?<!check )(?<!see )(?<!tell me )whenever)"
    r"(?: that)?\b",
    re.IGNORECASE,
)  # fmt: skip
_WHETHER = re.compile(
    r"\b(?:know|ask|check|see|tell me|tell|wonder|wondering|find out|sure|say|verify|confirm|me)\s+$", re.I
)
_POLITE = re.compile(
    r"^(?:(?:i|we)(?:'d| would)? (?:appreciate it if you (?:could|would)|be grateful if you (?:could|would)|hope you can)|"
    r"(?:can|could|will|would) you(?: please| kindly| maybe| possibly)?(?= )(?! be\b)|would you mind|do you mind|"
    r"(?:i|we)(?:'d| would| do)?(?: really| just| also)? (?:like|love|want|need|wish)(?: for)?(?: you)? to|"
    r"(?:you (?:should|must|have to|need to|can|may|could)|go ahead and|feel free to|make sure (?:to|that you|you)|be sure to|"
    r"don't forget to|do not forget to|remember to|i want you to|let's|let us|try to|help me(?: to)?|i(?:'d| would) ask you to|"
    r"i(?: am|'m) asking you to|your (?:task|job) is to|it is time to|time to|do me a favou?r and|i think you should))\s+",
    re.IGNORECASE,
)
_DESIRE = re.compile(
    r"^(?:i|we)(?:'d| would| do)?(?: really| just| also| still)? (?:like|want|need|demand|request|wish for|expect|am asking for|ask for)\b|"
    r"^(?:can|could|may|might) (?:i|we)(?: please| also)? (?:get|have|receive|request)\b|^(?:i|we)(?:'m| am| are|'re)? (?:requesting|asking for)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"^(?:(?:do not|don't|dont|never|no need to|stop|refrain from|avoid|rather than|instead of|without|not|no|never mind|forget)\b|"
    r"(?:i|we) (?:do not|don't|never|no longer)(?: really)? (?:want|need|wish|like|ask)|(?:you|we) (?:must|should|may|can|need)(?: not|n't)\b|"
    r"(?:mustn't|shouldn't|can't|cannot))",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"(?<!\bi )(?<!\bwe )\b(?:says?|said|wrote|writes|states?|stated|claims?|claimed|tells?|told|instructs?|instructed|insists?|insisted|"
    r"demands?|demanded|asked|wants?)(?: (?:me|us|you|that|to|him|her|them))*\s+(?=\S)",
    re.IGNORECASE,
)


def take_apart(text: str, *, verbs: frozenset[str] = frozenset()) -> Request:
    """Split a request into clauses.

    Args:
        text: what the user wrote.
        verbs: further words that can head an order, from the tools' names.
    """
    text = text[:LONGEST]
    covered, quotes = masked(text)
    covered, shown = _payloads(covered, text)
    known = lexicon.VERBS | verbs
    clauses: list[Clause] = []
    for start, end in _sentences(covered, known):
        clauses += _of_sentence(covered, start, end, known)
    given = tuple(_with_payload(c, shown, quotes) for c in clauses)
    return Request(text=text, masked=covered, quotes=quotes, clauses=given)


def _payloads(covered: str, text: str) -> tuple[str, tuple[Quote, ...]]:
    """Cover what is to be passed on word by word: after "saying", or after a colon that follows a word for text."""
    found: list[Quote] = []
    at = 0
    while m := _next_payload(covered, at):
        stops = [stop.start() for stop in (_AFTERWARDS.search(covered, m), _asked_after(covered, m)) if stop]
        end = min(stops, default=len(covered))
        if covered[m:end].strip(MASK + " .!?\n"):
            found.append(Quote(text[m:end].strip(), m, end))
        at = max(end, m + 1)
    return cover(covered, tuple(found)), tuple(found)


def _asked_after(covered: str, at: int) -> re.Match[str] | None:
    """Find a question that follows what somebody is reported to have said; in a message to send it belongs to the message."""
    head = re.split(r"[.!?\n]\s", covered[:at])[-1]
    told = re.search(r"\b(?:says?|said|wrote|writes|states?|stated|reads?|claims?|claimed)\W*$", head, re.IGNORECASE)
    return _QUESTION_AFTER.search(covered, at) if told else None


_QUESTION_AFTER = re.compile(
    r"(?<=[.!?])\s+(?=(?:who|what|where|when|why|how|which|can|could|is|are|does|do|did|should|will|has|have)\b[^.!?]*\?)",
    re.I,
)


def _next_payload(covered: str, at: int) -> int | None:
    said = _PAYLOAD.search(covered, at)
    places = [said.end()] if said else []
    for colon in re.finditer(r":\s+(?=\S)", covered[at:]):
        head = re.split(r"[.!?\n]\s", covered[: at + colon.start()])[-1]
        words = {t.low for t in tokens(head)}
        if words & lexicon.REPORTING and not words & {"following", "question", "questions", "request", "requests"}:
            places.append(at + colon.end())
            break
    return min(places, default=None)


def _sentences(covered: str, verbs: frozenset[str]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    for m in _SENTENCE_END.finditer(covered):
        if (
            m[0][:1].isspace()
            and "\n" not in m[0]
            and _ABBREVIATIONS.search(covered[max(start, m.start() - 8) : m.start()])
        ):
            continue
        if m[0].startswith(":") and not _begins(covered[m.end() :], verbs, strictly=False):
            continue
        spans.append((start, m.start()))
        start = m.end()
    spans.append((start, len(covered)))
    return [(a, b) for a, b in spans if covered[a:b].strip()]


def _of_sentence(covered: str, start: int, end: int, verbs: frozenset[str]) -> list[Clause]:
    """Read one sentence; a condition between two orders guards both, since either may be meant."""
    found: list[Clause] = []
    lead: tuple[Guard, ...] = ()
    segments = _segments(covered, start, end, verbs)
    for at, (a, b) in enumerate(segments):
        main, guards = _conditions(covered, a, b, verbs)
        if main is not None:
            clause = _clause(covered, *main, verbs, guards or lead)
            found += [_with_its_conditions(clause, covered)] if clause.words else []
            continue
        if found and (
            at + 1 == len(segments) or not re.search(r"\b(?:and|but|then)\b|;", covered[segments[at - 1][1] : a])
        ):
            found[-1] = replace(found[-1], guards=found[-1].guards + guards)
        lead = guards
    return found


def _with_its_conditions(clause: Clause, covered: str) -> Clause:
    """Take "if" into a question as a part of it: nothing hangs on it but the answer."""
    if clause.force != "question" or not clause.guards or any(g.previous for g in clause.guards):
        return clause
    start, end = min(clause.start, clause.guards[0].start), max(clause.end, clause.guards[-1].end)
    return replace(clause, text=covered[start:end].strip(" ,."), start=start, end=end, words=_placed(covered, start, end), guards=())


def _placed(covered: str, start: int, end: int) -> tuple[Token, ...]:
    return tuple(replace(t, start=t.start + start, end=t.end + start) for t in tokens(covered[start:end]))


def _segments(covered: str, start: int, end: int, verbs: frozenset[str]) -> list[tuple[int, int]]:
    """Cut a sentence where a new order, question or condition begins."""
    cuts = [start]
    for m in _JOINT.finditer(covered, start, end):
        inside = _open_condition(covered, cuts[-1], m.start())
        if _begins(covered[m.end() : end], verbs, strictly=inside and "," not in m[0]):
            cuts += (m.start(), m.end())
    cuts.append(end)
    spans = [(cuts[i], cuts[i + 1]) for i in range(0, len(cuts) - 1, 2)]
    return [(a, b) for a, b in spans if covered[a:b].strip(" ,.()")]


def _open_condition(covered: str, start: int, at: int) -> bool:
    """Tell whether a condition that began in this segment is still being told."""
    return bool(_IF.search(covered, start, at))


def _begins(text: str, verbs: frozenset[str], *, strictly: bool) -> bool:
    """Tell whether a new clause begins here; inside a condition a plain statement does not count as one."""
    words = tokens(text[:160])
    at = 0
    while at < len(words) and words[at].low in lexicon.FILLERS:
        at += 1
    if at >= len(words):
        return False
    low, following = words[at].low, words[at + 1].low if at + 1 < len(words) else ""
    if low in lexicon.REPORTING and text[words[at].end :].lstrip(" :,")[:1] == MASK:
        return False
    if _IF.match(text[words[at].start :]) or low in lexicon.QUESTION_WORDS:
        return True
    if low in ("don't", "dont") or (low in ("do", "never", "not") and (following == "not" or following in verbs)):
        return True
    if low in lexicon.AUXILIARIES and following in lexicon.PRONOUNS | {"the", "my", "any", "please"}:
        return not strictly or low in ("can", "could", "will", "would")
    if low in verbs and following not in ("is", "are", "was", "were", "has", "will"):
        return True
    if not strictly and low in _DETERMINERS and any(w.low in _FINITE for w in words[at + 2 : at + 4]):
        return True
    return not strictly and (low in lexicon.PRONOUNS or low in ("i'd", "i'm", "i'll", "i've", "it's", "let's", "my"))


_DETERMINERS = word_set("the a an my our this that one some these those its their his her")
_FINITE = word_set("is are was were has have had isn't aren't wasn't weren't hasn't haven't hadn't did didn't does doesn't do don't came")


def _conditions(
    covered: str, start: int, end: int, verbs: frozenset[str]
) -> tuple[tuple[int, int] | None, tuple[Guard, ...]]:
    """Tell a segment's main part from its conditions; the main part is None where the segment is all condition."""
    m = next((m for m in _IF.finditer(covered, start, end) if not _asks_whether(covered, start, m)), None)
    if m is None:
        return (start, end), ()
    before = covered[start : m.start()].strip(" ,.(")
    stop = end
    if not [t for t in tokens(before) if t.low not in lexicon.FILLERS]:
        if m["not"] or m["so"] or m[0].lower() in ("otherwise", "else", "or else"):
            return _referring(covered, m, end)
        stop = _end_of_condition(covered, m.end(), end, verbs)
        guard = _guard(covered, m, stop)
        rest = covered[stop:end].strip(" ,.")
        return ((stop, end) if rest else None), (guard,)
    return (start, m.start()), (_guard(covered, m, stop),)


def _asks_whether(covered: str, start: int, m: re.Match[str]) -> bool:
    return m[0].lower() in ("if", "when", "once") and bool(_WHETHER.search(covered[start : m.start()]))


def _referring(covered: str, m: re.Match[str], end: int) -> tuple[tuple[int, int] | None, tuple[Guard, ...]]:
    guard = Guard(text="", start=m.start(), end=m.end(), negated=not m["so"], previous=True)
    rest = covered[m.end() : end].strip(" ,.")
    return ((m.end(), end) if rest else None), (guard,)


def _guard(covered: str, m: re.Match[str], stop: int) -> Guard:
    return Guard(
        text=covered[m.end() : stop].strip(" ,.()"),
        start=m.start(),
        end=stop,
        negated=m[0].lower().startswith("unless"),
    )


def _end_of_condition(covered: str, start: int, end: int, verbs: frozenset[str]) -> int:
    """Find where "if ..." at the head of a sentence gives way to what is to be done."""
    for m in re.finditer(r",\s*(?:then\s+)?|\bthen\b", covered[start:end]):
        if _begins(covered[start + m.end() : end], verbs, strictly=False) or "then" in m[0]:
            return start + m.end()
    words = tokens(covered[start:end])
    for before, word in zip(words[1:], words[2:], strict=False):
        if (
            word.low in verbs
            and before.low not in _NEVER_BEFORE_ORDER
            and word.low not in ("order", "book", "mail", "ship")
        ):
            return start + word.start
    return end


_NEVER_BEFORE_ORDER = word_set(
    "to a an the my your this that not never n't didn't doesn't don't did does do will would can could should has have had is are was were "
    "i you we they and or no for of in on at with been be"
)


def _clause(covered: str, start: int, end: int, verbs: frozenset[str], guards: tuple[Guard, ...]) -> Clause:
    text = covered[start:end]
    offset = start + len(text) - len(text.lstrip(" ,.()"))
    text = text.strip(" ,()")
    words = tuple(replace(t, start=t.start + offset, end=t.end + offset) for t in tokens(text))
    bare = _bare(text)
    refused = bool(_REFUSAL.match(bare)) and not re.match(
        r"(?:do not|don't|never) (?:forget|hesitate|fail)", bare, re.I
    )
    force = _force(text, bare, verbs)
    if (
        force == "request"
        and (m := _REPORTED.search(bare))
        and 0 < m.start() < len(bare) / 2
        and not _POLITE.match(bare)
    ):
        force = "statement"
    return Clause(text=text, start=offset, end=end, words=words, force=force, refused=refused, guards=guards)


def _bare(text: str) -> str:
    """Drop what only leads up to the point."""
    words = tokens(text)
    at = 0
    while at < len(words) and words[at].low in lexicon.FILLERS and words[at].low not in ("instead",):
        at += 1
    return text[words[at].start :] if at < len(words) else text


def _force(text: str, bare: str, verbs: frozenset[str]) -> Force:
    polite = _POLITE.match(bare)
    if polite or _DESIRE.match(bare):
        return "request"
    words = tokens(bare)
    head = words[0].low if words else ""
    if head in lexicon.QUESTION_WORDS or (head in lexicon.AUXILIARIES and head not in ("do", "have", "don't")):
        return "question"
    asked = text.rstrip(" ,.").endswith("?")
    if head in ("do", "have", "don't") and len(words) > 1 and (asked or words[1].low in lexicon.PRONOUNS):
        return "question"
    named = head in _ALSO_NOUNS and re.match(r"\w+ (?:number |no\.? |nr\.? |id )?#?\d", bare)
    if (head in verbs and not named) or re.search(r"\b(?:please|pls|plz|kindly)\b", text, re.I):
        return "request"
    if re.search(r"\b(?:should|must|needs? to|has to|have to|is to|are to) (?:also )?be \w+", bare, re.I):
        return "request"
    return "question" if asked else "statement"


_ALSO_NOUNS = word_set(
    "order file message invoice book note record report request release label tag ship mail ticket call issue bill"
)


def _with_payload(clause: Clause, shown: tuple[Quote, ...], quotes: tuple[Quote, ...]) -> Clause:
    parts = [
        q.text for q in (*shown, *quotes) if clause.start <= q.start <= clause.end and len(q.text) > 0 and q in shown
    ]
    return replace(clause, payload=parts[0]) if parts else clause
