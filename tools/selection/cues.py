"""Whether a text holds what a tool needs: numbers for its required numbers, a date for its date."""

import re
from collections.abc import Sequence
from typing import Final

from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.tools.selection.words import spaced

LACKING: Final = -2.0
"""For each required number that the text does not hold, up to `_MOST`."""
DATED: Final = 2.0
UNDATED: Final = -0.5
DEMANDING: Final = -0.5
"""For each required argument beyond two, up to three of them."""
_MOST: Final = 2
_EASY: Final = 2
_HARD: Final = 5
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


class Cues:
    """What each tool needs."""

    def __init__(self, contracts: Sequence[ToolContract]) -> None:
        self._needs = [_needs(each.arguments) for each in contracts]

    def scores(self, text: str) -> list[float]:
        """Score how well the text supplies each tool, in standard deviations of the other scores."""
        dated = bool(_DATE.search(text))
        numbers = len(_NUMBER.findall(_DATE.sub(" ", text)))
        return [
            LACKING * min(_MOST, max(0, needed - numbers))
            + (0.0 if not takes_date else DATED if dated else UNDATED)
            + DEMANDING * max(0, min(required, _HARD) - _EASY)
            for needed, takes_date, required in self._needs
        ]


def _needs(schema: JsonSchema) -> tuple[int, bool, int]:
    properties: dict[str, JsonSchema] = schema.get("properties", {})
    required: Sequence[str] = schema.get("required", ())
    numbers = sum(1 for name in required if properties.get(name, {}).get("type") in ("integer", "number"))
    return numbers, any(_WHEN.search(spaced(name)) for name in properties), len(required)
