"""What policies answer."""

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import PolicyBroken
from interlock.runtime.policies import CedarPolicies
from interlock.runtime.ports import Request
from interlock.runtime.records import Label, Origin

MONEY = {"anyOf": [{"type": "number"}, {"type": "string", "format": "decimal"}]}
REFUND = ToolContract(
    name="refund",
    description="Pay back.",
    result={},
    arguments={
        "type": "object",
        "required": ["order_id", "amount"],
        "properties": {
            "order_id": {"type": "integer"},
            "amount": MONEY,
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "tags": {"type": "array", "items": {"type": "string"}, "default": []},
            "to": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "anything": {},
        },
    },
)
FIND = ToolContract(
    name="find_order",
    description="Find.",
    result={},
    read_only=True,
    destructive=False,
    arguments={"type": "object", "required": ["order_id"], "properties": {"order_id": {"type": "integer"}}},
)
TOOLS = [REFUND, FIND]
ANYONE = 'permit (principal, action == Action::"refund", resource);'


def asks(
    action: str = "refund",
    *,
    user: str = "7",
    tenant: str = "default",
    roles: tuple[str, ...] = (),
    label: Label | None = None,
    **arguments: Any,
) -> Request:
    return Request(
        user=user,
        tenant=tenant,
        roles=roles,
        agent="support",
        action=action,
        arguments={"order_id": 1, "amount": "10.00"} | arguments,
        label=label or Label(),
    )


def when(condition: str) -> CedarPolicies:
    return CedarPolicies(
        f'@id("it") permit (principal, action == Action::"refund", resource) when {{ {condition} }};', TOOLS
    )


def test_what_no_policy_permits_is_denied() -> None:
    decision = CedarPolicies("", TOOLS).decide(asks())

    assert (decision.outcome, decision.policies, decision.reason) == ("deny", (), "no policy permits refund")


def test_a_permit_allows_and_is_named() -> None:
    policy = f'@id("money-back") @reason("we are kind") {ANYONE}'
    decision = CedarPolicies(policy, TOOLS).decide(asks())

    assert (decision.outcome, decision.policies, decision.reason) == ("allow", ("money-back",), "we are kind")


def test_a_policy_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.cedar"
    file.write_text(f"// money\n\n{ANYONE}\n")

    assert CedarPolicies(file, TOOLS).decide(asks()).policies == ("policy.cedar:3",)


def test_a_forbid_wins_and_says_why() -> None:
    policy = f'{ANYONE} @id("freeze") @reason("books are closed") forbid (principal, action, resource);'
    decision = CedarPolicies(policy, TOOLS).decide(asks())

    assert (decision.outcome, decision.policies, decision.reason) == ("deny", ("freeze",), "books are closed")


def test_an_ask_wins_over_a_plain_permit() -> None:
    policy = f"""{ANYONE}
        @id("big") @decision("ask") @roles("lead, finance") @expires("30m") @reason("big money")
        permit (principal, action == Action::"refund", resource)
        when {{ context.args.amount.greaterThan(decimal("50.00")) }};"""
    policies = CedarPolicies(policy, TOOLS)

    assert policies.decide(asks(amount="50.00")).outcome == "allow"
    decision = policies.decide(asks(amount="50.01"))
    assert (decision.outcome, decision.policies, decision.reason) == ("ask", ("big",), "big money")
    assert (decision.roles, decision.expires_s) == (("finance", "lead"), 1800.0)


def test_two_asks_let_only_those_answer_whom_both_name() -> None:
    first = f'@id("a") @decision("ask") @roles("lead,finance") @expires("1h") {ANYONE}'
    second = f'@id("b") @decision("ask") @roles("finance,legal") @expires("2h") {ANYONE}'
    decision = CedarPolicies(first + second, TOOLS).decide(asks())

    assert (decision.roles, decision.expires_s, decision.policies) == (("finance",), 3600.0, ("a", "b"))


def test_asks_that_nobody_may_answer_deny() -> None:
    first = f'@id("a") @decision("ask") @roles("lead") {ANYONE}'
    second = f'@id("b") @decision("ask") @roles("legal") {ANYONE}'
    decision = CedarPolicies(first + second, TOOLS).decide(asks())

    assert decision.outcome == "deny"
    assert decision.reason == "nobody may answer for refund: the policies a, b ask different roles"


