"""What each clause comes to: something to do, to find out, to search for, to say, or nothing."""

import itertools
from dataclasses import replace
from typing import Literal

from interlock.runtime.models.embedded import forms
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.deeds import orders_a_change
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.matching import LIKELY, affinity
from interlock.runtime.models.embedded.memories import noticed
from interlock.runtime.models.embedded.placing import SHORTEST_ID
from interlock.runtime.models.embedded.ranking import KNOWN, Ranked, rank, word_score
from interlock.runtime.models.embedded.scene import Scene
from interlock.runtime.models.embedded.senses import subjects, synonyms
from interlock.runtime.models.embedded.text import Token, tokens

Role = Literal["act", "look", "search", "memory", "chat", "noted", "refused", "said", "unknown", "which"]
HINT = KNOWN + 0.15
"""Score from which a mere statement is a hint to look something up."""

NEARLY = 0.15

_POINTING = word_set("it its that this them they those these")
_WANTS_WORDS = word_set("tell explain know information info help understand question describe")
_EXPLETIVE = word_set("take takes cost costs possible mean matter")


def role_of(clause: Clause, scene: Scene) -> tuple[Role, list[Ranked]]:
    """Tell what a clause comes to, with the tools that it may be about, best first."""
    if (plain := _plain(clause, scene)) is not None:
        return plain, []
    if ranked := _announced(clause, scene):
        return "act", ranked
    if noticed(clause.text) and not any(t.verb == "remember" for t in scene.tools.tools):
        return "noted", []
    ranked = _ranked(clause, scene)
    if clause.force == "request" and ranked and not ranked[0].tool.read_only:
        return "act", ranked
    return _finding_out(clause, [r for r in ranked if r.tool.read_only], scene)


def _plain(clause: Clause, scene: Scene) -> Role | None:
    if clause.refused:
        return "refused"
    return "chat" if forms.CHAT.match(clause.text) or forms.SELF.search(clause.text) else None


def _finding_out(clause: Clause, readable: list[Ranked], scene: Scene) -> tuple[Role, list[Ranked]]:
    """Choose where the answer lies: in memory, in a lookup, in a text search, or nowhere."""
    if _in_memory(clause, scene, readable):
        return "memory", []
    stated = clause.force == "statement"
    search = _search(clause, scene)
    kept = readable if search is None else _particular(clause, readable, scene)
    hinted = not stated or (kept and kept[0].score >= HINT and _tells_of_something(clause, scene))
    if kept and hinted:
        return "look", kept
    if known := _by_identifier(clause, scene):
        return "look", known
    if search is not None:
        return "search", [Ranked(tool=search, score=KNOWN)]
    return ("said" if stated or not clause.topics else "unknown"), []


def _particular(clause: Clause, readable: list[Ranked], scene: Scene) -> list[Ranked]:
    """Lookups that a question is about; none where it asks in general, and a text search will know."""
    if forms.PROCEDURE.match(clause.text) and not scene.within(clause):
        return []
    kept = [r for r in readable if not _impersonal(clause, r.tool, scene)]
    return kept if kept and kept[0].score >= readable[0].score - NEARLY else []


def _announced(clause: Clause, scene: Scene) -> list[Ranked]:
    """Read "my new address is ..." as the wish to have it changed, where a tool changes just that."""
    m = forms.NEW_THING.search(clause.text)
    if m is None or clause.force == "question":
        return []
    named = {t.stem for t in tokens(m[1] or m[2])}
    change = synonyms("chang") | {"chang"}
    acting = [t for t in scene.tools.tools if not t.read_only and t.verbs & change]
    return [Ranked(tool=t, score=2 * KNOWN) for t in acting if t.nouns and set(t.nouns) <= named]


