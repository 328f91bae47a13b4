"""Words, stems and masks: the lowest layer of reading.

Stems come from a short list of suffix rules in the manner of M. F. Porter, "An algorithm for suffix stripping",
Program 14(3), 1980; fewer steps, and a little bolder, so that shipment, shipping and shipped meet in one stem.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from interlock.runtime.models.embedded.lexicon import IRREGULAR, NEGATIONS, STOP

WORD = re.compile(r"[eE]-mail(?:s|ed|ing)?|[^\W_]+(?:'[^\W_]+)*|(?<=[\d ])%")
MASK = "\ufffc"
"""Stands for every character of quoted text: not a word, not a number, not punctuation."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word with its place in the text."""

    low: str
    stem: str
    start: int
    end: int

    @property
    def topical(self) -> bool:
        """Whether the word says what the text is about."""
        return self.low not in STOP and not self.low.isdigit()


@dataclass(frozen=True, slots=True)
class Quote:
    """Text that the user shows rather than says: between quotation marks, in a fence, or pasted."""

    text: str
    start: int
    end: int
    """Span in the request, marks included."""


def tokens(text: str) -> tuple[Token, ...]:
    """Split into words, in order."""
    return tuple(Token(low, stem(low), m.start(), m.end()) for m in WORD.finditer(text) if (low := _low(m[0])))


def _low(word: str) -> str:
    low = "percent" if word == "%" else word.lower()
    return low.replace("-", "", 1) if low.startswith("e-mail") else low


def stem_set(text: str) -> frozenset[str]:
    """Stems of a list of words that is written as one string."""
    return frozenset(stem(word) for word in text.split())


def stems(text: str) -> tuple[str, ...]:
    """Stems of the words that say what the text is about."""
    return tuple(t.stem for t in tokens(text) if t.topical)


def negative(words: tuple[Token, ...]) -> bool:
    """Tell whether an odd number of negations stands among the words."""
    return sum(t.low in NEGATIONS or t.low.endswith("n't") for t in words) % 2 == 1


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Reduce a lower-case word to what its forms have in common."""
    word = IRREGULAR.get(word, word.removesuffix("'s"))
    if len(word) <= 3 or not word.isascii():  # noqa: PLR2004
        return word
    word = _without_verb_ending(_singular(word))
    word = _without_noun_ending(word)
    if word.endswith("e") and len(word) > 3:  # noqa: PLR2004
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeious":  # noqa: PLR2004
        word = word[:-1]
    return word


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_verb_ending(word: str) -> str:
    if word.endswith("ied") and len(word) > 4:  # noqa: PLR2004
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and not word.endswith("eed") and len(rest) >= 3 and re.search("[aeiouy]", rest):  # noqa: PLR2004
            return rest
    return word


def _without_noun_ending(word: str) -> str:
    for ending, least in (
        ("able", 4),
        ("ible", 4),
        ("ment", 3),
        ("ation", 3),
        ("ion", 4),
        ("ate", 3),
        ("at", 3),
        ("ly", 5),
        ("al", 5),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return word[: -len(ending)]
    if word.endswith("y") and len(word) > 5 and word[-2] not in "aeiou":  # noqa: PLR2004
        return word[:-1]
    return word


_QUOTED = re.compile(
    r"```(?s:.)*?(?:```|\Z)"
    r"|<([A-Za-z][\w-]*)(?:\s[^<>]*)?>(?s:.)*?(?:</\1>|\Z)"
    r"|`[^`\n]+`"
    r'|"[^"]*(?:"|\Z)'
    r"|“[^”]*(?:”|\Z)|«[^»]*(?:»|\Z)|„[^“”]*(?:[“”]|\Z)"
    r"|(?<![^\s(,:;])'[^'\n]{1,400}(?:'(?=[^\s'])[^'\n]{0,80}){0,5}'(?!\w)"
    r"|‘[^’\n]{1,400}’(?!\w)"
    r"|(?m:^[ \t]*>.*(?:\n[ \t]*>.*)*)"
    r"|(?im:^(?:-{2,} ?(?:original|forwarded) message|begin forwarded message|on .{4,80} wrote:|from: .{0,80}@))(?s:.)*"
)
_MARKS = "`\"“”«»„'‘’"


def masked(text: str) -> tuple[str, tuple[Quote, ...]]:
    """Cover quoted and pasted text, keeping every place.

    Returns:
        The text of the same length in which quoted parts are MASK characters, and the parts themselves.
    """
    quotes = tuple(Quote(_inner(m[0]), m.start(), m.end()) for m in _QUOTED.finditer(text))
    return cover(text, quotes).replace("’", "'"), quotes


def cover(text: str, quotes: tuple[Quote, ...]) -> str:
    """Replace the spans of `quotes` by MASK characters."""
    parts: list[str] = []
    at = 0
    for quote in quotes:
        parts += (text[at : quote.start], MASK * (quote.end - quote.start))
        at = quote.end
    return "".join((*parts, text[at:]))


def _inner(quoted: str) -> str:
    if quoted.lstrip().startswith(">"):
        return "\n".join(line.lstrip().removeprefix(">").strip() for line in quoted.splitlines())
    if quoted.startswith("<"):
        return re.sub(r"^<[^<>]*>|</[^<>]*>$", "", quoted).strip()
    return quoted.strip(_MARKS).strip() if quoted[:1] in _MARKS else quoted.strip()
