"""Deciding what each clause of a request is: something to do, to find out, to leave, or to ask about."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from interlock.runtime.models.embedded import lexicon, questions
from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.clauses import Clause, Request, take_apart
from interlock.runtime.models.embedded.conversation import Talk
from interlock.runtime.models.embedded.deeds import orders_a_change, verb_match
from interlock.runtime.models.embedded.filling import Filled, Supply, fill
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.matching import affinity
from interlock.runtime.models.embedded.memories import noticed
from interlock.runtime.models.embedded.ranking import (
    KNOWN,
    Meaning,
    Ranked,
    rank,
    word_score,
)
from interlock.runtime.models.embedded.senses import synonyms
from interlock.runtime.models.embedded.text import Token, stem, tokens
from interlock.runtime.models.embedded.values import Value, values

Role = Literal["act", "look", "search", "memory", "chat", "noted", "refused", "said", "unknown", "which"]
_CHAT = re.compile(
    r"^(?:(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|thanks?(?: you| a lot| so much| very much)*|cheers|"
    r"bye|goodbye|see you|ok|okay|great|perfect|nice|cool|fine|well|how are you(?: doing| today)*|there|all|everyone|dear \w+|"
    r"that's all|that is all|no thanks|have a nice day|good|lovely|awesome|wonderful|\w+ team)[\s,.!?]*)+$",
    re.IGNORECASE,
)
_SELF = re.compile(
    r"\b(?:who|what) are you\b|\bare you (?:a |an )?(?:human|person|robot|bot|real|ai|language model|machine|chatgpt|gpt|llm)\b|"
    r"\bwhat can you do\b|\bhow can you help\b|\bwhat do you do\b|\bhelp me\W*$|^help\W*$",
    re.IGNORECASE,
)
_ABOUT_ME = re.compile(
    r"\b(?:do|did|have|would|should) i (?:usually |normally )?(?:like|prefer|want|tell|say|said|told|ask)|\bam i called\b|"
    r"\b(?:is|was|are|were|what's) my\b|\bmy (?:name|preference|preferred|favou?rite)\b|\b(?:remember|know) (?:about|of) me\b|"
    r"\b(?:i told you|you remember|did i mention|how do i like|what do i (?:like|prefer)|i prefer|should i be|contact me|reach me|call me)\b",
    re.IGNORECASE,
)
_MY_WISHES = re.compile(
    r"\b(?:do|did|would|should) i (?:usually |normally )?(?:like|prefer|want)\b|\bi (?:told|said)\b|\byou remember\b|"
    r"\bmy (?:preference|preferred|favou?rite)\b|\b(?:contact|reach|call) me\b|\bknow about me\b",
    re.IGNORECASE,
)
_NEVER_MIND = re.compile(
    r"^(?:no|nope|no,? thanks?(?: you)?|never ?mind|forget (?:it|about it)|cancel(?: that| it)?|stop(?: it)?|leave it|drop it|"
    r"nothing|don't(?: do (?:it|that))?|do not|skip it|not now|no longer needed)[\s,.!]*(?:please|thanks?(?: you)?)?[.!]*$",
    re.IGNORECASE,
)


_YES = re.compile(
    r"^(?:yes|yep|yeah|sure|ok|okay|go ahead|do it|please do|certainly|of course|correct|right)\b[\w\s,]{0,40}[.!]*$",
    re.I,
)


NEAR = 0.15
"""Lead of a tool below which another may be meant, if what it needs is at hand."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One clause and what it comes to."""

    clause: Clause
    role: Role
    tool: Tool | None = None
    filled: Filled = Filled()
    supply: Supply | None = None
    rivals: tuple[Tool, ...] = ()
    """For `which`: the tools that fit alike."""
    confidence: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that reading a clause may need."""

    talk: Talk
    tools: Catalogue
    request: Request
    values: tuple[Value, ...]
    own_clauses: tuple[Clause, ...]
    """Clauses of the request proper; the others answer a question of ours."""
    border: int
    """Where in the request the answer to a question of ours begins; past its end if there is none."""
    meaning: Meaning | None
    earlier: tuple[tuple[Value, ...], ...]

    @property
    def reply(self) -> tuple[Clause, ...]:
        """Clauses by which the user answers a question of ours."""
        return tuple(c for c in self.request.clauses if c not in self.own_clauses)

    @property
    def confirmed(self) -> bool:
        """Whether the user said yes to acting although a condition could not be told."""
        asked = self.talk.question.startswith(questions.CANNOT_TELL)
        return asked and bool(self.talk.previous) and bool(_YES.match(self.talk.request.strip()))

    def agreed(self, tool: Tool) -> bool:
        """Whether the user said yes when asked whether this tool was meant."""
        asked = questions.which_tool((tool,)) in self.talk.question
        return asked and bool(self.talk.previous) and bool(_YES.match(self.talk.request.strip()))

    def within(self, clause: Clause) -> tuple[Value, ...]:
        """Values that stand in a clause, its conditions left out."""
        return tuple(v for v in self.values if clause.start <= v.start < clause.end)


def set_scene(talk: Talk, tools: Catalogue, meaning: Meaning | None, today: date | None) -> Scene:
    """Take the request apart; a reply to our question is read together with the request it belongs to."""
    verbs = tools.verbs
    text, border = talk.request, 0
    if talk.previous and not _starts_anew(talk, tools):
        text, border = f"{talk.previous}\n{talk.request}", len(talk.previous)
    request = take_apart(text, verbs=verbs)
    return Scene(
        talk=talk,
        tools=tools,
        request=request,
        values=values(request.masked, request.quotes, today=today),
        own_clauses=tuple(c for c in request.clauses if not border or c.start < border),
        border=border or len(text),
        meaning=meaning,
        earlier=tuple(_values_of(said, today) for said in talk.earlier),
    )


def _values_of(text: str, today: date | None) -> tuple[Value, ...]:
    request = take_apart(text)
    return values(request.masked, (), today=today)


def _starts_anew(talk: Talk, tools: Catalogue) -> bool:
    """Tell whether the user went on to something else instead of answering the question."""
    request = take_apart(talk.request, verbs=tools.verbs)
    if _NEVER_MIND.match(talk.request.strip()):
        return True
    for clause in request.clauses:
        if len(clause.topics) > 1 and clause.force != "statement" and not clause.refused:
            ranked = rank(clause, tools, (), None)
            if ranked and ranked[0].score >= KNOWN + 0.1:
                return True
    return False


def readings(scene: Scene) -> list[Reading]:
    """Read every clause; sentences that ask for nothing supply values to the others."""
    given_up = bool(scene.talk.previous) and bool(_NEVER_MIND.match(scene.talk.request.strip()))
    if given_up:
        return [Reading(clause=c, role="refused") for c in scene.request.clauses]
    first = [(c, *_role(c, scene)) for c in scene.own_clauses]
    idle = [c for c, role, _ in first if role in ("said", "chat", "noted")]
    loose = tuple(v for v in scene.values if v.start >= scene.border or any(c.start <= v.start < c.end for c in idle))
    found: list[Reading] = []
    for at, (clause, role, ranked) in enumerate(first):
        if role not in ("act", "look", "search"):
            found.append(Reading(clause=clause, role=role))
            continue
        supply = _supply(clause, at, scene, loose, idle)
        found.append(_settled(clause, role, ranked, supply, scene))
    return _with_second_thoughts(found)


def _with_second_thoughts(found: list[Reading]) -> list[Reading]:
    """Take back what a later "don't" takes back, and ask where two deeds are offered as alternatives."""
    for at, reading in enumerate(found):
        if reading.role == "refused" and not reading.clause.topics:
            found[:at] = [
                replace(r, role="refused", tool=None) if r.role in ("act", "which") else r for r in found[:at]
            ]
        before = found[at - 1] if at else None
        if (
            reading.clause.instead
            and before
            and before.tool
            and reading.tool
            and {before.role, reading.role} == {"act"}
        ):
            found[at] = replace(reading, role="which", rivals=(before.tool, reading.tool), tool=None, confidence=0.4)
            found[at - 1] = replace(before, role="said", tool=None)
    return found


def _role(clause: Clause, scene: Scene) -> tuple[Role, list[Ranked]]:
    if clause.refused:
        return "refused", []
    if _CHAT.match(clause.text) or _SELF.search(clause.text):
        return "chat", []
    if ranked := _announced(clause, scene):
        return "act", ranked
    if noticed(clause.text) and not any(t.verb == "remember" for t in scene.tools.tools):
        return "noted", []
    ranked = _ranked(clause, scene)
    if clause.force == "request" and ranked and not ranked[0].tool.read_only:
        return "act", ranked
    readable = [r for r in ranked if r.tool.read_only]
    wishes = bool(_MY_WISHES.search(clause.text))
    if _about_memory(clause, scene) and (wishes or not readable or readable[0].score < 2 * KNOWN):
        return "memory", []
    search = _search(clause, scene)
    if clause.force == "statement" and not _tells_of_something(clause, scene):
        readable = []
    if readable and (clause.force != "statement" or readable[0].score >= KNOWN + 0.15):
        if search is None or not _impersonal(clause, readable[0].tool, scene):
            return "look", readable
    if known := _by_identifier(clause, scene):
        return "look", known
    if search:
        return "search", [Ranked(tool=search, score=KNOWN)]
    if clause.force == "statement" or not clause.topics:
        return "said", []
    return "unknown", []


def _announced(clause: Clause, scene: Scene) -> list[Ranked]:
    """Read "my new address is ..." as the wish to have it changed, where a tool changes just that."""
    m = re.search(r"\bnew ([a-z]+(?: [a-z]+)?)(?: is\b| will be\b|:|(?= [A-Z\d]))", clause.text)
    if m is None or clause.force == "question":
        return []
    named = {t.stem for t in tokens(m[1])}
    change = synonyms("chang") | {"chang"}
    fitting = [
        t for t in scene.tools.tools if not t.read_only and t.verbs & change and t.nouns and set(t.nouns) <= named
    ]
    return [Ranked(tool=t, score=2 * KNOWN) for t in fitting]


def _ranked(clause: Clause, scene: Scene) -> list[Ranked]:
    here = scene.within(clause)
    shown = clause
    if scene.reply and scene.own_clauses and len(scene.own_clauses) == 1:
        shown = replace(clause, words=(*clause.words, *(w for c in scene.reply for w in c.words)))
    ranked = rank(shown, scene.tools, here, scene.meaning)
    if clause.force == "request":
        return ranked
    return [r for r in ranked if r.tool.read_only]


def _about_memory(clause: Clause, scene: Scene) -> bool:
    return bool(scene.talk.memory) and clause.force != "statement" and bool(_ABOUT_ME.search(clause.text))


def _search(clause: Clause, scene: Scene) -> Tool | None:
    """The tool that takes whole questions, where the clause is one."""
    asks = clause.force == "question" or (clause.force == "request" and _wants_words(clause))
    if not asks or not clause.topics:
        return None
    return next((t for t in scene.tools.tools if t.question), None)


def _tells_of_something(clause: Clause, scene: Scene) -> bool:
    """Tell whether a statement is a hint to look something up: "order 5 has not come" is, "order 5" before a question is not."""
    here = scene.within(clause)
    labels = {v.label for v in here}
    bare = all(t.stem in labels for t in clause.topics)
    others = any(c.force != "statement" and c is not clause for c in scene.own_clauses)
    # The "it" of "how long does it take" stands for nothing.
    words = [t for t, after in zip(clause.words, (*clause.words[1:], None), strict=True) if not _expletive(t, after)]
    pointed = {t.low for t in words} & {"it", "its", "that", "they"}
    return bool(here or pointed) and not (bare and others)


def _by_identifier(clause: Clause, scene: Scene) -> list[Ranked]:
    """Lookups of the very thing whose number a question gives, whatever it asks about it."""
    here = scene.within(clause)
    if clause.force == "statement" or not here or orders_a_change(clause):
        return []
    fitting = [
        t
        for t in scene.tools.tools
        if t.read_only
        and t.required
        and all(p.id_like and any(affinity(p, v, scene.tools.rivals) for v in here) for p in t.required)
    ]
    scored = [Ranked(tool=t, score=max(word_score(clause, t, scene.tools, here), KNOWN)) for t in fitting]
    return sorted(scored, key=lambda r: -r.score)


_POINTING = word_set("it its that this them they those these")


def _impersonal(clause: Clause, tool: Tool, scene: Scene) -> bool:
    """Tell whether a question is a general one: the tool needs to know which thing, and none is pointed at."""
    named = [p for p in tool.required if p.id_like or p.numeric]
    # The "it" of "how long does it take" stands for nothing.
    after = (*clause.words[1:], None)
    pointed = any(t.low in _POINTING and not _expletive(t, n) for t, n in zip(clause.words, after, strict=True))
    said = {t.stem for t in clause.topics}
    known = all(w in tool.terms or synonyms(w) & tool.terms.keys() for w in said)
    before = known and any(scene.within(c) for c in scene.own_clauses if c.start < clause.start)
    return bool(named) and not pointed and not before and not scene.within(clause) and not _definite(clause, tool)


def _expletive(word: Token, after: Token | None) -> bool:
    return (
        word.low == "it"
        and after is not None
        and after.low in ("take", "takes", "cost", "costs", "possible", "mean", "matter")
    )


def _definite(clause: Clause, tool: Tool) -> bool:
    nouns = {*tool.nouns, *(p.noun for p in tool.required)}
    nouns |= {s for n in nouns for s in synonyms(n)}
    return any(a.low in ("the", "my", "our") and b.stem in nouns for a, b in itertools.pairwise(clause.words))


def _wants_words(clause: Clause) -> bool:
    return bool(
        {t.low for t in clause.words}
        & {"tell", "explain", "know", "information", "info", "help", "understand", "question", "describe"}
    )


def _supply(clause: Clause, at: int, scene: Scene, loose: tuple[Value, ...], idle: Sequence[Clause]) -> Supply:
    own = scene.within(clause)
    others = [scene.within(c) for c in reversed(scene.own_clauses[:at])] + [
        scene.within(c) for c in scene.own_clauses[at + 1 :]
    ]
    guards = tuple(v for v in scene.values if any(g.start <= v.start < g.end for g in clause.guards))
    anew = {t.low for t in clause.words} & {"another", "different", "new", "else"}
    earlier = () if anew else scene.earlier
    return Supply(
        clause=clause,
        own=own,
        loose=loose,
        referents=tuple(g for g in (guards, *others, *earlier) if g),
        nearby=tuple(g for g in (guards, *(others + list(earlier) if refers_back(clause) else [])) if g),
        loose_words=tuple(w for c in (*scene.reply, *idle) for w in c.words),
        reply=scene.request.text[scene.border :].strip(" \n\"'“”") if scene.border < len(scene.request.text) else "",
        memory=scene.talk.memory,
        original=scene.request.text,
        before=_said_before(clause, at, scene),
        rivals=scene.tools.rivals,
    )


def _said_before(clause: Clause, at: int, scene: Scene) -> str:
    before = scene.own_clauses[at - 1] if at else None
    return before.text if before is not None and before.force == "statement" and not before.refused else ""


def _settled(clause: Clause, role: Role, ranked: Sequence[Ranked], supply: Supply, scene: Scene) -> Reading:
    """Choose among the tools that fit about alike: the one whose arguments are at hand, else ask which."""
    alike = [r for r in ranked if r.tool.read_only == ranked[0].tool.read_only][:4]
    filled = [(r, fill(r.tool, supply)) for r in alike]
    lacking = any(not p.id_like for p in filled[0][1].missing)
    margin = ranked[0].score - (2 * NEAR if lacking else NEAR)
    filled = [(r, f) for r, f in filled if r.score >= margin]
    near = [r for r, _ in filled]
    ready = [(r, f) for r, f in filled if not f.missing and not f.unclear]
    best, arguments = (ready or filled)[0]
    if role == "act" and len(near) > 1 and near[0].score - near[1].score < 0.04 and len(ready) != 1:  # noqa: PLR2004
        return Reading(clause=clause, role="which", rivals=tuple(r.tool for r in near[:3]), confidence=0.4)
    unnamed = not best.tool.read_only and best.by != "words" and not verb_match(clause, best.tool, supply.own)
    if unnamed and not scene.agreed(best.tool):
        return Reading(clause=clause, role="which", rivals=(best.tool,), confidence=0.3)
    lead = ranked[0].score - (ranked[1].score if len(ranked) > 1 else 0.0)
    sure = min(1.0, 0.55 + 0.3 * min(best.score, 1.0) + 0.3 * min(lead, 0.5)) - (0.15 if best.by == "meaning" else 0.0)
    return Reading(
        clause=clause,
        role="search" if best.tool.question else role,
        tool=best.tool,
        filled=arguments,
        supply=supply,
        confidence=round(sure - (0.1 if arguments.guessed else 0.0), 2),
    )


def refers_back(clause: Clause) -> bool:
    """Tell whether the clause points at something said before."""
    return any(t.low in lexicon.ANAPHORA for t in clause.words)


def names(clause: Clause, words: Sequence[str]) -> bool:
    """Tell whether the clause has one of the words, in any form."""
    wanted = {stem(w) for w in words}
    return any(t.stem in wanted for t in tokens(clause.text))
