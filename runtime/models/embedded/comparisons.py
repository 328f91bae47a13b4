"""Comparing a field with a number: "is under 50", "at least two", "not more than 20 degrees"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from interlock.runtime.models.embedded.values import Value

Relation = Literal[
    "null", "not_null", "equals", "not_equals", "before", "less", "at_most", "more", "at_least", "contains"
]
INVERSE: dict[Relation, Relation] = {
    "null": "not_null", "not_null": "null", "equals": "not_equals", "not_equals": "equals",
    "less": "at_least", "at_least": "less", "more": "at_most", "at_most": "more",
}  # fmt: skip
_SAID: tuple[tuple[Relation, str], ...] = (
    ("at_least", r"at least|no less than|not less than|no fewer than|or more|or over|or above|minimum|>="),
    ("at_most", r"at most|(?:no|not) more than|not (?:over|above)|up to|or (?:less|fewer|below)|maximum|<=|within"),
    ("less", r"(?:less|fewer|lower|smaller|cheaper|colder) than|under|below|beneath|short of|<"),
    ("more", r"(?:more|greater|higher|larger|bigger|warmer|hotter) than|over|above|exceeds?|beyond|>"),
    ("equals", r"exactly|equals?|equal to|is"),
)  # fmt: skip
_STEPS = "|".join(words for relation, words in _SAID if relation != "equals")
_COMPARES = re.compile(
    rf"(?:\b|(?<=\s))(?:{_STEPS})\s+[$€£]?\d|"
    r"\b(?:before|after|since|ago|older|newer|later|earlier|longer|than|until)\b",
    re.IGNORECASE,
)
NUMERIC = ("integer", "number", "money", "percent")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A relation to one number."""

    relation: Relation
    value: Value
    rest: str
    """The text without the words that compare: what is left names the field, and may negate the whole."""


def comparison(text: str, values: Sequence[Value]) -> Comparison | None:
    """Read a comparison with the one number in a text; None where there is none, or more than one."""
    numbers = [v for v in values if v.kind in NUMERIC]
    if len(numbers) != 1:
        return None
    for relation, words in _SAID:
        if m := re.search(rf"(?:\b|(?<=\s))(?:{words})(?=\s|$)", text, re.IGNORECASE):
            return Comparison(relation=relation, value=numbers[0], rest=f"{text[: m.start()]} {text[m.end() :]}")
    return None


def compares(text: str) -> bool:
    """Tell whether a text compares, in quantity or in time; then a mere name in it does not tell all."""
    return bool(_COMPARES.search(text))
