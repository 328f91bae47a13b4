"""A ranker that was learned: it corrects the fixed weights' scores by what else speaks for a memory.

None is shipped. `learn_ranker` makes one from questions of which it is known what answers them, such as one's own.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ValidationError

from interlock.memory.evidence import Candidates, candidates
from interlock.memory.ranking import Hit
from interlock.runtime.errors import PolicyBroken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.float64]

SHRINK = 0.01
"""How strongly corrections are drawn to zero: where little was learned from, the fixed weights stand."""
ROUNDS, RATE = 500, 0.2


class Correction(BaseModel, frozen=True, extra="forbid"):
    """What one kind of evidence adds to a score, by how far it is from its mean."""

    evidence: str
    mean: float
    slope: float


class Ranker(BaseModel, frozen=True, extra="forbid"):
    """Corrections to the fixed score."""

    corrections: tuple[Correction, ...]

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
        file.write_text(self.model_dump_json(indent=1), encoding="utf-8")

    def order(self, found: Candidates) -> list[tuple[float, str]]:
        """Score candidates, best first: scores between 0 and 1, and ids."""
        scored = [(self._score(evidence), id) for id, evidence in zip(found.ids, found.evidence, strict=True)]
        return sorted(scored, key=lambda pair: -pair[0])

    def ranked(self, query: str, hits: Sequence[Hit]) -> list[Hit]:
        """Score hits anew, best first."""
        by_id = {hit.row["id"]: hit for hit in hits}
        return [replace(by_id[id], score=score) for score, id in self.order(candidates(query, hits))]

    def _score(self, evidence: dict[str, float]) -> float:
        more = sum(part.slope * (evidence.get(part.evidence, part.mean) - part.mean) for part in self.corrections)
        return min(max(evidence["score"] + more, 0.0), 1.0)


def learn_ranker(questions: Sequence[tuple[Candidates, Collection[str]]], *, shrink: float = SHRINK) -> Ranker:
    """Learn corrections that lift what answers a question above the rest of its candidates.

    The loss is that of a softmax over each question's candidates, plus `shrink` times the corrections' squares
    (Cao et al. 2007, ListNet, with the answers as the wanted distribution).

    Args:
        questions: candidates, and the ids of those that answer. Questions that no candidate answers teach nothing.
        shrink: the fewer questions there are, the more of it is needed.
    """
    import numpy as np

    usable = [(found, answers) for found, answers in questions if not set(answers).isdisjoint(found.ids)]
    if not usable:
        return Ranker(corrections=())
    names = list(usable[0][0].evidence[0])
    tables = [np.array([[row[name] for name in names] for row in found.evidence]) for found, _ in usable]
    every = np.concatenate(tables)
    means, scales = every.mean(axis=0), every.std(axis=0) + 1e-9
    wanted = [np.array([float(id in answers) for id in found.ids]) for found, answers in usable]
    fixed = names.index("score")
    slopes = _descended([(table - means) / scales for table in tables], wanted, fixed, shrink) * scales[fixed] / scales
    parts = zip(names, means, slopes, strict=True)
    return Ranker(corrections=tuple(Correction(evidence=n, mean=float(m), slope=float(s)) for n, m, s in parts))


def _descended(tables: "list[Table]", wanted: "list[Table]", fixed: int, shrink: float) -> "Table":
    """Descend the loss's gradient; the fixed score counts as it stands, and is corrected as the rest is."""
    import numpy as np

    longest = max(len(table) for table in tables)
    width = tables[0].shape[1]
    rows = np.zeros((len(tables), longest, width))
    there = np.zeros((len(tables), longest))
    shares = np.zeros((len(tables), longest))
    for i, (table, answers) in enumerate(zip(tables, wanted, strict=True)):
        rows[i, : len(table)], there[i, : len(table)] = table, 1
        shares[i, : len(table)] = answers / answers.sum()
    weights = np.zeros(width)
    for _ in range(ROUNDS):
        scores = rows[:, :, fixed] + rows @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True)) * there
        missed = odds / odds.sum(axis=1, keepdims=True) - shares
        weights -= RATE * (np.einsum("qn,qnd->d", missed, rows) / len(tables) + 2 * shrink * weights)
    return weights
