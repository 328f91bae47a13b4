"""Read a policy text against a schema: its policies, and everything that is wrong with them."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from cedarpy import (
    policies_to_json_str,
    validate_policies,  # pyright: ignore[reportUnknownVariableType]  # its dicts are bare
)

from interlock.runtime.policies.changing import misplaced
from interlock.runtime.policies.complaints import complaint
from interlock.runtime.policies.passages import GROUP, Passage, World
from interlock.runtime.policies.rules import Finding, Rule, Source, findings_in, lookalikes, meant, named_roles, rule_of
from interlock.runtime.policies.sifting import Policy
from interlock.runtime.policies.text import (
    UNFINISHED,
    UNREADABLE,
    Statement,
    broken_in,
    parse_error,
    statements,
    without,
)

_CONTEXT: Final = {"Var": "context"}
_ARGS: Final = {".": {"left": _CONTEXT, "attr": "args"}}
_PREFIX: Final = re.compile(r"^for policy `[^`]*`, ")
_NUMBERED: Final = re.compile(r"\d+$")
_HINTS: Final = {
    UNFINISHED: "end each policy with a semicolon",
    UNREADABLE: 'close the text with a quotation mark, and write comments as "// ..."',
}


@dataclass(frozen=True, kw_only=True)
class Read:
    """One policy as it was written, and as it is understood."""

    statement: Statement
    policy: Policy
    rule: Rule


def read(source: Source, world: World) -> tuple[list[Read], list[Finding]]:
    """Read a text. Its policies can be used if no finding is an error."""
    message = parse_error(source.text)
    if message:
        return [], _broken(source, message, world)
    try:
        found = json.loads(policies_to_json_str(source.text))
    except RecursionError:
        return [], [
            source.error("a condition is nested too deeply", 0, "split the policy, or use a set and `contains`")
        ]
    written = statements(source.text)
    templates = [
        source.error("?principal and ?resource stand for nothing here", written[_number(key)].start, "write them out")
        for key in found["templates"]
    ]
    if templates:
        return [], templates
    policies = sorted(found["staticPolicies"].items(), key=lambda item: _number(item[0]))
    reads = [
        Read(statement=statement, policy=policy, rule=rule_of(source, statement, policy))
        for statement, (_id, policy) in zip(written, policies, strict=True)
    ]
    return reads, sorted(dict.fromkeys(_findings(source, reads, world)), key=_place)


def _broken(source: Source, message: str, world: World) -> list[Finding]:
    """Name every policy that does not parse, and what is wrong with the others."""
    broken = broken_in(source.text)
    if not broken:
        return [_syntax(source, 0, message)]
    found = [_syntax(source, at, wrong) for _statement, at, wrong in broken]
    if broken[-1][2] != UNREADABLE:
        rest = without(source.text, [statement for statement, _at, _wrong in broken])
        found += read(replace(source, text=rest), world)[1]
    return sorted(found, key=_place)


def _syntax(source: Source, at: int, message: str) -> Finding:
    return source.error(f"syntax error: {message}", at, _HINTS.get(message, "mend the policy"))


def _place(finding: Finding) -> tuple[int, int]:
    _file, line, column = finding.where.rsplit(":", 2)
    return int(line), int(column)


def is_about(policy: Policy, passage: Passage) -> bool:
    """Whether the policy's first line names the action, its group, or every action."""
    scope = policy["action"]
    if scope["op"] == "All":
        return True
    named = {uid["id"] for uid in scope.get("entities") or [scope["entity"]]}
    return passage.action in named or (scope["op"] == "in" and passage.contract is not None and GROUP in named)


