"""A user's vectors in main memory, compared exactly: faster than an index up to many thousands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

NEIGHBOURS = ((1, 0.5), (2, 0.25))
"""How far a turn of the same conversation is away, and how much it counts."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Vectors in the order of their rows."""

    rows: "NDArray[np.int64]"
    turns: "NDArray[np.int64]"
    """Which conversation each belongs to; negative and different for those that stand for themselves."""
    vectors: "Matrix"

    @staticmethod
    def empty() -> "Cloud":
        import numpy as np

        return Cloud(rows=np.zeros(0, np.int64), turns=np.zeros(0, np.int64), vectors=np.zeros((0, 0), np.float32))

    @property
    def last(self) -> int:
        """The highest row; zero where there is none."""
        return int(self.rows[-1]) if len(self.rows) else 0

    def joined(self, places: Sequence[tuple[int, int]], vectors: "Sequence[Matrix]") -> "Cloud":
        """Add vectors.

        Args:
            places: row number and conversation of each vector, in any order.
            vectors: as many of them, each of unit length.
        """
        import numpy as np

        if not places:
            return self
        rows = np.concatenate([self.rows, np.array([row for row, _ in places], dtype=np.int64)])
        turns = np.concatenate([self.turns, np.array([turn for _, turn in places], dtype=np.int64)])
        new = np.stack(vectors).astype(np.float32)
        matrix = np.concatenate([self.vectors, new]) if len(self.rows) else new
        order = np.argsort(rows)
        return Cloud(rows=rows[order], turns=turns[order], vectors=matrix[order])

    def only(self, rows: Collection[int]) -> "Cloud":
        """Leave out all other rows."""
        import numpy as np

        kept = np.isin(self.rows, np.array([*rows], dtype=np.int64))
        return Cloud(rows=self.rows[kept], turns=self.turns[kept], vectors=self.vectors[kept])

    def of(self, rows: Sequence[int]) -> "Matrix":
        """Give the vectors of rows that are here, in that order."""
        import numpy as np

        return self.vectors[np.searchsorted(self.rows, rows)]

    def near(self, vector: "Matrix") -> "Near":
        """Compare a vector with each row and its neighbours: weighted means of cosines."""
        import numpy as np

        if not len(self.rows):
            return Near(rows=self.rows, own=np.zeros(0), cosines=np.zeros(0))
        # einsum stays on this thread; BLAS would wake others, which spin where cores are few.
        cosines = np.einsum("nd,d->n", self.vectors, vector).astype(np.float64)
        if not self._neighbours:
            return Near(rows=self.rows, own=cosines, cosines=cosines)
        total, weight = cosines.copy(), np.ones(len(cosines))
        for step, shares in self._neighbours:
            total[step:] += shares * cosines[:-step]
            total[:-step] += shares * cosines[step:]
            weight[step:] += shares
            weight[:-step] += shares
        return Near(rows=self.rows, own=cosines, cosines=total / weight)

    @cached_property
    def _neighbours(self) -> "list[tuple[int, NDArray[np.float64]]]":
        """Tell how much each row counts for the one so many steps further on; empty where no row has a neighbour."""
        pairs = [(step, share * (self.turns[step:] == self.turns[:-step])) for step, share in NEIGHBOURS]
        return [(step, shares) for step, shares in pairs if shares.any()]


@dataclass(frozen=True, kw_only=True)
class Near:
    """How near each row is to a query."""

    rows: "NDArray[np.int64]"
    """Row numbers, ascending."""
    own: "NDArray[np.float64]"
    """Cosines with each row."""
    cosines: "NDArray[np.float64]"
    """Cosines with each row and its neighbours."""

    def best(self, most: int) -> list[int]:
        """List the nearest rows, best first."""
        import numpy as np

        far = -self.cosines
        first = np.argpartition(far, most - 1)[:most] if most < len(far) else np.arange(len(far))
        found: list[int] = self.rows[first[np.argsort(far[first], kind="stable")]].tolist()
        return found

    def of(self, numbers: Sequence[int]) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """Give the cosines of rows with their neighbours, and alone; none below zero; zero where there is no vector."""
        import numpy as np

        if not len(self.rows):
            return np.zeros(len(numbers)), np.zeros(len(numbers))
        wanted = np.asarray(numbers, dtype=np.int64)
        places = np.minimum(np.searchsorted(self.rows, wanted), len(self.rows) - 1)
        known = self.rows[places] == wanted
        together, alone = (np.where(known, np.maximum(of[places], 0.0), 0.0) for of in (self.cosines, self.own))
        return together, alone