def _ranked(clause: Clause, scene: Scene) -> list[Ranked]:
    shown = clause
    if len(scene.own_clauses) == 1:  # an answer to "which one?" names the tool in its own words
        shown = replace(clause, words=(*clause.words, *(w for c in scene.reply for w in c.words)))
    # Loading the embedder takes seconds: a statement, or a question that a text search will take, does not need it.
    spared = clause.force == "statement" or (clause.force == "question" and _search(clause, scene) is not None)
    ranked = rank(shown, scene.tools, scene.within(clause), None if spared else scene.meaning)
    return ranked if clause.force == "request" else [r for r in ranked if r.tool.read_only]


def _in_memory(clause: Clause, scene: Scene, readable: list[Ranked]) -> bool:
    if not scene.talk.memory or clause.force == "statement" or not forms.ABOUT_USER.search(clause.text):
        return False
    return bool(forms.WISHES.search(clause.text)) or not readable or readable[0].score < 2 * KNOWN


def _search(clause: Clause, scene: Scene) -> Tool | None:
    """The tool that takes whole questions, where the clause is one."""
    wants = clause.force == "request" and {t.low for t in clause.words} & _WANTS_WORDS
    if not clause.topics or not (clause.force == "question" or wants):
        return None
    return next((t for t in scene.tools.tools if t.question), None)


def _tells_of_something(clause: Clause, scene: Scene) -> bool:
    """Tell whether a statement is a hint: "order 5 has not come" is, "order 5" before a question is not."""
    here = scene.within(clause)
    bare = all(t.stem in {v.label for v in here} for t in clause.topics)
    others = any(c.force != "statement" and c is not clause for c in scene.own_clauses)
    return bool(here or _points(clause)) and not (bare and others)


def _by_identifier(clause: Clause, scene: Scene) -> list[Ranked]:
    """Lookups of the very thing whose number a question gives, whatever it asks about it."""
    rivals = scene.tools.rivals
    here = [
        v for v in scene.within(clause) if v.label in rivals or not isinstance(v.value, int) or v.value >= SHORTEST_ID
    ]
    if clause.force == "statement" or not here or orders_a_change(clause):
        return []
    fitting = [
        tool
        for tool in scene.tools.tools
        if tool.read_only
        and tool.required
        and all(p.id_like and any(affinity(p, v, rivals) for v in here) for p in tool.required)
    ]
    scored = [Ranked(tool=t, score=max(word_score(clause, t, scene.tools, here), KNOWN)) for t in fitting]
    return sorted(scored, key=lambda r: -r.score)


def _impersonal(clause: Clause, tool: Tool, scene: Scene) -> bool:
    """Tell whether a question is a general one: the tool needs to know which thing, and none is pointed at."""
    said = {t.stem for t in subjects(clause)}
    here = scene.within(clause)
    if not tool.required:
        named = any(w in tool.nouns or synonyms(w) & set(tool.nouns) for w in said)
        fits = any(affinity(p, v, scene.tools.rivals) >= LIKELY for p in tool.parameters for v in here)
        return not (named or fits)
    if here or not any(p.id_like or p.numeric for p in tool.required):
        return False
    known = all(w in tool.terms or synonyms(w) & tool.terms.keys() for w in said)
    before = known and any(scene.within(c) for c in scene.own_clauses if c.start < clause.start)
    return not (before or _points(clause) or _definite(clause, tool))


def _points(clause: Clause) -> bool:
    """Tell whether a pronoun stands for something; the "it" of "it rains" stands for nothing."""
    following = (*clause.words[1:], None)
    return any(t.low in _POINTING and not _expletive(t, n) for t, n in zip(clause.words, following, strict=True))


def _expletive(word: Token, after: Token | None) -> bool:
    return word.low == "it" and after is not None and after.low in _EXPLETIVE


def _definite(clause: Clause, tool: Tool) -> bool:
    nouns = {*tool.nouns, *(p.noun for p in tool.required)}
    nouns |= {s for n in nouns for s in synonyms(n)}
    return any(a.low in ("the", "my", "our") and b.stem in nouns for a, b in itertools.pairwise(clause.words))