def looked_at(policies: Iterable[Policy]) -> frozenset[str] | None:
    """Name every attribute that some policy looks at; None where one looks at the arguments as a whole."""
    names: set[str] = set()
    # An explicit stack: a condition of a few hundred terms nests deeper than Python's calls may.
    todo: list[tuple[Any, bool]] = [(policy.get("conditions", []), False) for policy in policies]
    while todo:
        node, is_taken_from = todo.pop()
        if node in (_CONTEXT, _ARGS) and not is_taken_from:
            return None
        for key, part in _parts(node):
            if key in (".", "has"):
                names.add(part["attr"])
                todo.append((part["left"], True))
            else:
                todo.append((part, False))
    return frozenset(names)


def _parts(node: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(node, dict):
        return cast(dict[str, Any], node).items()
    return [("", part) for part in cast(Iterable[Any], node)] if isinstance(node, list) else ()


def _number(policy_id: str) -> int:
    match = _NUMBERED.search(policy_id)
    return int(match[0]) if match else 0


def _findings(source: Source, reads: list[Read], world: World) -> Iterator[Finding]:
    seen: dict[str, Read] = {}
    for each in reads:
        yield from findings_in(source, each.statement, each.policy, world.roles)
        yield from misplaced(source, each.statement, each.policy, each.rule, world.passages)
        yield from _strangers(source, each, world)
        if each.rule.id in seen:
            first = seen[each.rule.id].rule.where
            at = each.statement.find("id")
            yield source.error(f"the id {each.rule.id!r} stands twice, first at {first}", at, "choose another id")
        seen.setdefault(each.rule.id, each)
    if world.roles is None:
        yield from lookalikes(list(roles_in(reads, source)))
    result = validate_policies(source.text, world.schema)
    wrong = {error.policy_id for error in result.errors if not complaint(error.error, world).follows}
    for error in result.errors:
        told = complaint(_PREFIX.sub("", error.error), world)
        if not (told.follows and error.policy_id in wrong):
            where = source.where(reads[_number(error.policy_id)].statement.find(*told.words))
            yield Finding(severity="warning" if told.follows else "error", what=told.what, where=where, fix=told.fix)


def roles_in(reads: Iterable[Read], source: Source) -> Iterator[tuple[str, str]]:
    """List the roles that policies name, those who ask and those who may answer, and where."""
    for each in reads:
        for kind, name in _entities(each.policy):
            if kind == "Role":
                yield name, source.where(each.statement.find(json.dumps(name)))
        yield from named_roles(source, each.statement, each.policy)


def _strangers(source: Source, each: Read, world: World) -> Iterator[Finding]:
    """Name tools and roles that do not exist; Cedar itself checks the names of actions only."""
    for kind, name in _entities(each.policy):
        at = each.statement.find(json.dumps(name))
        tools = [passage.action for passage in world.passages.values() if passage.contract]
        if kind == "Tool" and name not in tools:
            yield source.error(f"there is no tool {name!r}", at, meant(name, tools))
        if kind == "Role" and world.roles is not None and name not in world.roles:
            yield source.error(f"there is no role {name!r}", at, meant(name, world.roles))


def _entities(policy: Policy) -> Iterator[tuple[str, str]]:
    todo: list[Any] = [dict(policy)]
    while todo:
        node = todo.pop()
        if isinstance(node, dict) and cast(dict[str, Any], node).keys() == {"type", "id"}:
            yield node["type"], node["id"]
        else:
            todo.extend(part for _key, part in _parts(node))


def unpermitted(reads: Iterable[Read], world: World, source: Source) -> Iterator[Finding]:
    """Warn of each tool that no permit is about."""
    permits = [each.policy for each in reads if each.rule.effect == "permit"]
    for passage in world.passages.values():
        if passage.contract and not any(_permits(permit, passage) for permit in permits):
            yield Finding(
                severity="warning",
                what=f"no policy permits the tool {passage.action!r}, so every call to it is denied",
                where=source.where(0),
                fix=f'write a permit for Action::"{passage.action}", or take the tool from the agent',
            )


def _permits(policy: Policy, passage: Passage) -> bool:
    only = policy["resource"].get("entity", {})
    elsewhere = only.get("type") == "Tool" and only.get("id") != passage.action
    return is_about(policy, passage) and not elsewhere
