"""What a text says, reduced to what can be compared: its telling words, whether it affirms or denies, its numbers.

Two texts about the same thing, of which one denies what the other affirms, or that differ in their numbers alone,
contradict each other. Nothing here understands language: what is put in other words is not noticed.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from interlock.memory.stopwords import STOPWORDS

_WORD = re.compile(r"\d+(?:[.,:]\d+)*|\w+(?:['’-]\w+)*")
_NEGATIONS = frozenset(_WORD.findall("not no never neither nor without hardly cannot nothing nobody none"))
_OPPOSITES = {
    word: (name, affirms)
    for name, affirming, denying in (
        ("like", "like love enjoy adore fancy", "dislike hate detest loathe"),
        ("open", "open", "closed close shut"),
        ("allow", "allow allowed permit permitted", "forbid forbidden prohibited"),
        ("able", "can able", "unable"),
        ("with", "have has own owns", "lack lacks"),
        ("always", "always", "seldom rarely"),
        ("true", "true correct right", "false incorrect wrong"),
        ("on", "enabled active", "disabled inactive"),
        ("ok", "ok okay fine", "bad"),
    )
    for words, affirms in ((affirming, True), (denying, False))
    for word in words.split()
}
_FRAMING = frozenset(
    _WORD.findall(
        "remember recall know noted note said say says told tell mentioned according earlier previously last time also"
        " just really very already please thank thanks yes i'm im you're you've i've it's that's am i'd i'll"
    )
)
"""Words that stand around a statement and add nothing to it."""
_ENDING = re.compile(r"(?:'s|ing|ied|ed|es|s)$")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a text says."""

    words: frozenset[str]
    """Stems of its telling words."""
    affirms: bool
    numbers: tuple[str, ...]

    @property
    def key(self) -> str | None:
        """Digest of what it is about: the same for texts that may contradict each other; None for empty ones."""
        return sha256(" ".join(sorted(self.words)).encode()).hexdigest()[:16] if self.words else None

    def contradicts(self, other: "Frame") -> bool:
        """Tell whether both cannot hold, of frames with the same key."""
        numbers_differ = bool(self.numbers and other.numbers) and self.numbers != other.numbers
        return (self.affirms != other.affirms) != numbers_differ

    def adds_nothing_to(self, other: "Frame") -> bool:
        """Tell whether nearly all that it says stands in the other."""
        said, known = self.words | set(self.numbers), other.words | set(other.numbers)
        return len(said - known) * 5 <= len(said)


def frame_of(text: str) -> Frame:
    """Read what a text says."""
    words: set[str] = set()
    numbers: list[str] = []
    affirms = True
    for word in _WORD.findall(text.casefold().replace("’", "'")):
        if word[0].isdigit():
            numbers.append(word)
        elif word in _NEGATIONS or word.endswith("n't"):
            affirms = not affirms
        elif (found := _OPPOSITES.get(word) or _OPPOSITES.get(word.removesuffix("s"))) is not None:
            words.add(found[0])
            affirms = affirms == found[1]
        elif word not in STOPWORDS and word not in _FRAMING:
            words.add(_stem(word))
    return Frame(words=frozenset(words), affirms=affirms, numbers=tuple(numbers))


def _stem(word: str) -> str:
    return _ENDING.sub("", word).rstrip("e") or word
