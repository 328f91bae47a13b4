"""Answering from results by template: what was found, done, refused or left undone, and nothing else."""

import re
from collections.abc import Mapping, Sequence

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.conversation import Outcome
from interlock.runtime.models.embedded.findings import found
from interlock.runtime.models.embedded.reports import done, failed, left_undone
from interlock.runtime.models.embedded.schemas import name_words

_HELPING = re.compile(r": find (?:the|out whether) ")
"""Marks the goal of a step that only serves another one; see `desk`."""


def answer(outcomes: Sequence[Outcome], tools: Mapping[str, Tool], request: str = "") -> str:
    """Say what the outcomes mean for the user, in the order in which they were asked for.

    Args:
        outcomes: of the calls made for the request.
        tools: by name, as far as their schemas are known.
        request: what was asked, for outcomes that name no goal.
    """
    steps = {o.step: o for o in outcomes if o.step}
    asked_for = [o for o in outcomes if not _HELPING.search(o.goal)]
    said = (_of(o, steps, tools.get(o.tool), request) for o in asked_for or outcomes)
    return " ".join(dict.fromkeys(text for text in said if text))


def _of(outcome: Outcome, steps: Mapping[str, Outcome], tool: Tool | None, request: str) -> str:
    acts = _acts(outcome) if tool is None else not tool.read_only
    if outcome.status == "skipped":
        return left_undone(outcome, steps) if acts or len(steps) == 1 else ""
    if outcome.status == "failed":
        return failed(outcome)
    if acts:
        return done(outcome)
    return found(outcome, _HELPING.split(outcome.goal)[0] or request, tool)


def _acts(outcome: Outcome) -> bool:
    """Tell by its name alone whether a tool changes something."""
    words = name_words(outcome.tool)
    return bool(words) and words[0] in lexicon.VERBS - lexicon.READING
