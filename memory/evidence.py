"""What speaks for each candidate, as numbers: what a ranker can learn to weigh."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from interlock.memory.ranking import Hit

WHEN = re.compile(r"\b(when|how long|what (?:year|month|day|date)|which (?:year|month|day|date))\b", re.I)
DATED = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last|next|week(?:end)?s?|months?|years?|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|january|february|march|april|may|june|july|august|september|october|november|december|recently|since|\d{4})\b",
    re.I,
)
NAMED = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
COUNTED = re.compile(r"\b(\d+|one|two|three|four|five|six|seven|eight|nine|ten|once|twice|couple|few|dozen)\b", re.I)
MOST = 3
"""More of a kind says nothing more."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What may answer a query, best first by the fixed weights."""

    ids: tuple[str, ...]
    evidence: tuple[dict[str, float], ...]
    """For each the same kinds, in the same order."""


def candidates(query: str, hits: Sequence[Hit]) -> Candidates:
    """Tell what speaks for each hit."""
    by_row = {hit.row["row"]: hit for hit in hits}
    when = bool(WHEN.search(query))
    return Candidates(
        ids=tuple(hit.row["id"] for hit in hits),
        evidence=tuple(_evidence(hit, by_row.get(hit.row["previous"]), when) for hit in hits),
    )


def _evidence(hit: Hit, before: Hit | None, when: bool) -> dict[str, float]:
    text: str = hit.row["text"]
    dated = _count(DATED, text)
    return {
        "score": hit.score,
        "meaning": hit.meaning,
        "words": hit.words,
        "near": hit.near or 0.0,
        "length": math.log1p(len(text)),
        "asks": _asks(hit),
        "answers": before.meaning * _asks(before) if before else 0.0,
        "dated, and asked when": dated if when else 0.0,
        "dated, and not asked when": 0.0 if when else dated,
        "names": _count(NAMED, text),
        "numbers": _count(COUNTED, text),
    }


def _asks(hit: Hit) -> float:
    return float(hit.row["text"].rstrip().endswith("?"))


def _count(pattern: re.Pattern[str], text: str) -> float:
    return float(min(len(pattern.findall(text)), MOST))
