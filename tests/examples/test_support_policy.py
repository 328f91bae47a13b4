"""The support agent's policy: what it allows, whom it asks, and what it forbids."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.policies import CedarPolicies, check
from interlock.runtime.ports import Request
from interlock.runtime.records import Decision, Label

TOOLS = ("find_order", "list_orders", "track_shipment", "search_help", "refund", "change_address", "send_mail")
POLICY = Path(__file__).parents[2] / "examples" / "support" / "policy.cedar"


@pytest.fixture
def contracts(database: Path) -> list[Any]:
    tools = import_module("support.tools")
    return [getattr(tools, name).contract for name in TOOLS]


@pytest.fixture
def policies(contracts: list[Any]) -> CedarPolicies:
    return CedarPolicies(POLICY, contracts)


def decide(policies: CedarPolicies, action: str, **arguments: Any) -> Decision:
    request = Request(
        user="7", tenant="default", roles=(), agent="support", action=action, arguments=arguments, label=Label()
    )
    return policies.decide(request)


def test_the_policy_fits_the_tools_and_mentions_each_of_them(contracts: list[Any]) -> None:
    assert check(POLICY, contracts) == []


@pytest.mark.parametrize(
    ("amount", "outcome", "policy"),
    [
        ("0.01", "allow", "small-refund"),
        ("50.00", "allow", "small-refund"),
        ("50.01", "ask", "large-refund"),
        ("500.00", "ask", "large-refund"),
        ("500.01", "deny", "refund-limit"),
        ("9999999.99", "deny", "refund-limit"),
    ],
)
def test_the_amount_decides_about_a_refund(policies: CedarPolicies, amount: str, outcome: str, policy: str) -> None:
    decision = decide(policies, "refund", order_id=1017, amount=amount)

    assert (decision.outcome, decision.policies) == (outcome, (policy,))
    assert decision.roles == (("lead",) if outcome == "ask" else ())


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        ("", "allow"),
        ("warehouse@harbour.example", "allow"),
        ("x@evil.example", "deny"),
        ("x@evil.example?@harbour.example.evil.example", "deny"),
        ("harbour.example", "deny"),
    ],
)
def test_mail_stays_with_the_customer_and_the_shop(policies: CedarPolicies, to: str, outcome: str) -> None:
    assert decide(policies, "send_mail", subject="s", body="b", to=to).outcome == outcome


@pytest.mark.parametrize("action", ["find_order", "track_shipment"])
def test_reading_is_allowed(policies: CedarPolicies, action: str) -> None:
    assert decide(policies, action, order_id=1).outcome == "allow"


@pytest.mark.parametrize("action", ["call_model", "reply", "read_memory", "write_memory"])
def test_the_agent_may_think_remember_and_answer(policies: CedarPolicies, action: str) -> None:
    assert decide(policies, action).outcome == "allow"
