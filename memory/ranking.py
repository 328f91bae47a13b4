"""Order candidates by the evidence for each: likeness of every word's meaning, words found, neighbours, who spoke.

Late interaction: every word of the query looks for the most alike word of a text, in its context (Khattab and Zaharia
2020, ColBERT), and counts by how rare it is. The weights were chosen on five conversations (docs/decisions/0009).
"""

import math
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from interlock.memory.cloud import Near
from interlock.memory.dates import fits
from interlock.memory.projection import SCALE, unpacked
from interlock.memory.wording import speaker_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Row = NDArray[np.float64]

WORDS, NEAR, SPEAKER, DAY, ANSWER = 0.3, 0.3, 0.15, 0.2, 0.1
MEANING = 0.7
PRIOR_ROWS = 20
"""As if so many texts without any rare word had been seen: a memory of three rows knows no frequencies."""
PRIOR_SHARE = 0.8
HALF_LIFE = timedelta(days=30)
AT_ONCE = 512
"""So many tokens are compared together: as numbers they fit the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A query, as the ranking sees it."""

    text: str
    words: tuple[str, ...]
    """The tokenizer's pieces."""
    vectors: "Matrix"
    """One small unit row for each piece."""
    weights: "Row"
    """How much each piece counts."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A row that may answer, its score between 0 and 1, and the evidence."""

    row: sqlite3.Row
    score: float
    meaning: float
    words: float
    near: float | None
    """The cosine with the text and its neighbours; None where vectors could not be asked."""
    alone: float | None
    """The cosine with the text alone."""
    best: "Row"
    """The best cosine of each of the query's pieces."""

    @property
    def why(self) -> str:
        near = "vectors not asked" if self.near is None else f"neighbourhood {self.near:.2f}"
        return f"meaning {self.meaning:.2f}, words {self.words:.2f}, {near}"


def weights(pieces: Sequence[str], rows: int, rows_with: Mapping[str, int], common: frozenset[str]) -> "Row":
    """Weigh pieces by rarity (inverse document frequency, smoothed by a prior that knows the common words)."""
    import numpy as np

    total = rows + PRIOR_ROWS

    def weight(piece: str) -> float:
        seen = rows_with.get(piece, 0) + (
            PRIOR_SHARE * PRIOR_ROWS if piece in common or not piece.strip("#?!.,'") else 0
        )
        return math.log(1 + (total - min(seen, total) + 0.5) / (seen + 0.5))

    return np.array([weight(piece) for piece in pieces])


def nearest(asked: Asked, blobs: "list[bytes]") -> "Row":
    """Compare the query with each text, word by word: each piece's best cosine, shape (pieces, texts)."""
    import numpy as np

    rows, counts = unpacked(blobs, asked.vectors.shape[1])
    if not asked.words or not len(rows):
        return np.zeros((len(asked.words), len(blobs)))
    some = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
    alike = np.concatenate([np.einsum("qd,nd->qn", asked.vectors, part.astype(np.float32)) for part in some], axis=1)
    starts = np.minimum(np.cumsum(counts) - counts, alike.shape[1] - 1)
    best = np.where(counts == 0, 0.0, np.maximum.reduceat(alike, starts, axis=1))
    return np.asarray(np.maximum(best, 0.0) / SCALE)


def likeness(best: "Row", weights: "Row") -> "Row":
    """Weigh what `nearest` gave: one number for each text."""
    import numpy as np

    return np.asarray(weights @ best / max(float(weights.sum()), 1e-9))


def rank(asked: Asked, rows: Sequence[sqlite3.Row], *, words: Mapping[int, float], near: Near | None) -> Iterator[Hit]:
    """Score rows, best first.

    Args:
        asked: the query.
        rows: candidates, with their token vectors.
        words: BM25 by row number, for those that hold a word of the query.
        near: cosines with the texts and their neighbours; None where vectors could not be asked.
    """
    import numpy as np

    if not rows:
        return iter(())
    best = nearest(asked, [row["vectors"] for row in rows])
    meaning = likeness(best, asked.weights)
    numbers = [row["row"] for row in rows]
    found = np.maximum([words.get(number, 0.0) for number in numbers], 0.0)
    found = found / max(found.max(), 1e-9)
    close, alone = (np.zeros(len(rows)), np.zeros(len(rows))) if near is None else near.of(numbers)
    named = _named(asked.text, [row["text"] for row in rows])
    dated = fits(asked.text, [row["valid_from"] for row in rows])
    scores = MEANING * meaning + meaning.max() * (WORDS * found + NEAR * close + SPEAKER * named + DAY * dated)
    most = MEANING + WORDS + (0.0 if near is None else NEAR)
    scores = np.minimum(_answers(rows, scores) / most, 1.0)
    order: list[int] = np.lexsort((numbers, -scores)).tolist()
    # Hits are made as they are read: hardly ever are all of them.
    return (
        Hit(
            row=rows[i],
            score=float(scores[i]),
            meaning=float(meaning[i]),
            words=float(found[i]),
            near=None if near is None else float(close[i]),
            alone=None if near is None else float(alone[i]),
            best=best[:, i],
        )
        for i in order
    )


def aged(hits: Iterable[Hit], share: float, now: datetime) -> list[Hit]:
    """Raise what was learned lately and lower what is old, by at most a share of the score; best first."""

    def factor(hit: Hit) -> float:
        age = max(now - datetime.fromisoformat(hit.row["learned_at"]), timedelta())
        return 1 + share * (2 * math.pow(0.5, age / HALF_LIFE) - 1)

    weighed = [replace(hit, score=min(hit.score * factor(hit), 1.0)) for hit in hits]
    return sorted(weighed, key=lambda hit: -hit.score)


def _named(query: str, texts: Sequence[str]) -> "Row":
    """Mark texts whose speaker (`Name: ...`) the query names, where that tells some from others."""
    import numpy as np

    asked = set(re.findall(r"\w+", query.casefold()))
    named = np.array([not asked.isdisjoint(speaker_of(text)[0].split()) for text in texts], dtype=float)
    return np.zeros(len(texts)) if named.min() else named


def _answers(rows: Sequence[sqlite3.Row], scores: "Row") -> "Row":
    """Let what follows a question have part of the question's score: it may well be the answer."""
    place = {row["row"]: i for i, row in enumerate(rows)}
    raised = scores.copy()
    for i, row in enumerate(rows):
        before = place.get(row["previous"])
        if before is not None and rows[before]["text"].rstrip().endswith("?"):
            raised[i] += ANSWER * scores[before]
    return raised
