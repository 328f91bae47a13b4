"""A ranker that was learned: it orders what the fixed weights found by all that speaks for a memory.

None is shipped. `learn_ranker` makes one from questions of which it is known what answers them, such as one's own.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ValidationError, model_validator

from interlock.memory.evidence import Candidates, candidates
from interlock.memory.listwise import fitted
from interlock.memory.ranking import Asked, Hit
from interlock.runtime.errors import BadInput, PolicyBroken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]

SHRINK = 10.0
"""How many questions it takes to move the corrections about half of the way from the fixed weights."""


class Correction(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """What one kind of evidence adds to a score, by how far it is from its mean."""

    evidence: str
    mean: float
    slope: float


class Ranker(BaseModel, frozen=True, extra="forbid"):
    """Corrections to the fixed score."""

    corrections: tuple[Correction, ...]

    @model_validator(mode="after")
    def _knows_its_evidence(self) -> Self:
        if unknown := sorted({part.evidence for part in self.corrections}.difference(_kinds())):
            raise ValueError(f"no such kinds of evidence: {', '.join(unknown)}")
        return self

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a ranker from a JSON file.

        Raises:
            PolicyBroken: the file cannot be read, or holds something else.
        """
        try:
            return cls.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise PolicyBroken(what=str(error), where=str(file), fix="learn the ranker anew") from error

    def save(self, file: Path) -> None:
        """Write it to a JSON file.

        Raises:
            BadInput: nothing can be written there.
        """
        try:
            file.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        except OSError as error:
            fix = "name a file in a folder that can be written"
            raise BadInput(what="the ranker cannot be saved", where=str(error), fix=fix) from error

    def order(self, found: Candidates) -> list[int]:
        """Give the places of candidates, best first; equals keep their order."""
        import numpy as np

        if not found.ids:
            return []
        return [int(place) for place in np.argsort(-self._scores(found), kind="stable")]

    def ranked(self, asked: Asked, hits: Sequence[Hit]) -> list[Hit]:
        """Put hits in another order, best first.

        Scores stay with the places: the best has the best score that the fixed weights gave, and so on. So a least
        score lets through as many as before, whatever was learned.
        """
        order = self.order(candidates(asked, hits))
        return [replace(hits[place], score=hit.score) for place, hit in zip(order, hits, strict=True)]

    def _scores(self, found: Candidates) -> "Row":
        columns = {kind: place for place, kind in enumerate(found.kinds)}
        scores = found.table[:, columns["score"]].copy()
        for part in self.corrections:
            scores += part.slope * (found.table[:, columns[part.evidence]] - part.mean)
        return scores


def learn_ranker(questions: Sequence[tuple[Candidates, Collection[str]]], *, shrink: float = SHRINK) -> Ranker:
    """Learn corrections that lift what answers a question above the rest of its candidates.

    Args:
        questions: candidates, and the ids of those that answer. Questions that no candidate answers teach nothing.
        shrink: how strongly corrections are drawn to zero. Where little was learned from, the fixed weights stand.
    """
    import numpy as np

    usable = [(found, answers) for found, answers in questions if not set(answers).isdisjoint(found.ids)]
    if not usable:
        return Ranker(corrections=())
    kinds = usable[0][0].kinds
    every = np.concatenate([found.table for found, _ in usable])
    means, scales = every.mean(axis=0), every.std(axis=0) + 1e-9
    tables = [(found.table - means) / scales for found, _ in usable]
    wanted = [np.array([float(id in answers) for id in found.ids]) for found, answers in usable]
    fixed = kinds.index("score")
    slopes = fitted(tables, wanted, fixed=fixed, shrink=shrink) * scales[fixed] / scales
    parts = zip(kinds, means.tolist(), slopes.tolist(), strict=True)
    return Ranker(corrections=tuple(Correction(evidence=kind, mean=m, slope=s) for kind, m, s in parts))


@lru_cache(maxsize=1)
def _kinds() -> frozenset[str]:
    import numpy as np

    nothing = Asked(text="", words=(), vectors=np.zeros((0, 1), dtype=np.float32), weights=np.zeros(0))
    return frozenset(candidates(nothing, []).kinds)