CONDITIONS: list[tuple[str, dict[str, Any], bool]] = [
    ('context.args.amount == decimal("10.0")', {"amount": 10}, True),
    ('context.args.amount.lessThan(decimal("10.0"))', {"amount": "10.00"}, False),
    ('context.args has note && context.args.note == "x"', {"note": "x"}, True),
    ("context.args has note", {"note": None}, False),
    ('context.args.tags.contains("vip")', {"tags": ["new", "vip"]}, True),
    ('context.args has to && context.args.to.city == "Rome"', {"to": {"city": "Rome"}}, True),
    ('context.integrity == "trusted" && context.confidentiality == "public" && context.agent == "support"', {}, True),
    ('principal.name == "7" && principal.tenant == "default" && principal == User::"default/7"', {}, True),
    ('resource == Tool::"refund" && resource.name == "refund" && resource.destructive', {}, True),
    ("resource.read_only || resource.idempotent || resource.open_world", {}, False),
    ('context.sources.contains("mail")', {}, False),
]


@pytest.mark.parametrize(("condition", "arguments", "holds"), CONDITIONS)
def test_conditions_see_the_typed_request(condition: str, arguments: dict[str, Any], holds: bool) -> None:
    tags: dict[str, Any] = {"tags": []}
    assert (when(condition).decide(asks(**tags | arguments)).outcome == "allow") is holds


def test_a_label_can_stop_a_call() -> None:
    policies = when('context.integrity == "trusted" && !context.sources.contains("web")')

    assert policies.decide(asks()).outcome == "allow"
    assert policies.decide(asks(label=Label(integrity="untrusted"))).outcome == "deny"
    assert policies.decide(asks(label=Label(sources=("web",)))).outcome == "deny"


def test_a_role_counts_only_for_who_has_it() -> None:
    policies = CedarPolicies('permit (principal in Role::"lead", action == Action::"refund", resource);', TOOLS)

    assert policies.decide(asks(roles=("clerk", "lead"))).outcome == "allow"
    assert policies.decide(asks(roles=("clerk",))).outcome == "deny"


def test_users_of_two_tenants_are_never_the_same() -> None:
    policies = when('principal == User::"a%2Fb/c"')

    assert policies.decide(asks(tenant="a/b", user="c")).outcome == "allow"
    assert policies.decide(asks(tenant="a", user="b/c")).outcome == "deny"
    assert policies.decide(asks(tenant="a%2Fb", user="c")).outcome == "deny"


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"order_id": 2**63}, "order_id: 9223372036854775808 does not fit into 64 bits"),
    ({"order_id": 10**5000}, "order_id: a number of 16610 bits does not fit into 64 bits"),
    ({"amount": "0.00001"}, "amount: '0.00001' has more than 4 decimals"),
    ({"amount": "1e30"}, "amount: '1e30' is beyond ±922337203685477.5807"),
    ({"amount": "NaN"}, "amount: 'NaN' is beyond ±922337203685477.5807"),
    ({"amount": "ten"}, "amount: 'ten' is no number"),
    ({"order_id": "1"}, "order_id: '1' is no whole number"),
]


@pytest.mark.parametrize(("arguments", "why"), UNFIT)
def test_a_value_that_policies_cannot_hold_is_denied_with_the_reason(arguments: dict[str, Any], why: str) -> None:
    policies = when('context.args.order_id > 0 && context.args.amount.lessThan(decimal("50.0"))')
    decision = policies.decide(asks(**arguments))

    assert (decision.outcome, decision.reason) == ("deny", f"refund cannot be judged: {why}")


def test_a_value_that_no_policy_looks_at_stops_nothing() -> None:
    assert when("context.args.order_id > 0").decide(asks(amount="0.00001", note="x" * 10_000_000)).outcome == "allow"


def test_a_policy_that_fails_denies_even_if_another_permits() -> None:
    policy = (
        f'{ANYONE} forbid (principal, action == Action::"refund", resource) when {{ context.args.order_id * 2 > 9 }};'
    )
    decision = CedarPolicies(policy, TOOLS).decide(asks(order_id=2**62))

    assert decision.outcome == "deny"
    assert "overflow" in decision.reason


def test_a_tool_that_is_not_the_agents_is_denied() -> None:
    assert CedarPolicies(ANYONE, TOOLS).decide(asks("launch")).reason == "there is no tool 'launch'"


