"""Finding somebody's words inside a request: what is to be passed on, and what is only reported."""

import re

from interlock.runtime.models.embedded import grammar, lexicon
from interlock.runtime.models.embedded.text import MASK, Quote, cover, tokens

_HEAD = 240
"""Characters before a colon that may belong to its sentence."""
_ORDERING = frozenset(("following", "question", "questions", "request", "requests"))


def payloads(covered: str, text: str) -> tuple[str, tuple[Quote, ...]]:
    """Cover what is somebody's words: after "saying", or after a colon that follows a word for text.

    Args:
        covered: the request with quotes covered.
        text: the request as written.

    Returns:
        The request with these words covered too, and the words.
    """
    found: list[Quote] = []
    at = 0
    while (start := _next(covered, at)) is not None:
        stops = [
            stop.start() for stop in (grammar.AFTERWARDS.search(covered, start), _question(covered, start)) if stop
        ]
        end = min(stops, default=len(covered))
        if covered[start:end].strip(MASK + " .!?\n"):
            found.append(Quote(text[start:end].strip(), start, end))
        at = max(end, start + 1)
    return cover(covered, tuple(found)), tuple(found)


def _next(covered: str, at: int) -> int | None:
    said = grammar.PAYLOAD.search(covered, at)
    places = [said.end()] if said else []
    for colon in re.compile(r":\s+(?=\S)").finditer(covered, at):
        words = {t.low for t in tokens(_head(covered, colon.start()))}
        if words & lexicon.REPORTING and not words & _ORDERING:
            places.append(colon.end())
            break
    return min(places, default=None)


def _head(covered: str, end: int) -> str:
    """The sentence that leads up to a place."""
    return re.split(r"[.!?\n]\s", covered[max(0, end - _HEAD) : end])[-1]


def _question(covered: str, at: int) -> re.Match[str] | None:
    """Find a question after reported words; in words that are to be sent it belongs to them."""
    told = grammar.REPORTED_BEFORE.search(_head(covered, at))
    return grammar.QUESTION_AFTER.search(covered, at) if told else None
