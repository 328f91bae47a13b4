"""Compare a request with tools piece by piece.

Late interaction: every piece of one side looks for the most alike piece of the other, in its context (Khattab and
Zaharia 2020, ColBERT), and counts by how rare it is among the tools.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from interlock.runtime.models.embeddings import TokenVectors
from interlock.tools.selection.readings import SCALE, Reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class Closeness:
    """An index of tools by piece."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        import numpy as np

        self._readings = readings
        self._counts = Counter(piece for each in readings for piece in set(each.pieces))
        self._weights = [np.array([self._weight(piece) for piece in each.pieces]) for each in readings]

    def of(self, asked: TokenVectors, tools: "Sequence[int] | NDArray[np.intp]") -> "tuple[Floats, Floats]":
        """Tell how far the request speaks of what each tool is for, and how far each tool speaks of the request."""
        import numpy as np

        if not asked.words:
            return np.zeros(len(tools), dtype=np.float32), np.zeros(len(tools), dtype=np.float32)
        chosen = [self._readings[tool] for tool in tools]
        rows = np.concatenate([each.rows for each in chosen]).astype(np.float32) / np.float32(SCALE)
        alike = rows @ asked.vectors.T
        starts = list(accumulate((len(each.pieces) for each in chosen[:-1]), initial=0))
        best = alike.max(axis=1)
        purposes = [
            np.average(best[start : start + each.head], weights=self._weights[tool][: each.head])
            for start, each, tool in zip(starts, chosen, tools, strict=True)
        ]
        weights = np.array([self._weight(piece) for piece in asked.words])
        requests = np.maximum.reduceat(alike, starts, axis=0) @ weights / weights.sum()
        return np.asarray(purposes, dtype=np.float32), np.asarray(requests, dtype=np.float32)

    def _weight(self, piece: str) -> float:
        count = self._counts[piece]
        return math.log(1 + (len(self._readings) - count + 0.5) / (count + 0.5))
