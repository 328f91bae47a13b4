"""Quoting what a search found: the sentences nearest to the question, or nothing where none is near."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.lexicon import CLASSES, word_set
from interlock.runtime.models.embedded.phrasing import LONG
from interlock.runtime.models.embedded.schemas import name_words
from interlock.runtime.models.embedded.senses import COLOURLESS, phrases_of, synonyms
from interlock.runtime.models.embedded.text import stem, tokens

ENOUGH = 0.5
"""Share of the question's words that a text must speak of."""
MOST_SENTENCES = 3
NUMBER = 0.3
"""What a figure adds to a sentence, where the question asks for one."""
Json = Mapping[str, Any]


def is_prose(value: Any) -> bool:
    """Tell whether a result is text to read rather than fields to say."""
    if isinstance(value, str):
        return len(value) > 4 * LONG
    if isinstance(value, list):
        entries = cast(list[Any], value)
        return bool(entries) and all(isinstance(e, Mapping) and is_prose(e) for e in entries)
    return isinstance(value, Mapping) and bool(_body(cast(Json, value))) and len(cast(Json, value)) <= 6  # noqa: PLR2004


def _body(entry: Json) -> str:
    texts = {n: v for n, v in entry.items() if isinstance(v, str)}
    named = [
        v
        for n, v in texts.items()
        if set(name_words(n)) & (CLASSES["content"] | {"passage", "snippet", "extract", "answer"})
        and len(v) >= LONG // 2
    ]
    return named[0] if named else next((v for v in texts.values() if len(v) >= 2 * LONG), "")


def _title(entry: Json) -> str:
    return next(
        (
            v
            for n, v in entry.items()
            if isinstance(v, str) and set(name_words(n)) & CLASSES["title"] | ({"source"} & {n})
        ),
        "",
    )


def quoted(value: Any, question: str) -> str:
    """Quote the best sentences, saying where they stand."""
    entries = cast(list[Any], value if isinstance(value, list) else [value])
    texts = [(_title(cast(Json, e)), _body(cast(Json, e))) if isinstance(e, Mapping) else ("", str(e)) for e in entries]
    topics, counted = asked_about(question), bool(_COUNTED.search(question))
    ranked = sorted(
        ((near(f"{title}. {body}", topics) + 0.25 * near(title, topics), -i) for i, (title, body) in enumerate(texts)),
        reverse=True,
    )
    best, at = ranked[0]
    if best < ENOUGH:
        return "I found nothing on that."
    title, body = texts[-at]
    text = " ".join(_best(body, topics, counted))
    return f"From “{title}”: “{text}”" if title else f"I found this: “{text}”"


_COUNTED = re.compile(
    r"\bhow (?:many|much|long|often|old|far)\b|\bwhen\b|\bwhat time\b|\bprice\b|\bcosts?\b", re.IGNORECASE
)


def asked_about(question: str) -> set[str]:
    """Stems that a text must speak of to answer a question; a phrase counts as the word it stands for."""
    clause = Clause(text=question, start=0, end=len(question), words=tokens(question), force="statement")
    phrases = phrases_of(clause, lexicon.PHRASES)
    said = {word for phrase, _ in phrases for word in phrase.split()} | COLOURLESS | _MEASURED
    meant = {stem(senses.split()[0]) for _, senses in phrases}
    return {t.stem for t in clause.topics if t.low not in said} | meant


_MEASURED = word_set("long often far old many much time")


def near(text: str, topics: set[str]) -> float:
    """Share of the topics that the text speaks of; a synonym counts half."""
    said = {t.stem for t in tokens(text)}
    if not topics:
        return 0.0
    return sum(1.0 if t in said else 0.5 if synonyms(t) & said else 0.0 for t in topics) / len(topics)


def _best(body: str, topics: set[str], counted: bool) -> Sequence[str]:
    """The sentence nearest to the question, with those that follow it, in their order."""
    found = [s.strip() for s in re.split(r"(?<=[.!?])\s+|\n+", body) if s.strip()]
    if not found:
        return [body]
    scores = [near(s, topics) + (NUMBER if counted and re.search(r"\d", s) else 0.0) for s in found]
    start = max(range(len(found)), key=lambda i: (scores[i], -i))
    if scores[start] == 0:
        start = 0
    return found[start : start + MOST_SENTENCES]
