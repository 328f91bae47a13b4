"""Policies that were read without an error, ready to decide."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from cedarpy import (
    AuthzResult,
    Entities,
    PolicySet,
    is_authorized,  # pyright: ignore[reportUnknownVariableType]  # its dicts are bare
)
from cedarpy import Decision as Verdict

from interlock.runtime.checks import found_in
from interlock.runtime.policies.passages import HINTS, Passage, World, own_entities, standing_entities, user_uid
from interlock.runtime.policies.reading import Read, is_about, looked_at
from interlock.runtime.policies.rules import Rule
from interlock.runtime.policies.sifting import STEADY, Policy, Term, facts_of, left_by, steady, terms_of
from interlock.runtime.policies.values import Attribute, Unfit, convert_record
from interlock.runtime.ports import Request
from interlock.runtime.records import Decision

Applies = Literal["applies", "condition not met", "about something else", "cannot be evaluated"]
_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 4096
"""Characters of a request's context above which its decision is not kept."""


@dataclass(frozen=True, kw_only=True)
class Considered:
    """One policy, and what it had to say about a request."""

    id: str
    effect: Literal["permit", "ask", "transform", "forbid"]
    applies: Applies
    reason: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A decision, how the request looked to the policies, and every policy's part in it."""

    decision: Decision
    principal: str
    action: str
    resource: str
    context: Mapping[str, Any]
    considered: tuple[Considered, ...]


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A request as Cedar takes it."""

    user: str
    tenant: str
    roles: tuple[str, ...]
    action: str
    resource: tuple[str, str]
    context: str
    plain: Mapping[str, Any] = field(compare=False)
    """The context, before it was written as text."""


@dataclass(frozen=True, kw_only=True)
class _Relevant:
    """What matters to the decisions on one action."""

    reads: Sequence[Read]
    steady: Sequence[Sequence[Term]]
    """For each policy, what rules it out by what is the same for many requests."""
    others: Sequence[Sequence[Term]]
    """For each policy, what else rules it out."""
    arguments: Mapping[str, Attribute]
    seen: frozenset[str] | None
    """Attributes that some policy looks at; None: any."""
    always: Decision | None
    """The answer, where it depends on nothing but the action."""

    def looks_at(self, name: str) -> bool:
        return self.seen is None or name in self.seen


@dataclass
class _Uses:
    """How often some policies were in question together."""

    count: int = 0


class Compiled:
    """A set of policies in force. Its decisions are pure, so that they are remembered."""

    def __init__(self, reads: Sequence[Read], world: World, version: str) -> None:
        self.version = version
        self._passages = world.passages
        self._reads = reads
        self._rules = {each.rule.id: each.rule for each in reads}
        self._relevant = lru_cache(None)(self._select)
        self._parsed = lru_cache(_REMEMBERED)(self._parse)
        self._steadily = lru_cache(_REMEMBERED)(self._that_may_steadily_apply)
        self._uses = lru_cache(_REMEMBERED)(self._no_uses)
        self._verdict = lru_cache(_REMEMBERED)(self._conclude)
        self._entities = Entities.from_json_str(standing_entities(world.passages))
        self._with_caller = lru_cache(_REMEMBERED)(self._add_caller)
        self._remembered = lru_cache(_REMEMBERED)(self._ask)

    def decide(self, request: Request) -> Decision:
        """Decide on one request. What no policy permits, and what cannot be judged, is denied."""
        passage = self._passages.get(request.action)
        if passage is None:
            return _deny(f"there is no tool {request.action!r}")
        if (always := self._relevant(request.action).always) is not None:
            return always
        try:
            asked = self._asked(passage, request)
        except Unfit as error:
            return _deny(f"{request.action} cannot be judged: {error}")
        return (self._remembered if len(asked.context) <= _LONGEST_REMEMBERED else self._ask)(asked)

    def looks_at(self, action: str, attribute: str) -> bool:
        """Tell whether a decision on the action can depend on an attribute."""
        return action in self._passages and self._relevant(action).looks_at(attribute)

    def explain(self, request: Request) -> Explanation:
        """Decide, and tell every policy's part in it."""
        decision = self.decide(request)
        passage = self._passages.get(request.action)
        asked = self._shown(passage, request) if passage else None
        return Explanation(
            decision=decision,
            principal=f'User::"{user_uid(request.user, request.tenant)["id"]}"',
            action=f'Action::"{request.action}"',
            resource='{}::"{}"'.format(*asked.resource) if asked else "",
            context=json.loads(asked.context) if asked else {},
            considered=tuple(self._consider(each, asked) for each in self._reads) if asked else (),
        )

    def _select(self, action: str) -> _Relevant:
        """Keep the policies that are about the action, and the arguments that one of them looks at.

        What none looks at cannot matter, and cannot stop a call by being too large for Cedar.
        """
        passage = self._passages[action]
        reads = [each for each in self._reads if is_about(each.policy, passage)]
        seen = looked_at(each.policy for each in reads)
        terms = [terms_of(each.policy, _resource(passage)) for each in reads]
        return _Relevant(
            reads=reads,
            steady=[each.steady for each in terms],
            others=[each.others for each in terms],
            arguments={name: part for name, part in passage.arguments.items() if seen is None or name in seen},
            seen=seen,
            always=_always(reads, action),
        )

    def _that_may_steadily_apply(self, action: str, known: tuple[Any, ...]) -> tuple[int, ...]:
        relevant = self._relevant(action)
        return left_by(relevant.steady, range(len(relevant.reads)), dict(zip(STEADY, known, strict=True)))

    def _parse(self, action: str, places: tuple[int, ...]) -> PolicySet:
        reads = self._relevant(action).reads
        return _policy_set({reads[place].rule.id: _granting(reads[place]) for place in places})

    def _asked(self, passage: Passage, request: Request) -> _Asked:
        label, relevant = request.label, self._relevant(passage.action)
        context: dict[str, Any] = {
            "args": convert_record(relevant.arguments, request.arguments),
            "integrity": label.integrity,
        }
        if relevant.looks_at("agent"):
            context["agent"] = request.agent
        if relevant.looks_at("confidentiality"):
            context["confidentiality"] = label.confidentiality
        if passage.contract is not None:
            origin = request.origin
            context |= {"plan": origin.plan, "choice": origin.choice, "carries": origin.carries}
        if relevant.looks_at("sources"):
            context["sources"] = list(label.sources)
        if relevant.looks_at("found"):
            context["found"] = sorted(found_in(request.arguments if request.value is None else request.value))
        return _Asked(
            user=request.user,
            tenant=request.tenant,
            roles=request.roles,
            action=request.action,
            resource=(passage.resource_type, passage.resource_id(request)),
            context=json.dumps(context),
            plain=context,
        )

    def _shown(self, passage: Passage, request: Request) -> _Asked | None:
        try:
            return self._asked(passage, request)
        except Unfit:
            return None

    def _add_caller(self, user: str, tenant: str, roles: tuple[str, ...]) -> Entities:
        return self._entities.with_added_json_str(own_entities(user, tenant, roles))

    def _ask(self, asked: _Asked) -> Decision:
        relevant = self._relevant(asked.action)
        steadily = self._steadily(asked.action, steady(asked.plain))
        places = left_by(relevant.others, steadily, facts_of(asked.plain))
        if not places:
            return _concluded((), asked.action, allowed=False)
        result = self._judged(asked, places, len(relevant.reads))
        if errors := result.diagnostics.errors:
            # Cedar leaves out a policy that fails, which would lose a forbid.
            return _deny(f"{asked.action} cannot be judged: {'; '.join(errors)}")
        return self._verdict(asked.action, frozenset(result.diagnostics.reasons), result.decision is Verdict.Allow)

    def _conclude(self, action: str, determining: frozenset[str], allowed: bool) -> Decision:
        rules = [rule for rule in self._rules.values() if rule.id in determining]
        return _concluded(rules, action, allowed=allowed)

    def _judged(self, asked: _Asked, places: tuple[int, ...], all_told: int) -> AuthzResult:
        """Ask Cedar about the policies that may apply.

        To parse them by themselves pays from their second time on; before that they are asked among all others, which
        comes to the same unless one of those fails.
        """
        uses = self._uses(asked.action, places)
        uses.count += 1
        if uses.count == 1:
            result = self._authorize(self._parsed(asked.action, tuple(range(all_told))), asked)
            if not result.diagnostics.errors:
                return result
        return self._authorize(self._parsed(asked.action, places), asked)

    def _no_uses(self, _action: str, _places: tuple[int, ...]) -> _Uses:
        return _Uses()

    def _authorize(self, policies: PolicySet, asked: _Asked) -> AuthzResult:
        kind, name = asked.resource
        request = {
            "principal": user_uid(asked.user, asked.tenant),
            "action": {"type": "Action", "id": asked.action},
            "resource": {"type": kind, "id": name},
            "context": asked.context,
        }
        return is_authorized(request, policies, self._with_caller(asked.user, asked.tenant, asked.roles))

    def _consider(self, each: Read, asked: _Asked) -> Considered:
        rule = each.rule
        return Considered(
            id=rule.id,
            effect="ask" if rule.asks else "transform" if rule.changes else rule.effect,
            applies=self._applies(each.policy, asked),
            reason=rule.reason,
            where=rule.where,
        )

    def _applies(self, policy: Policy, asked: _Asked) -> Applies:
        result = self._authorize(_policy_set({"it": policy}), asked)
        if result.diagnostics.errors:
            return "cannot be evaluated"
        if result.diagnostics.reasons:
            return "applies"
        scope = self._authorize(_policy_set({"it": {**policy, "conditions": []}}), asked)
        return "condition not met" if scope.diagnostics.reasons else "about something else"


