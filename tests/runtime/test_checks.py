"""Personal data, secrets and grounding: what is found, and what policies do about it."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from interlock.runtime.checks import changed, found_in
from interlock.runtime.contract import ToolContract
from interlock.runtime.grounding import ungrounded
from interlock.runtime.policies import CedarPolicies
from interlock.runtime.policies.cedar import SETS, check
from interlock.runtime.ports import Request
from interlock.runtime.records import Change, Label, Origin

PAY = ToolContract(
    name="pay",
    description="Pay.",
    result={},
    arguments={"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}},
)
LOOK = ToolContract(name="look", description="Look.", arguments={}, result={}, read_only=True, destructive=False)


def asks(action: str, *, value: object = None, origin: Origin | None = None, **arguments: object) -> Request:
    return Request(
        user="7", tenant="d", roles=(), agent="a", action=action, arguments=dict(arguments), label=Label(),
        origin=origin or Origin(), value=value,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "the password is hunter2hunter2",
        "api_key=9f8e7d6c5b4a",
        "postgres://bob:s3cr3tpw@db/x",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    ],
)
def test_secrets_are_found_and_masked(text: str) -> None:
    assert "secret" in found_in({"note": text})
    assert "[secret]" in changed({"note": text}, (Change(do="mask", field="note"),))["note"]


def test_plain_talk_of_passwords_is_no_secret() -> None:
    assert found_in("I forgot my password, how do I reset my password please?") == set()


def test_a_policy_masks_drops_and_caps() -> None:
    changes = (
        Change(do="mask", field="to"),
        Change(do="drop", field="items.note"),
        Change(do="cap", field="amount", limit=Decimal(50)),
    )
    data = {"to": "bob@example.com", "amount": 80, "items": [{"id": 1, "note": "x"}, {"id": 2}]}

    assert changed(data, changes) == {"to": "[email]", "amount": 50, "items": [{"id": 1}, {"id": 2}]}


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        ("900", "50"),
        ("NaN", "50"),
        ("900 EUR", "50"),
        ("Infinity", "50"),
        (None, None),
        (True, True),
        ("7", "7"),
        (7.5, 7.5),
    ],
)
def test_what_nobody_can_say_to_be_under_a_cap_is_lowered_to_it(value: object, becomes: object) -> None:
    cap = (Change(do="cap", field="amount", limit=Decimal(50)),)

    assert changed({"amount": value}, cap) == {"amount": becomes}


def test_a_forbid_that_caps_narrows_a_permit_and_grants_nothing() -> None:
    cap = """@id("cap") @cap("amount: 50")
        forbid (principal, action == Action::"pay", resource) when { context.args.amount > 50 };"""
    permit = '@id("may") permit (principal, action == Action::"pay", resource);'

    both = CedarPolicies(permit + cap, [PAY])
    assert (both.decide(asks("pay", amount=80)).outcome, both.decide(asks("pay", amount=20)).outcome) == (
        "transform",
        "allow",
    )
    assert CedarPolicies(cap, [PAY]).decide(asks("pay", amount=80)).outcome == "deny"


@pytest.mark.parametrize("name", SETS)
def test_the_policy_sets_fit_any_tools(name: str) -> None:
    assert [found for found in check(f"builtin:{name}", [PAY, LOOK]) if found.severity == "error"] == []


UNTRUSTED = Label(integrity="untrusted")
CHOSEN = Origin(choices={"amount": "untrusted"})
SETS_DECIDE = [
    ("read_only", asks("look"), "allow"),
    ("read_only", asks("pay", amount=1), "deny"),
    ("money", asks("look"), "allow"),
    ("money", asks("pay", amount=1), "ask"),
    ("money", asks("pay", amount=1, origin=CHOSEN), "deny"),
    ("money", asks("pay", amount=1, note="password: hunter2hunter2"), "deny"),
    ("shell", asks("look"), "allow"),
    ("shell", asks("pay", amount=1), "ask"),
    ("shell", replace(asks("pay", amount=1), label=UNTRUSTED), "deny"),
    ("shell", replace(asks("pay", amount=1, origin=Origin(plan="on")), label=UNTRUSTED), "ask"),
    ("shell", asks("take_result", tool="look", value="password: hunter2hunter2"), "transform"),
    ("customer_data", asks("pay", amount=1), "deny"),
    ("customer_data", asks("take_input", text="password: hunter2hunter2"), "transform"),
    ("customer_data", asks("write_memory", text="card 4111 1111 1111 1111"), "transform"),
    ("customer_data", asks("reply", text="all is well"), "allow"),
]


@pytest.mark.parametrize(("name", "request_", "outcome"), SETS_DECIDE)
def test_a_policy_set_decides_as_its_name_says(name: str, request_: Request, outcome: str) -> None:
    assert CedarPolicies(f"builtin:{name}", [PAY, LOOK]).decide(request_).outcome == outcome


def test_policy_sets_are_joined() -> None:
    policies = CedarPolicies(["builtin:money", "builtin:customer_data"], [PAY, LOOK])

    assert policies.decide(asks("look")).outcome == "allow"
    assert policies.decide(asks("pay", amount=1)).outcome == "ask"
    assert policies.decide(asks("pay", amount=1, origin=Origin(choices={"amount": "untrusted"}))).outcome == "deny"
    assert policies.decide(asks("take_result", tool="look", value={"n": "4111 1111 1111 1111"})).outcome == "transform"
    assert policies.decide(asks("reply", text="Your card is 4111 1111 1111 1111.")).outcome == "transform"


def test_a_reply_that_states_what_nobody_gave_is_not_grounded() -> None:
    given = "Where is order 1042? " + json.dumps({"total": "89.00", "parcel": "CH-77A"})

    assert ungrounded("Order 1042 cost 89.00 and is parcel CH-77A.", given) == []
    assert ungrounded("Order 1043 cost 98.00.", given) == ["1043", "98.00"]


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("It costs 1,200.00.", '{"total": 1200}'),
        ("It costs 1200.", '{"total": "1,200.00"}'),
        ("Das macht 1.200,50 Euro.", '{"total": "1200.50"}'),
        ("On 22 November 2026, at 14:30.", '"2026-11-22T14:30:00Z"'),
        ("On 22.11.2026 or 11/22/2026.", '"2026-11-22"'),
        ("On the 3rd.", "pay on day 3"),
        ("Rooms 12-14.", "rooms 12 to 14"),
        ("Parcel CH-77A, $89.", "ch-77a costs 89.00"),
    ],
)
def test_what_was_given_may_be_written_in_other_ways(said: str, given: str) -> None:
    assert ungrounded(said, given) == []


@pytest.mark.parametrize(
    ("said", "given", "left"),
    [
        ("Together 119.00.", "89.00 and 30.00", ["119.00"]),
        ("On 2026-11-23.", "2026-11-22", ["2026-11-23"]),
        ("Rooms 12-15.", "rooms 12 to 14", ["12-15"]),
        ("Order 1042, parcel CH-77B.", "order 10421, parcel CH-77A", ["1042", "CH-77B"]),
        ("It is 1.2.", "1,200", ["1.2"]),
    ],
)
def test_what_was_reckoned_or_made_up_is_not_given(said: str, given: str, left: list[str]) -> None:
    assert ungrounded(said, given) == left


def test_a_policy_may_forbid_replies_that_are_not_grounded() -> None:
    rule = """@id("grounded") forbid (principal, action == Action::"reply", resource)
        when { context.args has ungrounded && !context.args.ungrounded.isEmpty() };"""
    policies = CedarPolicies(rule, [PAY])

    assert policies.looks_at("reply", "ungrounded")
    assert policies.decide(asks("reply", text="98", ungrounded=["98"])).outcome == "deny"
    assert policies.decide(asks("reply", text="hi", ungrounded=[])).outcome == "allow"
