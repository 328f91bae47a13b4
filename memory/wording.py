"""What can be told of a text, and of a question, by its wording."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from interlock.memory.stopwords import STOPWORDS

SPEAKER_ENDS = 40
"""By which character the `: ` after a speaker's name has come."""
YEAR = 4
"""How many digits are taken for a year."""
MOST = 3
"""More of a kind says nothing more."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _any(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words.split())})\b", re.I)


_SETS = {
    "dated": _words(
        "yesterday today tonight tomorrow ago last next week weeks weekend weekends month months year years monday"
        " tuesday wednesday thursday friday saturday sunday january february march april may june july august"
        " september october november december recently since"
    ),
    "numbers": _words("one two three four five six seven eight nine ten once twice couple few dozen"),
    "polite": _words("hey hi hello bye thanks thank congrats wow awesome great cool amazing luck care"),
    "first person": _words("i my me mine we our us"),
    "second person": _words("you your yours"),
}
_NAMED = re.compile(r"(?<=[a-z,] )[A-Z][a-z]")
_WORD = re.compile(r"\w+")
TEXTS = (*_SETS, "names", "attached", "listed", "quoted", "questions")
"""What is counted in a text: different words, and signs."""
QUESTIONS = {
    "when": re.compile(r"\b(when|how long|(?:what|which) (?:year|month|day|date))\b", re.I),
    "where": re.compile(r"\bwhere\b|\b(?:what|which) (?:city|country|place|state|area)\b", re.I),
    "who": re.compile(r"\b(?:who|whose|whom)\b|\bwhat .*\bname", re.I),
    "how many": re.compile(r"\bhow (?:many|much|often|old|far)\b", re.I),
    "several": re.compile(r"\b(?:what|which)(?: \w+)? \w+s\b", re.I),
    "pictured": _any(
        "photo picture pic image share shared show showed paint painted painting draw drawing poster sign"
    ),
    "felt": _any("feel feels felt think thinks say says said react opinion describe described advice encourage"),
}
"""Kinds of question."""
FITTING = (
    ("when", "dated"),
    ("how many", "numbers"),
    ("who", "names"),
    ("where", "names"),
    ("pictured", "attached"),
    ("several", "listed"),
    ("felt", "polite"),
)
"""Which kind of question is answered by which kind of text."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """A text without its speaker."""

    speaker: str
    """In small letters; empty where none is named."""
    words: frozenset[str]
    counts: Mapping[str, float]
    """Of each kind in `TEXTS`."""
    length: float
    """Logarithm of the characters."""
    telling: float
    """Logarithm of how many different telling words there are."""
    asks: bool
    """Whether it ends in a question."""


def speaker_of(text: str) -> tuple[str, str]:
    """Part `Ann: Hello.` into the speaker, in small letters and empty where none is named, and what was said."""
    speaker, colon, _ = text[:SPEAKER_ENDS].partition(": ")
    return (speaker.casefold(), text[len(speaker) + 2 :]) if colon else ("", text)


def wording(text: str) -> Wording:
    """Read the wording of a text such as `Ann: The key is under the mat.`"""
    speaker, body = speaker_of(text)
    words = frozenset(_WORD.findall(body.casefold()))
    counts = {name: len(few & words) for name, few in _SETS.items()}
    figures = [word for word in words if word[0].isdecimal()]
    counts["numbers"] += len(figures)
    counts["dated"] += sum(map(YEAR.__eq__, map(len, figures)))
    counts |= {"names": len(_NAMED.findall(body)), "attached": body.count("["), "listed": body.count(",")}
    counts |= {"quoted": body.count('"') + body.count("“"), "questions": body.count("?")}
    return Wording(
        speaker=speaker,
        words=words,
        counts={name: float(min(count, MOST)) for name, count in counts.items()},
        length=math.log1p(len(body)),
        telling=math.log1p(len(words - STOPWORDS)),
        asks=body.rstrip().endswith("?"),
    )


def kinds_of(question: str) -> frozenset[str]:
    """Name the kinds of a question."""
    return frozenset(name for name, pattern in QUESTIONS.items() if pattern.search(question))
