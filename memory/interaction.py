"""What the words of a query find in candidates and in the turns around them: kinds of evidence, by name."""

from typing import TYPE_CHECKING

from interlock.memory.ranking import Asked, likeness
from interlock.memory.stopwords import STOPWORDS
from interlock.memory.talks import Talks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]

FOUND, SURELY = 0.5, 0.7
"""Cosines from which on a word counts as found."""
AROUND = {"before": (-1,), "after": (1,), "beside": (-1, 1), "around": (-2, -1, 1, 2)}
"""With which turns a candidate is read together."""


def interaction(asked: Asked, best: "Row", talks: Talks, names: frozenset[str]) -> "dict[str, Row]":
    """Compare a query with candidates word by word.

    Args:
        asked: the query.
        best: the best cosine of each piece of the query in each candidate, shape (pieces, candidates).
        talks: the candidates.
        names: of those who speak; what is asked about them is not found by their names.
    """
    import numpy as np

    telling = asked.weights * _telling(asked.words, names)
    own = likeness(best, telling)
    joint = {
        name: np.maximum.reduce([best, *(talks.shifted(best, n) for n in steps)]) for name, steps in AROUND.items()
    }
    return {
        "telling": own,
        "telling, every word alike": likeness(best, np.sign(telling)),
        "telling, least word": best[telling > 0].min(axis=0, initial=1.0),
        "telling, found": likeness((best > FOUND).astype(float), telling),
        "telling, surely found": likeness((best > SURELY).astype(float), telling),
        **{f"telling, at {n:+d}": talks.shifted(own, n) for n in AROUND["around"]},
        **{f"meaning with {name}": likeness(more, asked.weights) for name, more in joint.items()},
        **{f"telling with {name}": likeness(more, telling) for name, more in joint.items()},
    }


def _telling(pieces: tuple[str, ...], names: frozenset[str]) -> "Row":
    """Mark the pieces of words that are neither common, nor punctuation, nor the name of one who speaks."""
    import numpy as np

    words: list[list[int]] = []
    for place, piece in enumerate(pieces):
        if piece.startswith("##") and words:
            words[-1].append(place)
        else:
            words.append([place])
    marks = np.zeros(len(pieces))
    for word in words:
        whole = "".join(pieces[place].removeprefix("##") for place in word)
        marks[word] = whole.isalnum() and whole not in STOPWORDS and whole not in names
    return marks