BUILT_IN: list[tuple[str, dict[str, Any]]] = [
    ("call_model", {"model": "embedded", "tools": True}),
    ("read_memory", {"query": "tea"}),
    ("write_memory", {"text": "likes tea", "kind": "fact", "said_by": "user", "sensitivity": "normal"}),
    ("reply", {"text": "hello"}),
]


@pytest.mark.parametrize(("action", "arguments"), BUILT_IN)
def test_an_agent_may_think_remember_for_its_user_and_reply(action: str, arguments: dict[str, Any]) -> None:
    assert CedarPolicies("", TOOLS).decide(asks(action, **arguments)).outcome == "allow"


@pytest.mark.parametrize(("action", "arguments"), BUILT_IN)
def test_what_every_agent_may_do_can_be_forbidden(action: str, arguments: dict[str, Any]) -> None:
    policy = f'@id("no") forbid (principal, action == Action::"{action}", resource);'

    assert CedarPolicies(policy, TOOLS).decide(asks(action, **arguments)).policies == ("no",)


def test_without_a_policy_an_agent_may_look_and_asks_before_anything_else() -> None:
    policies = CedarPolicies(None, TOOLS)

    assert policies.decide(asks("find_order")).outcome == "allow"
    assert policies.decide(asks("refund")).outcome == "ask"
    assert CedarPolicies(None, []).decide(asks("reply")).outcome == "allow"


def write(file: Path, text: str, age_ns: int) -> None:
    file.write_text(text)
    os.utime(file, ns=(age_ns, age_ns))


def test_an_edit_is_in_force_from_the_next_decision_on(tmp_path: Path) -> None:
    file = tmp_path / "policy.cedar"
    write(file, ANYONE, 1)
    policies = CedarPolicies(file, TOOLS)
    before = (policies.version, policies.decide(asks()).outcome)

    write(file, "forbid (principal, action, resource);", 2)
    after = (policies.decide(asks()).outcome, policies.version)

    assert (before[1], after[0]) == ("allow", "deny")
    assert before[0] != after[1]


def test_a_broken_edit_denies_everything_until_it_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "policy.cedar"
    write(file, ANYONE, 1)
    policies = CedarPolicies(file, TOOLS)

    write(file, f"{ANYONE}\npermit (principal", 2)
    broken = policies.decide(asks())
    assert (broken.outcome, broken.reason) == (
        "deny",
        "the policy cannot be used: syntax error: unexpected end of input"
        f" ({file}:2:9); end each policy with a semicolon",
    )
    with pytest.raises(PolicyBroken):
        policies.explain(asks())
    file.unlink()
    assert policies.decide(asks()).outcome == "deny"
    write(file, ANYONE, 3)
    assert policies.decide(asks()).outcome == "allow"


def test_the_version_depends_on_the_policy_and_on_the_tools() -> None:
    versions = {
        CedarPolicies(ANYONE, TOOLS).version,
        CedarPolicies(ANYONE + " ", TOOLS).version,
        CedarPolicies(ANYONE, [REFUND]).version,
    }

    assert len(versions) == 3
    assert CedarPolicies(ANYONE, TOOLS).version in versions


def test_an_explanation_tells_every_policys_part() -> None:
    policy = """
        @id("small") permit (principal, action == Action::"refund", resource)
        when { context.args.amount.lessThan(decimal("5.00")) };
        @id("lead") @decision("ask") @reason("ask a lead") permit (principal, action == Action::"refund", resource);
        @id("look") permit (principal, action == Action::"find_order", resource);
        @id("odd") forbid (principal, action == Action::"refund", resource) when { context.args.order_id + 1 < 0 };
    """
    explained = CedarPolicies(policy, TOOLS).explain(asks(order_id=2**63 - 1))

    parts = {each.id: each.applies for each in explained.considered}
    assert parts["small"] == "condition not met"
    assert parts["lead"] == "applies"
    assert parts["look"] == parts["interlock.reply"] == "about something else"
    assert parts["odd"] == "cannot be evaluated"
    assert explained.decision.outcome == "deny"
    assert (explained.principal, explained.resource) == ('User::"default/7"', 'Tool::"refund"')


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
requests = st.builds(
    Request,
    user=st.text(),
    tenant=st.text(),
    roles=st.lists(st.text(), max_size=3).map(tuple),
    agent=st.text(),
    action=st.sampled_from(["refund", "find_order", "reply", "read_memory", "write_memory", "call_model", "x", ""]),
    arguments=st.dictionaries(
        st.sampled_from(["order_id", "amount", "note", "tags", "to", "anything", "text", "model"]), json_values
    ),
    label=st.builds(Label, sources=st.lists(st.text(), max_size=2).map(tuple)),
)
LOOKS_AT_ALL = CedarPolicies(
    """
    permit (principal, action == Action::"refund", resource)
    when { context.args == context.args && !context.sources.contains("x") && context.args.order_id > 0 };
    permit (principal, action == Action::"reply", resource)
    when { context.args has text && context.args.text like "*a*" };
    """,
    TOOLS,
)


