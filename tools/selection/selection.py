"""Select tools by words and meaning together."""

import os
import re
import threading
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from zipfile import BadZipFile

from interlock.runtime.contract import ToolContract
from interlock.tools.selection.cues import Cues
from interlock.tools.selection.words import Words, document, spaced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_CLAUSE: Final = re.compile(r"(?<=[.!?;\n])\s+|\n+|,? (?:and )?then |, and (?=[a-z]+ )")
_CLAUSES: Final = 12
_LONG_ENOUGH: Final = 8
_WORDS, _SUMMARY, _WHOLE, _NAME, _CLAUSE_RANK = 0.3, 0.5, 0.6, 0.8, 0.5
"""Weights of the parts of a score: fitted on half of BFCL's requests, and rounded (docs/decisions/0008)."""


class Embedder(Protocol):
    """Turns text into vectors of unit length."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str], /) -> "Floats": ...


class Selector:
    """Ranks tools for a text, by BM25 and sentence vectors, each standardised over all tools, and by what is at hand.

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
        self._vectors: tuple[Floats, Floats] | None = None
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
        score += np.asarray(self._cues.scores(text), dtype=np.float32)
        if len(clauses) > 1:
            parts = [self._score(clause, vector) for clause, vector in zip(clauses, vectors[1:], strict=True)]
            score += _CLAUSE_RANK * np.max([_reciprocal_ranks(part) for part in parts], axis=0)
        # Rounded, so that what is as good as equal is in the same order on every machine.
        return [self._contracts[place] for place in np.argsort(-np.round(score, 4), kind="stable")]

    def _score(self, text: str, vector: "Floats") -> "Floats":
        import numpy as np

        summaries, wholes = self._tools()
        words = np.asarray(self._words.scores(text), dtype=np.float32)
        names = np.asarray(self._words.coverage(text), dtype=np.float32)
        meaning = _SUMMARY * _standard(summaries @ vector) + _WHOLE * _standard(wholes @ vector)
        return np.asarray(_WORDS * _standard(words) + _NAME * names + meaning, dtype=np.float32)

    def _tools(self) -> "tuple[Floats, Floats]":
        with self._lock:
            if self._vectors is None:
                self._vectors = self._made()
            return self._vectors

    def _made(self) -> "tuple[Floats, Floats]":
        summaries = [f"{spaced(each.name)}: {each.description}" for each in self._contracts]
        wholes = [document(each) for each in self._contracts]
        vectors = self._embedded([*summaries, *wholes])
        return vectors[: len(summaries)], vectors[len(summaries) :]

    def _embedded(self, texts: list[str]) -> "Floats":
        """Embed texts, but for those whose vectors are in the store."""
        import numpy as np

        keys = [sha256(f"{self._embedder.name}\0{text}".encode("utf-8", "replace")).hexdigest() for text in texts]
        kept = _load(self._store)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in kept}
        if missing:
            kept.update(zip(missing, self._embedder.embed(list(missing.values())), strict=True))
            _save(self._store, {key: kept[key] for key in dict.fromkeys(keys)})
        return np.stack([kept[key] for key in keys])


def _reciprocal_ranks(scores: "Floats") -> "Floats":
    """Give 1 for the best, 1/2 for the next, and so on: each part of a request has its own first tool."""
    import numpy as np

    ranks = np.empty(len(scores), dtype=np.float32)
    ranks[np.argsort(-np.round(scores, 4), kind="stable")] = np.arange(1, len(scores) + 1)
    return np.asarray(1 / ranks, dtype=np.float32)


def _standard(values: "Floats") -> "Floats":
    """Give values in standard deviations from their mean."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread else values * 0


def _load(store: Path | None) -> "dict[str, Floats]":
    import numpy as np

    if store is None or not store.exists():
        return {}
    try:
        with np.load(store, allow_pickle=False) as kept:
            return dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))
    except (OSError, ValueError, KeyError, BadZipFile):
        return {}  # a store that cannot be read is made anew


def _save(store: Path | None, vectors: "dict[str, Floats]") -> None:
    import numpy as np

    if store is None:
        return
    part = store.with_suffix(f".{os.getpid()}.part.npz")  # two processes may write at once
    np.savez(part, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
    part.replace(store)
