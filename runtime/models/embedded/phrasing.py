"""Saying results in plain English: fields, lists, deeds. Every number stays as it was found."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.questions import listed
from interlock.runtime.models.embedded.schemas import name_words
from interlock.runtime.models.embedded.text import stem, stems

Json = Mapping[str, Any]
MOST_ITEMS = 10
LONG = 60
"""Characters from which a string is prose rather than a value."""
_STATES = word_set("status state condition phase")
_IDENTIFIERS = word_set("id number no nr ref key code uuid")
_BY_THEMSELVES = word_set("arrived expired started ended departed left begun finished failed")
_PARTICIPLE = re.compile(
    r"^(?:is_|was_)?(?P<word>[a-z]+(?:ed|en|wn)|sent|paid|made|sold|left|lost|found|due|begun|put|set)_(?:at|on|date|time|day)$"
)


def subject(tool: str, arguments: Json) -> str:
    """Name what a call was about: "order 1042", "the kitchen", or what the tool's name says."""
    for name, value in arguments.items():
        words = name_words(name)
        if len(words) > 1 and words[-1] in _IDENTIFIERS and isinstance(value, int | str):
            return f"{' '.join(words[:-1])} {value}"
        if words and words[-1] in ("id", "number"):
            return f"{noun(tool)} {value}"
    texts = [v for v in arguments.values() if isinstance(v, str) and len(v) < LONG]
    return texts[0] if len(texts) == 1 == len(arguments) else f"the {noun(tool)}"


def noun(tool: str) -> str:
    """The thing that a tool's name speaks of."""
    words = name_words(tool)
    rest = words[1:] if len(words) > 1 and words[0] in lexicon.VERBS else words
    return " ".join(rest) or "result"


def singular(word: str) -> str:
    """Undo a plural ending."""
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def plural(word: str) -> str:
    """Give the plural of a noun that may be one already."""
    word = singular(word)
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def past(verb: str) -> str:
    """Give the past form of a verb."""
    if verb in lexicon.PAST:
        return lexicon.PAST[verb]
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "ed"


def spoken(name: str) -> str:
    """Write a field's name as words."""
    return " ".join(name_words(name))