def version_of(texts: Iterable[str]) -> str:
    """Hash what decisions depend on."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _resource(passage: Passage) -> dict[str, Any]:
    """Give what is known beforehand of what an action acts on."""
    contract = passage.contract
    return {"name": contract.name} | {hint: getattr(contract, hint) for hint in HINTS} if contract else {}


def _granting(each: Read) -> Policy:
    """Let Cedar report a policy that only narrows beside those that permit; alone it grants nothing."""
    return {**each.policy, "effect": "permit"} if each.rule.narrows else each.policy


def _always(reads: Sequence[Read], action: str) -> Decision | None:
    """Answer at once where no policy about the action looks at who, what or how."""
    for each in reads:
        policy = each.policy
        if policy.get("conditions") or policy["principal"]["op"] != "All" or policy["resource"]["op"] != "All":
            return None
    rules = [each.rule for each in reads]
    forbidding = [rule for rule in rules if rule.effect == "forbid" and not rule.narrows]
    return _concluded(forbidding or rules, action, allowed=bool(rules) and not forbidding)


def _policy_set(policies: Mapping[str, Policy]) -> PolicySet:
    return PolicySet.from_json_str(json.dumps({"staticPolicies": policies, "templates": {}, "templateLinks": []}))


def _concluded(rules: Sequence[Rule], action: str, *, allowed: bool) -> Decision:
    if not allowed:
        return _deny(_reason(rules) or f"no policy permits {action}", rules)
    if all(rule.narrows for rule in rules):
        return _deny(f"no policy permits {action}")
    changes = tuple(dict.fromkeys(change for rule in rules for change in rule.changes))
    asking = [rule for rule in rules if rule.asks]
    if not asking and changes:
        changing = [rule for rule in rules if rule.changes]
        return Decision(outcome="transform", policies=_ids(changing), reason=_reason(changing), changes=changes)
    if not asking:
        return Decision(outcome="allow", policies=_ids(rules), reason=_reason(rules))
    limited = [rule.roles for rule in asking if rule.roles is not None]
    roles = limited[0].intersection(*limited[1:]) if limited else frozenset[str]()
    if limited and not roles:
        return _deny(
            f"nobody may answer for {action}: the policies {', '.join(_ids(asking))} ask different roles", asking
        )
    return Decision(
        outcome="ask",
        policies=_ids(asking),
        reason=_reason(asking),
        roles=tuple(sorted(roles)),
        expires_s=min(rule.expires_s for rule in asking),
        quorum=max(rule.quorum for rule in asking),
        changes=changes,
    )


def _deny(reason: str, rules: Sequence[Rule] = ()) -> Decision:
    return Decision(outcome="deny", policies=_ids(rules), reason=reason)


def _ids(rules: Sequence[Rule]) -> tuple[str, ...]:
    return tuple(rule.id for rule in rules)


def _reason(rules: Sequence[Rule]) -> str:
    return "; ".join(dict.fromkeys(rule.reason for rule in rules if rule.reason))
