"""Reporting deeds: what was done, what failed and why, and what was left undone on which condition."""

import re
from collections.abc import Mapping
from typing import Any, cast

from interlock.runtime.models.embedded import lexicon, phrasing
from interlock.runtime.models.embedded.conversation import Outcome
from interlock.runtime.models.embedded.lexicon import CLASSES
from interlock.runtime.models.embedded.schemas import name_words
from interlock.runtime.plan import look_up

MOST_DETAILS = 10
LONGEST_REASON = 400
LONGEST_TEXT = 500
_MENDING = re.compile(r"\. Correct the arguments and call it again\.?$")
_NOT_HELD = "the condition does not hold: "
_TEST = re.compile(
    r"(?P<step>\w+?)(?:\.(?P<field>[\w.]+))? "
    r"(?P<op>equals|not_equals|is_null|not_null|at_least|at_most|contains)(?: (?P<value>.*))?"
)
"""A condition as `runtime.plan` writes it."""


def deed(outcome: Outcome, *, past: bool) -> str:
    """Name what a call does: "refund order 1017", "sent the mail"."""
    words, arguments = name_words(outcome.tool), outcome.arguments
    about = phrasing.subject(outcome.tool, arguments)
    if not words or words[0] not in lexicon.VERBS:
        return f"{'used' if past else 'use'} {' '.join(words) or 'the tool'}"
    verb, rest = phrasing.past(words[0]) if past else words[0], words[1:]
    path = arguments.get("path") or arguments.get("file")
    if not rest:
        return f"{verb} {'it' if about.startswith('the ') else about}"
    if (target := arguments.get("_".join(rest))) is not None:
        return f"{verb} the {' '.join(rest)}" + (f" to {phrasing.value_text(target)}" if past else "")
    if path:
        return f"{verb} {path}"
    if re.search(r"\d", about) and about.split()[0] in (rest[-1], phrasing.singular(rest[-1])):
        return f"{verb} {about}"
    return f"{verb} the {' '.join(rest)}" + (f" of {about}" if re.search(r" \S*\d", about) else "")


def done(outcome: Outcome) -> str:
    """Report a deed with what it was done to and what it brought."""
    value = outcome.value
    result = phrasing.scalars(cast(Mapping[str, Any], value)) if isinstance(value, Mapping) else {}
    named = deed(outcome, past=True)
    shown = {n: v for n, v in {**outcome.arguments, **result}.items() if _worth_telling(n, v, outcome, named)}
    details = [f"{phrasing.spoken(n)} {phrasing.value_text(v)}" for n, v in shown.items()][:MOST_DETAILS]
    text = f"I {named}" + (f" ({', '.join(details)})" if details else "")
    if isinstance(value, str) and value.strip():
        return f"{text}: {phrasing.sentence(value.strip()[:LONGEST_TEXT])}"
    return f"{text}."


def _worth_telling(name: str, value: Any, outcome: Outcome, named: str) -> bool:
    """Leave out what is empty, what the deed's name tells already, and texts that the user wrote."""
    own_words = name in outcome.arguments and bool(CLASSES["content"] & set(name_words(name)))
    told = re.search(rf"(?<![\w.]){re.escape(str(value))}(?![\w.])", named)
    return value not in (None, [], "", False) and not own_words and told is None


def failed(outcome: Outcome) -> str:
    """Report a failure with the reason that the tool or the gate gave."""
    return f"I could not {deed(outcome, past=False)}: {_reason(outcome)}."


def _reason(outcome: Outcome) -> str:
    reason = _MENDING.sub("", re.sub(r"\s+", " ", outcome.reason or "it did not work").strip())
    reason = re.sub(rf"^(?:{re.escape(outcome.tool)}: |[Ee]rror: )", "", reason)
    return reason[:LONGEST_REASON].rstrip(".")


def left_undone(outcome: Outcome, steps: Mapping[str, Outcome]) -> str:
    """Report a deed that was not done, with the condition that did not hold or the step that failed before it."""
    named = f"I did not {deed(_with_arguments(outcome, steps), past=False)}"
    if m := re.fullmatch(r"(\w+) was (?:failed|skipped)", outcome.reason):
        first = steps.get(m[1])
        because = first is not None and first.status == "failed"
        return f"{named}: {_reason(first)}." if first and because else f"{named}, because it depends on that."
    reasons = [_unmet(part, steps) for part in outcome.reason.removeprefix(_NOT_HELD).split("; ")]
    return f"{named}, because {' and '.join(dict.fromkeys(reasons))}."


def _with_arguments(outcome: Outcome, steps: Mapping[str, Outcome]) -> Outcome:
    """A skipped call was never made; what it was about is known from the lookups it waited for."""
    helpers = (o for o in steps.values() if o is not outcome and o.arguments and o.goal.startswith(outcome.goal))
    helper = None if outcome.arguments else next(helpers, None)
    return Outcome(tool=outcome.tool, arguments=helper.arguments, goal=outcome.goal) if helper else outcome


def _unmet(test: str, steps: Mapping[str, Outcome]) -> str:
    """Say in words how a condition failed: by what the field holds instead."""
    m = _TEST.fullmatch(test)
    step = steps.get(m["step"]) if m else None
    if m is None or step is None:
        return f"the condition did not hold ({test})"
    about, field = phrasing.subject(step.tool, step.arguments), m["field"] or ""
    if not field:
        return f"I found {'something' if m['op'] == 'is_null' else 'nothing'} for {about}"
    value, limit = look_up(step.value, field), (m["value"] or "").strip("'")
    said = phrasing.clause_of(field.rpartition(".")[2], value)
    return f"{about} {said}{_beside(m['op'], phrasing.value_text(value), limit)}"


def _beside(op: str, value: str, limit: str) -> str:
    wanted = {"at_least": "less", "at_most": "more"}.get(op)
    return f", which is {wanted} than {limit}" if wanted and value != limit else ""
