"""Reading a request: each clause with its role, the tool it is about, and that tool's arguments."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.deeds import verb_match
from interlock.runtime.models.embedded.filling import fill
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.ranking import Ranked
from interlock.runtime.models.embedded.roles import Role, role_of
from interlock.runtime.models.embedded.scene import Group, Scene
from interlock.runtime.models.embedded.supply import Filled, Supply

NEAR = 0.15
"""Lead of a tool below which another may be meant, if what it needs is at hand."""
TIED = 0.04
"""Lead below which two deeds fit alike, so that the user is asked."""
MOST_RIVALS = 4
_ANEW = word_set("another different new else")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One clause and what it comes to."""

    clause: Clause
    role: Role
    tool: Tool | None = None
    filled: Filled = field(default_factory=Filled)
    supply: Supply | None = None
    rivals: tuple[Tool, ...] = ()
    """For `which`: the tools that fit alike."""
    confidence: float = 1.0


def readings(scene: Scene) -> list[Reading]:
    """Read every clause; sentences that ask for nothing supply values to the others."""
    if scene.given_up:
        return [Reading(clause=c, role="refused") for c in scene.request.clauses]
    first = [(c, *role_of(c, scene)) for c in scene.own_clauses]
    idle = [c for c, role, _ in first if role in ("said", "chat", "noted")]
    found: list[Reading] = []
    for at, (clause, role, ranked) in enumerate(first):
        if role in ("act", "look", "search"):
            found.append(_settled(clause, role, ranked, _supply(clause, at, scene, idle), scene))
        else:
            found.append(Reading(clause=clause, role=role))
    return _with_second_thoughts(found)


def _supply(clause: Clause, at: int, scene: Scene, idle: Sequence[Clause]) -> Supply:
    """Lay out where a clause's arguments may come from, nearest first."""
    before, after = scene.own_clauses[:at], scene.own_clauses[at + 1 :]
    anew = bool({t.low for t in clause.words} & _ANEW)
    others = [*scene.around((*reversed(before), *after)), *(() if anew else scene.earlier)]
    guards = scene.guarding(clause)
    refers_back = any(t.low in lexicon.ANAPHORA for t in clause.words)
    told_before = bool(before) and before[-1].force == "statement" and not before[-1].refused
    return Supply(
        clause=clause,
        own=scene.within(clause),
        loose=_loose(scene, idle),
        referents=_filled_groups([guards, *others]),
        nearby=_filled_groups([guards, *(others if refers_back else ())]),
        loose_words=tuple(w for c in (*scene.reply, *idle) for w in c.words),
        reply=scene.reply_text,
        memory=scene.talk.memory,
        original=scene.request.text,
        before=before[-1].text if told_before else "",
        rivals=scene.tools.rivals,
    )


def _loose(scene: Scene, idle: Sequence[Clause]) -> Group:
    """Values that no clause needs for itself: of an answer to our question, or of a statement."""
    return tuple(v for v in scene.values if v.start >= scene.border or any(c.start <= v.start < c.end for c in idle))


def _filled_groups(groups: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(group for group in groups if group)


def _settled(clause: Clause, role: Role, ranked: Sequence[Ranked], supply: Supply, scene: Scene) -> Reading:
    """Choose among the tools that fit about alike: the one whose arguments are at hand, else ask which."""
    alike = [r for r in ranked if r.tool.read_only == ranked[0].tool.read_only][:MOST_RIVALS]
    filled = [(r, fill(r.tool, supply)) for r in alike]
    lacking = any(not p.id_like for p in filled[0][1].missing)
    margin = ranked[0].score - (2 * NEAR if lacking else NEAR)
    filled = [(r, f) for r, f in filled if r.score >= margin]
    ready = [(r, f) for r, f in filled if not f.missing and not f.unclear]
    if supply.nearby and role == "look":  # "it" is asked of a tool that takes it
        ready.sort(key=lambda pair: not pair[0].tool.required)
    best, arguments = (ready or filled)[0]
    tied = len(filled) > 1 and filled[0][0].score - filled[1][0].score < TIED
    if role == "act" and tied and len(ready) != 1:
        return Reading(clause=clause, role="which", rivals=tuple(r.tool for r, _ in filled), confidence=0.4)
    if _unnamed(best, clause, supply) and not scene.agreed(best.tool):
        return Reading(clause=clause, role="which", rivals=(best.tool,), confidence=0.3)
    return Reading(
        clause=clause,
        role="search" if best.tool.question else role,
        tool=best.tool,
        filled=arguments,
        supply=supply,
        confidence=_confidence(best, ranked, guessed=arguments.guessed),
    )


def _unnamed(best: Ranked, clause: Clause, supply: Supply) -> bool:
    """Tell whether only likeness or fit speaks for a tool that acts; then the user is asked first."""
    return not best.tool.read_only and best.by != "words" and not verb_match(clause, best.tool, supply.own)


def _confidence(best: Ranked, ranked: Sequence[Ranked], *, guessed: bool) -> float:
    lead = ranked[0].score - (ranked[1].score if len(ranked) > 1 else 0.0)
    sure = min(1.0, 0.55 + 0.3 * min(best.score, 1.0) + 0.3 * min(lead, 0.5))
    return round(sure - (0.15 if best.by == "meaning" else 0.0) - (0.1 if guessed else 0.0), 2)


def _with_second_thoughts(found: list[Reading]) -> list[Reading]:
    """Take back what a later "don't" takes back, and ask where two deeds are offered as alternatives."""
    for at, reading in enumerate(found):
        if reading.role == "refused" and not reading.clause.topics:
            found[:at] = [_taken_back(r) for r in found[:at]]
        before = found[at - 1] if at else reading
        if reading.clause.instead and before.role == reading.role == "act" and before.tool and reading.tool:
            found[at] = replace(reading, role="which", rivals=(before.tool, reading.tool), tool=None, confidence=0.4)
            found[at - 1] = replace(before, role="said", tool=None)
    return found


def _taken_back(reading: Reading) -> Reading:
    return replace(reading, role="refused", tool=None) if reading.role in ("act", "which") else reading
