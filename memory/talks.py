"""How candidates lie in their conversations: which comes before which, and which belong together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]
    Places = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Talks:
    """Candidates in their conversations. What stands for itself is a conversation of its own."""

    rows: "Sequence[sqlite3.Row]"

    @cached_property
    def before(self) -> "Places":
        """The place of the turn before each, -1 where it is no candidate."""
        import numpy as np

        places = {row["row"]: place for place, row in enumerate(self.rows)}
        return np.array([places.get(row["previous"], -1) for row in self.rows], dtype=np.intp)

    @cached_property
    def after(self) -> "Places":
        """The place of the turn after each, -1 where it is no candidate."""
        import numpy as np

        after = np.full(len(self.rows), -1, dtype=np.intp)
        known = np.flatnonzero(self.before >= 0)
        after[self.before[known]] = known
        return after

    @cached_property
    def talk_of(self) -> "Places":
        """A number for each conversation."""
        import numpy as np

        codes: dict[object, int] = {}
        found = [
            (row["agent"], row["run"]) if row["kind"] == "episode" and row["run"] else row["row"] for row in self.rows
        ]
        return np.array([codes.setdefault(talk, len(codes)) for talk in found], dtype=np.intp)

    def shifted(self, values: "Row", steps: int) -> "Row":
        """Give each turn the value of the one so many steps further on in its conversation, or back; 0 for none.

        Args:
            values: shape (..., turns).
            steps: negative: back.
        """
        import numpy as np

        link = self.before if steps < 0 else self.after
        for _ in range(abs(steps)):
            values = np.where(link >= 0, values[..., link], 0.0)
        return values

    def together(self, values: "Row", gathered: "Callable[[Row], float]") -> "Row":
        """Give each turn what is gathered from the values of its conversation's candidates."""
        import numpy as np

        found = np.zeros(len(self.rows))
        for talk in range(int(self.talk_of.max(initial=-1)) + 1):
            inside = self.talk_of == talk
            found[inside] = gathered(values[inside])
        return found
