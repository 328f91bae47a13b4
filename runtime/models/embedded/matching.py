"""How well a typed value fits a parameter, by kind, name, and the words around the value."""

import re
from typing import Any

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.schemas import Shape, name_words
from interlock.runtime.models.embedded.senses import synonyms
from interlock.runtime.models.embedded.text import stem, stem_set
from interlock.runtime.models.embedded.values import EACH, Value

SURE, LIKELY, FAIR, WEAK, NO = 3.0, 2.0, 1.0, 0.5, 0.0
LONGEST_HINT = 120
"""Characters of a description that is about one thing only."""
_VERB_STEMS = frozenset(stem(v) for v in lexicon.VERBS) - {"order", "book", "fil", "invoic", "ticket", "not", "cal"}
_MEASURES = stem_set(
    "minutes hours days weeks months years seconds degrees percent celsius fahrenheit people persons times pieces "
    "items copies km kilometres kilometers miles metres meters kg grams gb mb kb points stars nights guests"
)
_KIND_FORMATS = {
    "date": "date",
    "date-time": "datetime",
    "time": "time",
    "email": "email",
    "uri": "url",
    "idn-email": "email",
}


def affinity(shape: Shape, value: Value, rivals: frozenset[str]) -> float:
    """Score how well a value fits a place: 0 where it must not be used.

    Args:
        shape: the parameter.
        value: found in what the user wrote.
        rivals: stems of the nouns that parameters of all tools identify; a value labelled with another's is not ours.
    """
    if shape.choices:
        return SURE if value.value in shape.choices else NO
    if shape.numeric and not (shape.textual and shape.format not in ("", "decimal")):
        return _number(shape, value, rivals)
    return _string(shape, value, rivals) if shape.textual else NO


def _number(shape: Shape, value: Value, rivals: frozenset[str]) -> float:
    if value.kind not in ("integer", "number", "money", "percent"):
        return NO
    if "number" not in shape.types and not isinstance(value.value, int):
        return NO
    if shape.id_like:
        return _identifier(shape, value, rivals)
    named = _named(shape, value)
    if value.kind == "money":
        return SURE if shape.is_class("money") else max(named, WEAK)
    if value.kind == "percent":
        return SURE if shape.known_by & {"percent", "percentag", "level", "shar"} else max(named, WEAK)
    if named:
        return named
    if value.label in rivals:
        return NO
    return WEAK if value.unit in _MEASURES or (value.label and value.label not in _VERB_STEMS) else FAIR


def _identifier(shape: Shape, value: Value, rivals: frozenset[str]) -> float:
    if value.kind not in ("integer", "code"):
        return NO
    noun = shape.noun
    if noun and noun in (value.label, value.unit):
        return SURE
    if value.label in rivals or value.unit in _MEASURES or value.unit == EACH:
        return NO
    if not value.label or value.label in _VERB_STEMS:
        return FAIR
    return LIKELY if value.label in synonyms(noun) else WEAK + 0.2


def is_named(value: Value) -> bool:
    """Tell whether a noun stands before a number and says what it is the number of."""
    return bool(value.label) and value.label not in _VERB_STEMS


def _named(shape: Shape, value: Value) -> float:
    """Tell whether the value stands beside the parameter's own name or a word from its description."""
    beside = {w for w in (value.label, value.unit) if w}
    if beside & set(shape.words):
        return SURE
    if beside & shape.known_by or any(synonyms(w) & set(shape.words) for w in beside):
        return LIKELY
    return NO


def _string(shape: Shape, value: Value, rivals: frozenset[str]) -> float:
    wanted = _KIND_FORMATS.get(shape.format)
    if wanted in ("date", "datetime") and not re.match(r"\d{4}-\d\d", str(value.value)) and value.kind != "time":
        return NO
    if wanted == "datetime" and value.kind == "time":
        return WEAK + 0.1
    if wanted:
        return SURE if value.kind == wanted else LIKELY if {wanted, value.kind} == {"date", "datetime"} else NO
    labelled = bool(value.label) and value.label in shape.words
    if value.kind in ("email", "url", "date", "datetime", "time", "path", "phone"):
        return _by_class(shape, value) + (WEAK if labelled else 0)
    if shape.id_like and value.kind in ("integer", "code"):
        return (
            _identifier(shape, value, rivals)
            if value.kind == "integer"
            else max(LIKELY, _identifier(shape, value, rivals))
        )
    if shape.format == "decimal" or (shape.is_class("money") and value.kind in ("money", "number", "integer")):
        return SURE if value.kind == "money" else FAIR if value.kind in ("integer", "number") else NO
    if value.kind == "address":
        return SURE if set(shape.words) & {"address", "street"} else NO
    if value.kind == "quoted":
        return _quoted(shape, value, labelled)
    return LIKELY if labelled and value.kind in ("code", "integer", "number") else NO


_STRICT = {
    "email": word_set("email mail to recipient attendee invitee cc bcc guest participant"),
    "phone": word_set("phone number mobile telephone tel sms to"),
}


def _by_class(shape: Shape, value: Value) -> float:
    kind = "date" if value.kind == "datetime" else value.kind
    words = set(shape.words)
    if kind in words:
        return SURE + WEAK
    if words & {stem(w) for w in _STRICT.get(kind, ())}:
        return SURE
    if kind == "phone":
        return NO
    if shape.is_class(kind):
        return LIKELY + _direction(shape, value)
    told = shape.known_by & {kind, *(stem(w) for w in _STRICT.get(kind, ()))}
    return LIKELY if told and len(shape.description) < LONGEST_HINT else NO


FROM = word_set("source from origin start old src")
TO = word_set("destination to target new into end dest")


def _direction(shape: Shape, value: Value) -> float:
    """Tell whether "from" or "to" before a value agrees with the parameter's name."""
    names = set(name_words(shape.name))
    from_, to = value.lead == "from", value.lead in ("to", "into", "as", "onto")
    if names & FROM:
        return WEAK if from_ else -WEAK if to else 0.0
    if names & TO:
        return WEAK if to else -WEAK if from_ else 0.0
    return 0.0


def _quoted(shape: Shape, value: Value, labelled: bool) -> float:
    if labelled:
        return SURE
    if shape.is_class("content"):
        return LIKELY + 0.2
    if shape.is_class("title") or shape.is_class("query") or shape.is_class("path"):
        return LIKELY
    return FAIR if len(value.text.split()) <= 6 and not shape.format else NO  # noqa: PLR2004


def converted(shape: Shape, value: Value) -> Any:
    """Give the value in the parameter's type."""
    if shape.numeric and isinstance(value.value, int | float):
        whole = "number" not in shape.types or float(value.value).is_integer()
        return int(value.value) if whole else value.value
    if shape.textual and not shape.numeric and not isinstance(value.value, str):
        return f"{value.value:.2f}" if value.kind == "money" else str(value.value)
    return value.value
