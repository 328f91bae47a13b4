"""From a request to a plan: steps with conditions and criteria, or the questions to ask first.

A plan never holds an effect while something about the request is still open: the user's answer is read together with
the whole request, and an effect that had been done already would then be done again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from interlock.runtime.models.embedded.catalogue import Catalogue
from interlock.runtime.models.embedded.conversation import Talk
from interlock.runtime.models.embedded.desk import Desk
from interlock.runtime.models.embedded.ranking import Meaning
from interlock.runtime.models.embedded.reading import Reading, readings
from interlock.runtime.models.embedded.scene import set_scene
from interlock.runtime.plan import Plan, Step

LOST, ASKING = 0.2, 0.5
"""How sure a draft is at most, where no tool fits a clause, or a question is open."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A plan with what it was made of."""

    readings: tuple[Reading, ...]
    steps: tuple[Step, ...] = ()
    served: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    """Ids of the steps that answer each reading."""
    questions: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """How sure the weakest part is."""
        roles = [r.role for r in self.readings]
        known = [r.confidence for r in self.readings if r.role in ("act", "look", "search", "which")]
        lost = "unknown" in roles or all(role == "said" for role in roles)
        return min([*known, LOST if lost else 1.0, ASKING if self.questions else 1.0])

    def plan(self) -> Plan:
        return Plan(steps=self.steps, question=" ".join(self.questions))


def make_draft(talk: Talk, tools: Catalogue, meaning: Meaning | None, today: date | None = None) -> Draft:
    """Plan what the user asks for."""
    scene = set_scene(talk, tools, meaning, today)
    found, desk = readings(scene), Desk(scene=scene)
    for at, reading in enumerate(found):
        desk.take(at, reading)
    return Draft(
        readings=tuple(found),
        steps=_harmless(found, desk) if desk.questions else tuple(desk.steps),
        served={at: tuple(ids) for at, ids in desk.served.items()},
        questions=tuple(dict.fromkeys(desk.questions)),
    )


def _harmless(found: list[Reading], desk: Desk) -> tuple[Step, ...]:
    """Keep the steps that answer a question, with what they need; effects wait until nothing is open."""
    asked = [ids for at, ids in desk.served.items() if (tool := found[at].tool) and tool.read_only]
    kept = {id for ids in asked for id in ids}
    kept |= {needed for step in desk.steps if step.id in kept for needed in step.needs()}
    return tuple(step for step in desk.steps if step.id in kept)


def as_json(plan: Plan) -> dict[str, Any]:
    """Write a plan the way a model writes tool arguments."""
    return plan.model_dump(mode="json", exclude_defaults=True)
