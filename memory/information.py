"""How much a text tells: rare words, names and numbers tell much; greetings, thanks and questions next to nothing."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from interlock.memory.frames import frame_of

_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def information(texts: Sequence[str]) -> list[float]:
    """Measure what each text states, against the others: the information of its telling words, in nats.

    A word that stands in one text of a hundred counts ln 100, one that stands in all counts next to nothing (Shannon
    1948; as inverse document frequency, Sparck Jones 1972). Words of questions do not count: they state nothing.
    """
    stated = [_stated(text) for text in texts]
    texts_with = Counter(word for words in stated for word in words)
    return [sum(math.log((len(texts) + 1) / texts_with[word]) for word in words) for words in stated]


def _stated(text: str) -> frozenset[str]:
    frame = frame_of(" ".join(part for part in _SENTENCE.split(text) if not part.rstrip().endswith("?")))
    return frame.words | set(frame.numbers)
