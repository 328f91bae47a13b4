"""Find a text again where it was copied to: whatever its case, its spacing and punctuation, and also piece by piece."""

import re
import unicodedata
from collections.abc import Iterable

from interlock.runtime.checks import texts_in

RUN = 5
"""Words in a row by which a text is known, so that a reply that repeats a part of it is found, too."""
SHORTEST = 8
"""Characters from which a text of fewer words is looked for inside others; a shorter one counts only where it stands
alone."""
_WORD = re.compile(r"\w+")


class Wording:
    """Some texts, to be found again. A text of which nothing but the sense was repeated is not found."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[str] = set()
        self._short: set[str] = set()
        for words in filter(None, map(_words, texts)):
            if len(words) >= RUN:
                self._runs.update(_runs(words))
            else:
                self._short.add(" ".join(words))

    def in_text(self, text: str) -> bool:
        """Tell whether one of the texts, or a piece of it, stands in this one."""
        words = _words(text)
        if not self._runs.isdisjoint(_runs(words)):
            return True
        made = f" {' '.join(words)} "
        return any(made == f" {one} " or (len(one) >= SHORTEST and f" {one} " in made) for one in self._short)

    def in_data(self, value: object) -> bool:
        """Tell whether one of the texts stands in JSON data."""
        return any(self.in_text(text) for text in texts_in(value))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _runs(words: list[str]) -> Iterable[str]:
    return (" ".join(words[start : start + RUN]) for start in range(len(words) - RUN + 1))
