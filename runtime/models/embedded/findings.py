"""Telling what lookups found: the fields that the question is about, lists in brief, texts quoted."""

from collections.abc import Mapping
from typing import Any, cast

from interlock.runtime.models.embedded import lexicon, phrasing
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.conversation import Outcome
from interlock.runtime.models.embedded.excerpts import is_prose, quoted
from interlock.runtime.models.embedded.lexicon import CLASSES, word_set
from interlock.runtime.models.embedded.schemas import name_words
from interlock.runtime.models.embedded.senses import events, synonyms
from interlock.runtime.models.embedded.text import stem, stem_set, tokens

Json = Mapping[str, Any]
MOST_FIELDS = 10
LONGEST_TEXT = 800
_GENERAL = stem_set(
    "find show look up track details detail information info status state locate trace check about happen"
)
"""Words by which the whole is asked for."""
_CONTAINERS = CLASSES["place"] | word_set("folder calendar account")


def found(outcome: Outcome, question: str, tool: Tool | None = None) -> str:
    """Say what a lookup found, as far as the question is about it."""
    value, about = outcome.value, phrasing.subject(outcome.tool, outcome.arguments)
    if is_prose(value):
        return quoted(value, _query(outcome) or question)
    if isinstance(value, Mapping):
        fields = _relevant(cast(Json, value), outcome.arguments, question, tool)
        return phrasing.sentences(about, fields) if fields else f"I found nothing on {about}."
    if isinstance(value, list):
        return _listing(outcome, cast("list[Any]", value))
    thing = phrasing.noun(outcome.tool)
    if value in (None, ""):
        return f"I found no {thing}" + ("." if about.startswith("the ") else f" for {about}.")
    if isinstance(value, str) and " " in value.strip():
        return phrasing.sentence(value.strip()[:LONGEST_TEXT])
    return f"The {thing} is {phrasing.value_text(value)}."


def _query(outcome: Outcome) -> str:
    """The question that a text search was given."""
    return next((str(v) for n, v in outcome.arguments.items() if CLASSES["query"] & set(name_words(n))), "")


def _listing(outcome: Outcome, values: list[Any]) -> str:
    words = name_words(phrasing.noun(outcome.tool))
    single = phrasing.singular(words[-1]) if words else "entry"
    narrowed = "".join(_filter(name, value) for name, value in outcome.arguments.items())
    if not values:
        return "I found nothing on that." if _query(outcome) else f"I found no {phrasing.plural(single)}{narrowed}."
    shown = [_entry(v, single) for v in values[: phrasing.MOST_ITEMS]]
    more = f"; and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    count = f"{len(values)} {single if len(values) == 1 else phrasing.plural(single)}"
    return f"I found {count}{narrowed}: {'; '.join(shown)}{more}."


def _entry(value: Any, single: str) -> str:
    if not isinstance(value, Mapping):
        return phrasing.value_text(value)
    entry = cast(Json, value)
    return phrasing.item(entry, single if "id" in entry or f"{single}_id" in entry else "")


def _filter(name: str, value: Any) -> str:
    """Say by what a list was narrowed."""
    words = set(name_words(name))
    if phrasing.is_identifier(name):
        return f" for {phrasing.spoken(name).rpartition(' ')[0]} {value}"
    if words & _CONTAINERS:
        return f" in {value}"
    if words & {"day", "date"}:
        return f" on {value}"
    if words & CLASSES["query"]:
        return f" for “{value}”"
    return f" with {phrasing.spoken(name)} {phrasing.value_text(value)}"


def _relevant(value: Json, arguments: Json, question: str, tool: Tool | None) -> dict[str, Any]:
    """Choose the fields that the question is about; all that are known where it is about the whole."""
    fields = {n: v for n, v in phrasing.scalars(value).items() if n not in arguments or str(arguments[n]) != str(v)}
    known = {n: v for n, v in fields.items() if v is not None and v != []}
    words = tokens(question)
    general = bool({t.stem for t in words} & _GENERAL) or any(t.low.startswith("where") for t in words)
    own = {stem(w) for n in arguments for w in name_words(n)}
    near, like = (f - own for f in focus(question))
    named = phrasing.focus_fields(fields, near, tool) or phrasing.focus_fields(fields, like, tool)
    if not named or general:
        return dict(list(known.items())[:MOST_FIELDS])
    if any(v is None for v in named.values()):
        named |= {n: v for n, v in known.items() if phrasing.is_state(n) or n.startswith("expected")}
    return {n: v for n, v in fields.items() if n in named}


def focus(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Stems that the question is about: by its own words, and by words like them."""
    words = tokens(question)
    low = " ".join(t.low for t in words)
    asked = [lexicon.QUESTION_TOPICS.get(t.low, "") for t in words]
    asked += [senses for phrase, senses in (lexicon.PHRASES | lexicon.ASKING).items() if phrase in low]
    own = {t.stem for t in words if t.topical}
    near = own | stem_set(" ".join(asked)) | {e for w in own for e in events(w)}
    return frozenset(near), frozenset(near | {s for w in own for s in synonyms(w) if w not in _GENERAL})
