"""What a policy can change, passage by passage: what it names and cannot be changed would go on as it was."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, cast

from interlock.runtime.policies.passages import Passage
from interlock.runtime.policies.rules import Finding, Rule, Source, meant
from interlock.runtime.policies.text import Statement
from interlock.runtime.records import Change

_TEXTS: Final[Mapping[str, Collection[str]]] = {
    "take_input": ("text",),
    "write_memory": ("text",),
    "read_memory": ("query", "text"),
    "reply": ("text",),
}
"""What can be changed where no tool is called. Of a result it can be any field."""
_FIX: Final = "forbid it, or ask"


def misplaced(source: Source, statement: Statement, policy: Mapping[str, Any], rule: Rule,
              known: Mapping[str, Passage]) -> Iterator[Finding]:  # fmt: skip
    """Name each change that none of the actions which a policy names can make."""
    scope: Mapping[str, Any] = policy["action"]
    named = {uid["id"] for uid in scope.get("entities") or [scope["entity"]]} if scope["op"] != "All" else set[str]()
    about = [passage for name, passage in known.items() if name in named]
    for change in rule.changes if about else ():
        complaints = [_complaint(change, passage) for passage in about]
        if all(complaints):
            what, fix = next(filter(None, complaints))
            yield source.error(what, statement.find(change.do), fix)


def _complaint(change: Change, passage: Passage) -> tuple[str, str] | None:
    if passage.action == "take_result":
        return None
    fields = _fields(passage)
    if not fields:
        return f"nothing of {passage.action} can be changed", _FIX
    field = change.field.split(".")[0]
    if field not in {*fields, "*"}:
        return f"{passage.action} has no {field!r} that could be changed", meant(field, fields)
    if change.do == "cap" and not _may_be_number(passage, field):
        return f"{field!r} of {passage.action} is no number, and cannot be capped", _FIX
    return None


def _fields(passage: Passage) -> Collection[str]:
    if passage.contract is None:
        return _TEXTS.get(passage.action, ())
    properties: Mapping[str, Any] = passage.contract.arguments.get("properties", {})
    return properties


def _may_be_number(passage: Passage, field: str) -> bool:
    if passage.contract is None or field == "*":
        return False
    part: Any = passage.contract.arguments["properties"][field]  # `true` is a schema, too
    return not isinstance(part, Mapping) or cast(Mapping[str, Any], part).get("type") != "boolean"
