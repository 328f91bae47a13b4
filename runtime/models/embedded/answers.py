"""Answering from results by template: what was found, done, refused or left undone, and nothing else."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from interlock.runtime.models.embedded import lexicon, phrasing
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.conversation import Outcome
from interlock.runtime.models.embedded.excerpts import is_prose, quoted
from interlock.runtime.models.embedded.lexicon import CLASSES
from interlock.runtime.models.embedded.schemas import name_words
from interlock.runtime.models.embedded.senses import events, synonyms
from interlock.runtime.models.embedded.text import stem, stem_set, tokens
from interlock.runtime.plan import look_up

_HELPING = re.compile(r": find (?:the|out whether) ")
_GENERAL = stem_set(
    "find show look up track details detail information info status state locate trace check about happen happened parcel"
)
MOST_FIELDS = 10


def answer(outcomes: Sequence[Outcome], tools: Mapping[str, Tool], request: str = "") -> str:
    """Say what the outcomes mean for the user, in the order in which they were asked for."""
    steps = {o.step: o for o in outcomes if o.step}
    said: list[str] = []
    for outcome in outcomes:
        if text := _of(outcome, outcomes, steps, tools, request):
            said.append(text)
    return " ".join(dict.fromkeys(said))


def _of(
    outcome: Outcome, outcomes: Sequence[Outcome], steps: Mapping[str, Outcome], tools: Mapping[str, Tool], request: str
) -> str:
    helping = bool(_HELPING.search(outcome.goal))
    tool = tools.get(outcome.tool)
    if helping and any(o is not outcome and not _HELPING.search(o.goal) for o in outcomes):
        return ""
    if outcome.status == "skipped":
        return _left_undone(outcome, steps)
    if outcome.status == "failed":
        return _failed(outcome)
    acts = not tool.read_only if tool else _acts(outcome)
    if acts:
        return _done(outcome)
    return found(outcome, _HELPING.split(outcome.goal)[0] or request, tool)


def _acts(outcome: Outcome) -> bool:
    words = name_words(outcome.tool)
    return bool(words) and words[0] in lexicon.VERBS and words[0] not in lexicon.READING


def deed(outcome: Outcome, *, done: bool) -> str:
    """Name what a call does: "refund order 1017", "sent the mail"."""
    words = list(name_words(outcome.tool))
    about = phrasing.subject(outcome.tool, outcome.arguments)
    if not words or words[0] not in lexicon.VERBS:
        return f"{'used' if done else 'use'} {' '.join(words) or 'the tool'}"
    verb = phrasing.past(words[0]) if done else words[0]
    if len(words) == 1:
        return f"{verb} {about if any(c.isdigit() for c in about) or not about.startswith('the ') else 'it'}"
    thing = " ".join(words[1:])
    if done and (target := outcome.arguments.get("_".join(words[1:]))) is not None:
        return f"{verb} the {thing} to {phrasing.value_text(target)}"
    if outcome.arguments.get("_".join(words[1:])) is not None:
        return f"{verb} the {thing}"
    if "path" in outcome.arguments or "file" in outcome.arguments:
        return f"{verb} {outcome.arguments.get('path') or outcome.arguments.get('file')}"
    if any(c.isdigit() for c in about) and about.split()[0] in (words[-1], phrasing.singular(words[-1])):
        return f"{verb} {about}"
    return f"{verb} the {thing}" + (f" of {about}" if re.search(r" \S*\d", about) else "")


def _done(outcome: Outcome) -> str:
    result = phrasing.scalars(cast(Mapping[str, Any], outcome.value)) if isinstance(outcome.value, Mapping) else {}
    about = deed(outcome, done=True)
    shown: dict[str, Any] = {}
    for name, value in {**outcome.arguments, **result}.items():
        told = _within(value, about) or bool(CLASSES["content"] & set(name_words(name)) and name in outcome.arguments)
        if value not in (None, [], "", False) and not told:
            shown[name] = value
    details = ", ".join(f"{phrasing.spoken(n)} {phrasing.value_text(v)}" for n, v in list(shown.items())[:MOST_FIELDS])
    text = f"I {about}" + (f" ({details})" if details else "")
    if isinstance(outcome.value, str) and outcome.value.strip():
        return f"{text}: {phrasing.sentence(outcome.value.strip()[:500])}"
    return f"{text}."


def _within(value: Any, text: str) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(str(value))}(?![\w.])", text))


def _failed(outcome: Outcome) -> str:
    return f"I could not {deed(outcome, done=False)}: {_reason(outcome)}."


def _reason(outcome: Outcome) -> str:
    reason = re.sub(r"\s+", " ", outcome.reason or "it did not work").strip()
    reason = re.sub(r"\. Correct the arguments and call it again\.?$", "", reason)
    return re.sub(rf"^(?:{re.escape(outcome.tool)}: |[Ee]rror: )", "", reason)[:400].rstrip(".")


def _left_undone(outcome: Outcome, steps: Mapping[str, Outcome]) -> str:
    named = f"I did not {deed(_with_arguments(outcome, steps), done=False)}"
    if m := re.fullmatch(r"(\w+) was (failed|skipped)", outcome.reason):
        first = steps.get(m[1])
        return (
            f"{named}: {_reason(first)}."
            if first and first.status == "failed"
            else f"{named}, because it depends on that."
        )
    reasons = [
        _unmet(part, steps) for part in re.sub(r"^the condition does not hold: ", "", outcome.reason).split("; ")
    ]
    return f"{named}, because {' and '.join(dict.fromkeys(reasons))}."


def _with_arguments(outcome: Outcome, steps: Mapping[str, Outcome]) -> Outcome:
    """A skipped call was never made; what it was about is known from the lookups it waited for."""
    if outcome.arguments:
        return outcome
    helper = next(
        (o for o in steps.values() if o.goal.startswith(outcome.goal) and o.arguments and o is not outcome), None
    )
    return Outcome(tool=outcome.tool, arguments=helper.arguments, goal=outcome.goal) if helper else outcome


def _unmet(test: str, steps: Mapping[str, Outcome]) -> str:
    m = re.fullmatch(
        r"(\w+?)(?:\.([\w.]+))? (equals|not_equals|is_null|not_null|at_least|at_most|contains)(?: (.*))?", test
    )
    step = steps.get(m[1]) if m else None
    if m is None or step is None:
        return f"the condition did not hold ({test})"
    about = phrasing.subject(step.tool, step.arguments)
    name, value = m[2] or "", look_up(step.value, m[2] or "")
    if not name:
        return f"I found {'something' if m[3] == 'is_null' else 'nothing'} for {about}"
    limit = (m[4] or "").strip("'")
    wanted = {"at_least": f", which is less than {limit}", "at_most": f", which is more than {limit}"}.get(m[3], "")
    wanted = wanted if str(phrasing.value_text(value)) != limit else f", not {'more' if m[3] == 'at_least' else 'less'}"
    return f"{about} {phrasing.clause_of(name.rpartition('.')[2], value)}{wanted}"


def found(outcome: Outcome, question: str, tool: Tool | None = None) -> str:
    """Say what a lookup found, as far as the question is about it."""
    value, about = outcome.value, phrasing.subject(outcome.tool, outcome.arguments)
    asked = next((str(v) for n, v in outcome.arguments.items() if CLASSES["query"] & set(name_words(n))), question)
    if is_prose(value):
        return quoted(value, asked)
    if isinstance(value, Mapping):
        fields = _relevant(cast(Mapping[str, Any], value), outcome.arguments, question, tool)
        return phrasing.sentences(about, fields) if fields else f"I found nothing on {about}."
    if isinstance(value, list):
        return _listing(outcome, cast(list[Any], value))
    if value is None or value == "":
        return f"I found no {phrasing.noun(outcome.tool)}" + (f" for {about}." if not about.startswith("the ") else ".")
    if isinstance(value, str) and " " in value.strip():
        return phrasing.sentence(value.strip()[:800])
    return f"The {phrasing.noun(outcome.tool)} is {phrasing.value_text(value)}."


def _listing(outcome: Outcome, values: list[Any]) -> str:
    words = name_words(phrasing.noun(outcome.tool))
    single = phrasing.singular(words[-1]) if words else "entry"
    extra = "".join(_filter(name, value) for name, value in outcome.arguments.items())
    asked = next((v for n, v in outcome.arguments.items() if CLASSES["query"] & set(name_words(n))), None)
    if not values:
        return "I found nothing on that." if asked else f"I found no {phrasing.plural(single)}{extra}."
    shown = [
        phrasing.item(cast(Mapping[str, Any], v), single if _own_id(cast(Mapping[str, Any], v), single) else "")
        if isinstance(v, Mapping)
        else phrasing.value_text(v)
        for v in values[: phrasing.MOST_ITEMS]
    ]
    more = f"; and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    count = f"{len(values)} {single if len(values) == 1 else phrasing.plural(single)}"
    return f"I found {count}{extra}: {'; '.join(shown)}{more}."


def _filter(name: str, value: Any) -> str:
    """Say by what a list was narrowed."""
    words = set(name_words(name))
    if phrasing.is_identifier(name):
        return f" for {phrasing.spoken(name).rpartition(' ')[0]} {value}"
    if words & (CLASSES["place"] | {"folder", "calendar", "account"}):
        return f" in {value}"
    if words & {"day", "date"}:
        return f" on {value}"
    if words & CLASSES["query"]:
        return f" for “{value}”"
    return f" with {phrasing.spoken(name)} {phrasing.value_text(value)}"


def _own_id(value: Mapping[str, Any], single: str) -> bool:
    return "id" in value or f"{single}_id" in value


def focus(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Stems that the question is about: by its own words, and by words like them."""
    words = tokens(question)
    own = {t.stem for t in words if t.topical}
    topics = {stem(s) for t in words for s in lexicon.QUESTION_TOPICS.get(t.low, "").split()}
    low = " ".join(t.low for t in words)
    topics |= {
        stem(s)
        for phrase, senses in (lexicon.PHRASES | lexicon.ASKING).items()
        if phrase in low
        for s in senses.split()
    }
    near = own | topics | {e for w in own for e in events(w)}
    return frozenset(near), frozenset(near | {s for w in own for s in synonyms(w) if w not in _GENERAL})


def _relevant(
    value: Mapping[str, Any], arguments: Mapping[str, Any], question: str, tool: Tool | None
) -> dict[str, Any]:
    """Choose the fields that the question is about; all that are known where it is about the whole."""
    fields = {n: v for n, v in phrasing.scalars(value).items() if not (n in arguments and str(arguments[n]) == str(v))}
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
