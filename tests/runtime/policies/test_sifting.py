"""Leaving out policies that plainly cannot apply changes no decision."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.contract import ToolContract
from interlock.runtime.policies import CedarPolicies
from interlock.runtime.ports import Request
from interlock.runtime.records import Label, Origin

MONEY = {"anyOf": [{"type": "number"}, {"type": "string", "format": "decimal"}]}
PAY = ToolContract(
    name="pay",
    description="Pay.",
    result={},
    open_world=True,
    arguments={
        "type": "object",
        "required": ["count", "amount", "to", "near"],
        "properties": {
            "count": {"type": "integer"},
            "amount": MONEY,
            "to": {"type": "string"},
            "note": {"type": "string"},
            "sure": {"type": "boolean"},
            "near": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
            "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        },
    },
)
WORDS = ("", "a", "ab", "ba", "abab", "*", "a*b", "é")
NUMBERS = (-1, 0, 1, 2**63 - 1)
AMOUNTS = ("0.5", "1.00", "-1", "1")

words, numbers = st.sampled_from(WORDS), st.sampled_from(NUMBERS)
patterns = st.sampled_from(["", "*", "a*", "*b", "a*b", "*a*b*", "ab", r"\*", r"a\*b", "é*"])
terms = st.one_of(
    st.builds("context.args.count {} {}".format, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers),
    st.builds('context.args.amount.{}(decimal("{}"))'.format,
              st.sampled_from(["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]),
              st.sampled_from(["0.5", "1.0", "-1.0"])),
    st.builds('context.args.{} == "{}"'.format, st.sampled_from(["to", "near.city"]), st.sampled_from(["", "a", "é"])),
    st.builds('context.args.to like "{}"'.format, patterns),
    st.builds('(context.args has note && context.args.note like "{}")'.format, patterns),
    st.builds('context.{} == "{}"'.format, st.sampled_from(["integrity", "plan"]), st.sampled_from(["trusted", "on"])),
    st.sampled_from(["resource.read_only", "resource.open_world", 'resource.name == "pay"', "context.carries",
                     'context.args.amount == decimal("1.0")', "context.args has sure && context.args.sure",
                     'context.args has tags && context.args.tags.contains("a")', "context.args.count + 1 > 0",
                     'principal.name == "7"', "context.found.isEmpty()"]),
)  # fmt: skip
conditions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=5,
)
arguments: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"count": numbers, "amount": st.sampled_from(AMOUNTS), "to": words, "near": st.fixed_dictionaries({"city": words})},
    optional={"note": words, "sure": st.booleans(), "tags": st.lists(words, max_size=2)},
)


def asks(given: dict[str, Any], integrity: Any = "trusted", plan: Any = "none", *, agent: str = "till") -> Request:
    return Request(
        user="7", tenant="default", roles=(), agent=agent, action="pay", arguments=given,
        label=Label(integrity=integrity), origin=Origin(plan=plan),
    )  # fmt: skip


@given(
    conditions,
    st.sampled_from(["when", "unless"]),
    arguments,
    st.sampled_from(["trusted", "untrusted"]),
    st.sampled_from(["none", "on"]),
)
def test_a_policy_is_left_out_only_where_cedar_would_find_that_it_does_not_apply(
    condition: str, kind: str, given: dict[str, Any], integrity: str, plan: str
) -> None:
    policies = CedarPolicies(
        f'@id("it") permit (principal, action == Action::"pay", resource) {kind} {{ {condition} }};', [PAY]
    )
    request = asks(given, integrity, plan)
    (it,) = [each for each in policies.explain(request).considered if each.id == "it"]

    once, again = policies.decide(request), policies.decide(asks(given, integrity, plan, agent="another"))

    assert once == again
    if it.applies == "applies":
        assert once.outcome == "allow"
    elif it.applies == "condition not met":
        assert once.outcome == "deny"


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_policy_that_fails_denies_however_often_it_was_in_question(times: int) -> None:
    policies = CedarPolicies(
        """permit (principal, action, resource);
           forbid (principal, action == Action::"pay", resource) when { context.args.count * 2 > 9 };""",
        [PAY],
    )
    given = {"count": 2**62, "amount": "1", "near": {"city": ""}}

    outcomes = [policies.decide(asks({**given, "to": str(number)})).outcome for number in range(times)]

    assert outcomes == ["deny"] * times


def test_a_failing_policy_that_plainly_cannot_apply_stops_nothing_at_any_time() -> None:
    policies = CedarPolicies(
        """permit (principal, action, resource);
           forbid (principal, action == Action::"pay", resource)
           when { context.args.count * 2 > 9 && context.args.to == "mallory" };""",
        [PAY],
    )
    given = {"count": 2**62, "amount": "1", "to": "bob", "near": {"city": ""}}

    outcomes = [policies.decide(asks({**given, "near": {"city": str(n)}})).outcome for n in range(3)]

    assert outcomes == ["allow"] * 3
