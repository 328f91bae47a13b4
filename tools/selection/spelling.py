"""Find tools by how their names are spelt: `EventQuery` in "query my events", and in a request with a slip in it."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from interlock.tools.selection.words import spaced, words_in

_LONG: Final = 4
"""Letters in a row that are compared; a word's beginning and end count as letters."""


class Spelling:
    """An index of names by their runs of letters.

    Args:
        names: of all tools.
    """

    def __init__(self, names: Sequence[str]) -> None:
        own = [_runs(spaced(name)) for name in names]
        counts = Counter(run for runs in own for run in runs)
        self._tools: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        self._count = len(names)
        for tool, runs in enumerate(own):
            weights = {run: math.log(1 + self._count / counts[run]) for run in sorted(runs)}
            for run, weight in weights.items():
                self._tools[run].append((tool, weight / sum(weights.values())))

    def shares(self, text: str) -> list[float]:
        """Tell how much of each tool's name, by rarity, is spelt in the text: 0 to 1."""
        found = [0.0] * self._count
        for run in sorted(_runs(text)):
            for tool, share in self._tools.get(run, ()):
                found[tool] += share
        return found


def _runs(text: str) -> set[str]:
    edged = [f"#{word}#" for word in words_in(text)]
    return {word[at : at + _LONG] for word in edged for at in range(len(word) - _LONG + 1)}
