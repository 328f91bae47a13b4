"""Whether a text holds what a tool needs: numbers for its required numbers, a date for its date, a listed value."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.tools.selection.words import arguments_of, spaced, stems

LACKING: Final = -2.0
"""For each required number that the text does not hold, up to two."""
SPARE: Final = 0.5
"""For each number beyond those that are required, up to three."""
DATED: Final = 1.5
UNDATED: Final = -0.5
LISTED: Final = 1.0
"""Where a value that one of the arguments lists stands in the text."""
TEXTS: Final = -0.5
"""For each required text, and for each required list."""
NAMED: Final = 1.5
"""For the arguments' words that stand in the text, by how rare they are, over one more than all of them."""
_MOST_LACKING: Final = 2
_MOST_SPARE: Final = 3
_SHORTEST: Final = 3
_DATE: Final = re.compile(
    r"\b(\d{4}-\d\d?-\d\d?|\d\d?[/.]\d\d?[/.]\d{2,4}"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d|\d\d?(st|nd|rd|th)"
    r"|today|tomorrow|yesterday|tonight|(mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    r"(?<![\w.])[$€£]?\d[\d,.]*%?"
    r"|\b(two|three|four|five|six|seven|eight|nine|ten|twenty|hundred|thousand|dozen|half)\b",
    re.IGNORECASE,
)
_WHEN: Final = re.compile(r"\b(date|day|when)\b")
_BETWEEN: Final = re.compile(r"\W+")


@dataclass(frozen=True, kw_only=True)
class _Needs:
    """What a tool cannot do without."""

    numbers: int
    others: int
    """Texts and lists."""
    takes_date: bool


class Cues:
    """What each tool needs."""

    def __init__(self, contracts: Sequence[ToolContract]) -> None:
        self._needs = [_needs(each.arguments) for each in contracts]
        self._listed: defaultdict[str, list[int]] = defaultdict(list)
        self._words: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        words = [_argument_words(each.arguments) for each in contracts]
        counts = Counter(stem for own in words for stem in own)
        for tool, own in enumerate(words):
            for value in _values(contracts[tool].arguments):
                self._listed[value].append(tool)
            for stem in own:
                self._words[stem].append((tool, NAMED / math.log(2 + counts[stem]) / (1 + len(own))))

    def scores(self, text: str) -> list[float]:
        """Score how well the text supplies each tool, in standard deviations of the other scores."""
        dated = bool(_DATE.search(text))
        numbers = len(_NUMBER.findall(_DATE.sub(" ", text)))
        found = [_supply(needs, numbers, dated) for needs in self._needs]
        plain = f" {_BETWEEN.sub(' ', text.lower())} "
        for tool in {tool for value, tools in self._listed.items() if f" {value} " in plain for tool in tools}:
            found[tool] += LISTED
        for stem in set(stems(text)):
            for tool, weight in self._words.get(stem, ()):
                found[tool] += weight
        return found


def _supply(needs: _Needs, numbers: int, dated: bool) -> float:
    lacking, spare = max(0, needs.numbers - numbers), max(0, numbers - needs.numbers)
    when = 0.0 if not needs.takes_date else DATED if dated else UNDATED
    return LACKING * min(_MOST_LACKING, lacking) + SPARE * min(_MOST_SPARE, spare) + when + TEXTS * needs.others


def _needs(schema: JsonSchema) -> _Needs:
    properties: dict[str, JsonSchema] = schema.get("properties", {})
    kinds = Counter(str(properties.get(name, {}).get("type")) for name in schema.get("required", ()))
    return _Needs(
        numbers=kinds["integer"] + kinds["number"],
        others=kinds["string"] + kinds["array"],
        takes_date=any(_WHEN.search(spaced(name)) for name in properties),
    )


def _argument_words(schema: JsonSchema) -> set[str]:
    return set(stems(" ".join(spaced(name) for name, _part in arguments_of(schema))))


def _values(schema: JsonSchema) -> set[str]:
    """List the words that arguments may have as values, in lower case."""
    parts: list[Any] = [part.get("enum", ()) for _name, part in arguments_of(schema)]
    found = (spaced(value).strip() for values in parts for value in values if isinstance(value, str))
    return {value for value in found if len(value) >= _SHORTEST}
