"""Select tools by words and meaning together."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from interlock.runtime.contract import ToolContract
from interlock.runtime.models.embeddings import Embedder
from interlock.tools.selection.closeness import Closeness
from interlock.tools.selection.cues import Cues
from interlock.tools.selection.readings import readings
from interlock.tools.selection.spelling import Spelling
from interlock.tools.selection.words import Words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Places = NDArray[np.intp]

_CLAUSE: Final = re.compile(r"(?<=[.!?;\n])\s+|\n+|,? (?:and )?then |, and (?=[a-z]+ )")
_CLAUSES: Final = 12
_LONG_ENOUGH: Final = 8
_WORDS, _SUMMARY, _WHOLE, _NAME = 0.3, 0.5, 0.6, 0.8
_CUES, _CLAUSE_RANK = 1.0, 0.5
_CUES_REFINED, _CLAUSE_RANK_REFINED, _PURPOSE, _REQUEST, _SPELT = 1.7, 3.8, 11.5, 12.0, 3.7
"""Weights of the parts of a score: fitted on half of BFCL's requests, and rounded (docs/decisions/0008)."""
_REFINED: Final = 100
"""Tools that are compared piece by piece: those that fit best by the other parts."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    """All tools, as MiniLM reads them."""

    summaries: "Floats"
    wholes: "Floats"
    closeness: Closeness


class Selector:
    """Ranks tools for a text, by BM25 and sentence vectors, each standardised over all tools, and by what is at hand.

    The first of them are compared with the text piece by piece, and by how their names are spelt.

    Args:
        contracts: all tools.
        embedder: gives meaning; its vectors of the tools are made with the first text.
        keep: how many tools to select, pinned ones included.
        pinned: names of tools that are always selected.
        store: a file that keeps the tools' vectors; None: they are made anew in each process.
    """

    def __init__(
        self,
        contracts: Sequence[ToolContract],
        embedder: Embedder,
        *,
        keep: int = 8,
        pinned: Sequence[str] = (),
        store: Path | None = None,
    ) -> None:
        self._contracts = contracts
        self._embedder = embedder
        self._keep = keep
        self._pinned = [each for each in contracts if each.name in pinned]
        self._store = store
        self._words = Words(contracts)
        self._cues = Cues(contracts)
        self._spelling = Spelling([each.name for each in contracts])
        self._read: _Read | None = None
        self._lock = threading.Lock()

    def select(self, text: str, used: Sequence[str] = ()) -> list[ToolContract]:
        """Give the pinned tools, those just used, then those that fit best, best first; few enough as they are."""
        if len(self._contracts) <= self._keep:
            return list(self._contracts)
        pinned = {each.name for each in self._pinned}
        others = [each for each in self.ranked(text) if each.name not in pinned]
        others.sort(key=lambda each: each.name not in used)
        return [*self._pinned, *others][: max(self._keep, len(self._pinned))]

    def ranked(self, text: str) -> list[ToolContract]:
        """Order all tools, those that fit best first; equals keep their order."""
        import numpy as np

        clauses = [part.strip() for part in _CLAUSE.split(text) if len(part.strip()) > _LONG_ENOUGH][:_CLAUSES]
        vectors = self._embedder.embed([text, *clauses])
        score = self._score(text, vectors[0])
        cues = np.asarray(self._cues.scores(text), dtype=np.float32)
        ranks = self._clause_ranks(clauses, vectors[1:])
        order = _order(score + _CUES * cues + _CLAUSE_RANK * ranks)
        first = order[:_REFINED]
        closer = score + _CUES_REFINED * cues + _CLAUSE_RANK_REFINED * ranks
        refined = closer[first] + self._close(text, first)
        return [self._contracts[place] for place in (*first[_order(refined)], *order[_REFINED:])]

    def _clause_ranks(self, clauses: Sequence[str], vectors: "Floats") -> "Floats":
        """Give 1/rank in the clause in which each tool ranks best; 0 where there is one clause only."""
        import numpy as np

        if not clauses[1:]:
            return np.zeros(len(self._contracts), dtype=np.float32)
        parts = [self._score(clause, vector) for clause, vector in zip(clauses, vectors, strict=True)]
        return np.asarray(np.max([_reciprocal_ranks(part) for part in parts], axis=0), dtype=np.float32)

    def _score(self, text: str, vector: "Floats") -> "Floats":
        import numpy as np

        read = self._tools()
        words = np.asarray(self._words.scores(text), dtype=np.float32)
        names = np.asarray(self._words.coverage(text), dtype=np.float32)
        meaning = _SUMMARY * _standard(read.summaries @ vector) + _WHOLE * _standard(read.wholes @ vector)
        return np.asarray(_WORDS * _standard(words) + _NAME * names + meaning, dtype=np.float32)

    def _close(self, text: str, places: "Places") -> "Floats":
        """Look at the tools in some places piece by piece."""
        import numpy as np

        [asked] = self._embedder.tokens([text])
        purposes, requests = self._tools().closeness.of(asked, places)
        spelt = np.asarray(self._spelling.shares(text), dtype=np.float32)[places]
        return np.asarray(_PURPOSE * purposes + _REQUEST * requests + _SPELT * spelt, dtype=np.float32)

    def _tools(self) -> _Read:
        with self._lock:
            if self._read is None:
                self._read = self._made()
            return self._read

    def _made(self) -> _Read:
        import numpy as np

        found = readings(self._contracts, self._embedder, self._store)
        return _Read(
            summaries=np.stack([each.summary for each in found]),
            wholes=np.stack([each.whole for each in found]),
            closeness=Closeness(found),
        )


def _order(scores: "NDArray[np.floating[Any]]") -> "Places":
    """Put the best first. Rounded, so that what is as good as equal is in the same order on every machine."""
    import numpy as np

    return np.argsort(-np.round(scores, 4), kind="stable")


def _reciprocal_ranks(scores: "Floats") -> "Floats":
    """Give 1 for the best, 1/2 for the next, and so on: each part of a request has its own first tool."""
    import numpy as np

    ranks = np.empty(len(scores), dtype=np.float32)
    ranks[_order(scores)] = np.arange(1, len(scores) + 1)
    return np.asarray(1 / ranks, dtype=np.float32)


def _standard(values: "Floats") -> "Floats":
    """Give values in standard deviations from their mean."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread else values * 0