def value_text(value: Any) -> str:
    """Write a value as found; times lose what nobody reads aloud."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}" if round(value, 2) == value and f"{value}".partition(".")[2] != "0" else f"{value:g}"
    if isinstance(value, str) and (
        m := re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", value)
    ):
        return f"{m[1]} {m[2]}"
    if isinstance(value, list):
        return _values(cast(list[Any], value))
    if isinstance(value, Mapping):
        return item(cast(Json, value))
    return "none" if value is None else str(value)


def _values(values: list[Any]) -> str:
    shown = [value_text(v) for v in values[:MOST_ITEMS]]
    more = len(values) - len(shown)
    return (listed(shown) if not more else f"{', '.join(shown)} and {more} more") if shown else "none"


def scalars(value: Json) -> dict[str, Any]:
    """Fields of a result by name; inner objects give theirs under joined names."""
    found: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, Mapping):
            found |= {f"{name}_{inner}": v for inner, v in cast(Json, part).items() if not isinstance(v, Mapping)}
        else:
            found[name] = part
    return found


def is_state(name: str) -> bool:
    return bool(_STATES & set(name_words(name)))


def is_identifier(name: str) -> bool:
    return bool(_IDENTIFIERS & set(name_words(name)[-1:]))


def clause_of(name: str, value: Any) -> str:
    """Say one field as a predicate: "is shipped", "was delivered on 2026-01-03", "has carrier DHL"."""
    if m := _PARTICIPLE.match(name):
        return _happened(m["word"], value)
    if isinstance(value, bool):
        words = spoken(name).removeprefix("is ").removeprefix("has ")
        verb = ("has" if value else "has no") if name.startswith("has_") else ("is" if value else "is not")
        return f"{verb} {words}"
    if is_state(name) and isinstance(value, str) and re.fullmatch(r"[a-z][a-z _-]*", value):
        return f"is {value.replace('_', ' ')}"
    return f"has {_no(name) if value is None or value == [] else f'{spoken(name)} {value_text(value)}'}"


def _no(name: str) -> str:
    return f"no {spoken(name)}"


def _happened(word: str, value: Any) -> str:
    if value is None:
        return (
            f"has not {word} yet"
            if word in _BY_THEMSELVES
            else f"has not been {word} yet"
            if word not in ("expected", "due")
            else f"has no {word} date"
        )
    when = f"{'at' if re.match(r'[0-9]{1,2}:', str(value)) else 'on'} {value_text(value)}"
    if word in ("due", "expected", "planned", "scheduled"):
        return f"is {word} {when}"
    return f"{word} {when}" if word in _BY_THEMSELVES else f"was {word} {when}"


def sentences(about: str, fields: Json) -> str:
    """Say several fields of one thing: its state, what happened to it, and what it has."""
    states, events, rest = list[str](), list[str](), list[str]()
    for name, value in fields.items():
        said = clause_of(name, value)
        if said.startswith("has ") and value is not None and value != [] and not isinstance(value, bool):
            rest.append(_owned(name, value))
        elif is_state(name) or isinstance(value, bool):
            states.append(said)
        else:
            events.append(said)
    text: list[str] = []
    for group in (states, events):
        if group:
            text.append(f"{about if not text else 'it'} {listed(group)}")
    if rest:
        text.append(listed(rest) if text else _opening(about, rest))
    return " ".join(_sentence(t) for t in text)


def _opening(about: str, rest: Sequence[str]) -> str:
    m = re.match(r"its (.+?) (is|are) ", rest[0])
    if m is None:
        return f"{about}: {listed(rest)}"
    return listed([f"the {m[1]} of {about} {m[2]} {rest[0][m.end() :]}", *rest[1:]])


def _owned(name: str, value: Any) -> str:
    words = name_words(name)
    if len(words) == 1 and re.search(r"(?:[a-z]ed|able|left)$", words[0]):
        return f"{value_text(value)} is {words[0]}"
    if re.search(r"(?:[a-z]ed|seen|known|paid)$", words[-1] if words else ""):
        return f"{spoken(name)}: {value_text(value)}"
    return f"its {spoken(name)} {'are' if _many(name, value) else 'is'} {value_text(value)}"


def _many(name: str, value: Any) -> bool:
    return isinstance(value, list) and name_words(name)[-1:] != () and name_words(name)[-1].endswith("s")


def _sentence(text: str) -> str:
    first = text.split(" ", 1)[0]
    named = re.search(r"\w[./_]\w|\d", first)
    return (text if named else text[:1].upper() + text[1:]) + ("" if text.endswith((".", "!", "?", ".”")) else ".")


sentence = _sentence


def item(value: Json, noun_word: str = "") -> str:
    """Say one entry of a list in a few words: its name, and the rest in brackets."""
    fields = {n: v for n, v in scalars(value).items() if v is not None and v != []}
    head = next(
        (n for n in fields if set(name_words(n)) & {"name", "title", "subject", "article", "label", "path", "summary"}),
        None,
    )
    head = head or next((n for n in fields if is_identifier(n)), None)
    if head is None:
        return ", ".join(f"{spoken(n)} {value_text(v)}" for n, v in fields.items())
    named = (
        f"{noun_word or ' '.join(name_words(head)[:-1])} {value_text(fields[head])}".strip()
        if is_identifier(head)
        else value_text(fields[head])
    )
    rest = [_short(n, v) for n, v in fields.items() if n != head and not (isinstance(v, str) and len(v) > 2 * LONG)]
    return f"{named} ({', '.join(rest)})" if rest else named


def _short(name: str, value: Any) -> str:
    said = clause_of(name, value)
    for start in ("is ", "was "):
        if said.startswith(start):
            return said.removeprefix(start)
    return said.removeprefix("has ")


def focus_fields(fields: Json, focus: frozenset[str], tool: Tool | None) -> dict[str, Any]:
    """Keep the fields whose names the words in focus speak of, else those whose descriptions do."""
    named = {n: v for n, v in fields.items() if {stem(w) for w in name_words(n) if w not in lexicon.STOP} & focus}
    if named or tool is None:
        return named
    described = {f.path.replace(".", "_") for f in tool.fields if set(stems(f.description)) & focus}
    return {n: v for n, v in fields.items() if n in described}