@given(requests)
def test_no_request_makes_a_decision_fail(request: Request) -> None:
    assert LOOKS_AT_ALL.decide(request).outcome in ("allow", "deny")


@given(requests)
def test_roles_that_no_policy_names_change_nothing(request: Request) -> None:
    plain = replace(request, roles=())

    assert LOOKS_AT_ALL.decide(request) == LOOKS_AT_ALL.decide(plain)


class Written:
    """A random policy, and what it means."""

    def __init__(self, effect: str, action: str, limit: int, role: str | None) -> None:
        self.effect, self.action, self.limit, self.role = effect, action, limit, role

    def text(self, number: int) -> str:
        ask = '@decision("ask") ' if self.effect == "ask" else ""
        who = f"principal in Role::{json.dumps(self.role)}" if self.role else "principal"
        what = 'action in Action::"tool"' if self.action == "tool" else f'action == Action::"{self.action}"'
        effect = "forbid" if self.effect == "forbid" else "permit"
        return (
            f'@id("p{number}") {ask}{effect} ({who}, {what}, resource) when {{ context.args.order_id < {self.limit} }};'
        )

    def applies(self, action: str, order_id: int, roles: tuple[str, ...]) -> bool:
        return self.action in ("tool", action) and order_id < self.limit and (self.role is None or self.role in roles)


written = st.builds(
    Written,
    st.sampled_from(["permit", "ask", "forbid"]),
    st.sampled_from(["refund", "find_order", "tool"]),
    st.integers(0, 5),
    st.sampled_from([None, "lead", 'odd "name"']),
)


@given(
    st.lists(written, max_size=6),
    st.sampled_from(["refund", "find_order"]),
    st.integers(0, 5),
    st.sampled_from([(), ("lead",), ("lead", 'odd "name"')]),
)
def test_forbid_wins_over_ask_and_ask_over_permit(
    policies: list[Written], action: str, order_id: int, roles: tuple[str, ...]
) -> None:
    decision = CedarPolicies("\n".join(each.text(n) for n, each in enumerate(policies)), TOOLS).decide(
        asks(action, roles=roles, order_id=order_id)
    )

    effects = {each.effect: n for n, each in enumerate(policies) if each.applies(action, order_id, roles)}
    expected = "deny" if "forbid" in effects or not effects else "ask" if "ask" in effects else "allow"
    assert decision.outcome == expected


def test_decimals_are_compared_as_numbers_whatever_their_digits() -> None:
    policies = when('context.args.amount.lessThanOrEqual(decimal("50.0"))')

    assert policies.decide(asks(amount="50.00000")).outcome == "allow"
    assert policies.decide(asks(amount=Decimal("5E+1"))).outcome == "allow"
    assert policies.decide(asks(amount=50.01)).outcome == "deny"


def test_a_policy_that_is_left_out_early_would_not_have_applied() -> None:
    policies = CedarPolicies(
        f"""{ANYONE} @id("no") forbid (principal, action == Action::"refund", resource)
        when {{ context.args.order_id == 1 && context.integrity == "untrusted" && context.choice != "said" }};""",
        TOOLS,
    )
    untrusted = Label(integrity="untrusted")
    chosen = replace(asks(label=untrusted), origin=Origin(plan="on", choices={"order_id": "known"}))

    assert policies.decide(asks()).outcome == "allow"
    assert policies.decide(asks(label=untrusted)).outcome == "allow"
    assert (policies.decide(chosen).outcome, policies.decide(chosen).policies) == ("deny", ("no",))
