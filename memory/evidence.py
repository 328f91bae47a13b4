"""What speaks for each candidate, as numbers: what a ranker can learn to weigh."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interlock.memory.dates import fits
from interlock.memory.interaction import interaction
from interlock.memory.ranking import Asked, Hit
from interlock.memory.talks import Talks
from interlock.memory.wording import FITTING, TEXTS, Wording, kinds_of, wording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]
    Table = NDArray[np.float64]

FIRST = 10
"""What stands behind so many others is hardly ever seen."""
STEPS = (-2, -1, 1, 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """What may answer a query, best first by the fixed weights."""

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    """The kinds of evidence."""
    table: "Table"
    """Shape (len(ids), len(kinds))."""

    @staticmethod
    def none() -> "Candidates":
        import numpy as np

        return Candidates(ids=(), kinds=(), table=np.zeros((0, 0)))


def candidates(asked: Asked, hits: Sequence[Hit]) -> Candidates:
    """Tell what speaks for each hit. Hits come best first."""
    import numpy as np

    talks = Talks(rows=[hit.row for hit in hits])
    texts = [wording(row["text"]) for row in talks.rows]
    names = frozenset(name for text in texts for name in text.speaker.split())
    best = np.array([hit.best for hit in hits]).reshape(len(hits), len(asked.words)).T
    found = _whole(hits) | interaction(asked, best, talks, names)
    found |= {name: talks.shifted(found[kind], n) for kind, n, name in _beside()} | _talk(talks, found)
    found |= _said(talks, texts, found) | _people(asked.text, talks, texts) | _fitting(asked.text, texts)
    found["from the day"] = fits(asked.text, [row["valid_from"] for row in talks.rows])
    return Candidates(
        ids=tuple(hit.row["id"] for hit in hits), kinds=tuple(found), table=np.stack(list(found.values()), axis=1)
    )


def _whole(hits: Sequence[Hit]) -> "dict[str, Row]":
    """Give what the fixed weights go by, and what they make of it."""
    import numpy as np

    score = np.array([hit.score for hit in hits])
    tenth = score[min(FIRST, len(hits)) - 1] if hits else 0.0
    return {
        "score": score,
        "score to the best": score / max(score.max(initial=0.0), 1e-9),
        "score over the tenth": score - tenth,
        "place": np.log1p(np.arange(len(hits), dtype=float)),
        "meaning": np.array([hit.meaning for hit in hits]),
        "words": np.array([hit.words for hit in hits]),
        "near": np.array([hit.near or 0.0 for hit in hits]),
        "alone": np.array([hit.alone or 0.0 for hit in hits]),
    }


def _beside() -> list[tuple[str, int, str]]:
    return [(kind, n, f"{kind}, at {n:+d}") for kind in ("score", "alone") for n in STEPS]


def _talk(talks: Talks, found: "dict[str, Row]") -> "dict[str, Row]":
    """Give the best of each conversation, and the mean of its best three."""
    import numpy as np

    kinds = ("score", "meaning", "alone")
    best = {f"{kind}, best of the talk": talks.together(found[kind], np.max) for kind in kinds}
    return best | {f"{kind}, best three of the talk": talks.together(found[kind], _best_three) for kind in kinds}


def _best_three(values: "Row") -> float:
    import numpy as np

    return float(np.sort(values)[-3:].mean())


def _said(talks: Talks, texts: Sequence[Wording], found: "dict[str, Row]") -> "dict[str, Row]":
    """Give what the texts are like, and whether they follow a question."""
    import numpy as np

    counts = {name: np.array([text.counts[name] for text in texts]) for name in TEXTS}
    asks = np.array([float(text.asks) for text in texts])
    after, after_any = talks.shifted(asks, -1), talks.shifted(counts["questions"], -1)
    return counts | {
        "length": np.array([text.length for text in texts]),
        "telling words": np.array([text.telling for text in texts]),
        "asks": asks,
        "opens": np.array([float(row["previous"] is None) for row in talks.rows]),
        "answers": after,
        "answers one of its questions": after_any,
        "answers what is meant": after * talks.shifted(found["meaning"], -1),
        "answers what tells": after_any * talks.shifted(found["telling"], -1),
        "answers what scores": after_any * talks.shifted(found["score"], -1),
    }


def _people(query: str, talks: Talks, texts: Sequence[Wording]) -> "dict[str, Row]":
    """Give who speaks, of whom, where the query names just one of those who speak."""
    import numpy as np

    words = frozenset(re.findall(r"\w+", query.casefold()))
    named = {text.speaker for text in texts if not words.isdisjoint(text.speaker.split())}
    about = words.intersection(next(iter(named)).split()) if len(named) == 1 else frozenset[str]()
    speaks = np.array([float(text.speaker in named) if about else 0.5 for text in texts])
    first, second = (np.array([text.counts[name] for text in texts]) for name in ("first person", "second person"))
    return {
        "the one asked about speaks": speaks,
        "the one asked about spoke before": talks.shifted(speaks, -1),
        "the one asked about is named": np.array([float(not about.isdisjoint(text.words)) for text in texts]),
        "the one asked about speaks in the first person": first * (speaks == 1),
        "the one asked about speaks to another": second * (speaks == 1),
        "another speaks to the one asked about": second * (speaks == 0),
    }


def _fitting(query: str, texts: Sequence[Wording]) -> "dict[str, Row]":
    """Give what the kind of question looks for."""
    import numpy as np

    asked = kinds_of(query)
    return {
        f"{kind}: {name}": np.array([text.counts[name] * (kind in asked) for text in texts]) for kind, name in FITTING
    }
