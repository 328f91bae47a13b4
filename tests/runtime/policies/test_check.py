"""What is found wrong with a policy before anything runs."""

import pickle
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.contract import RESERVED, ToolContract
from interlock.runtime.errors import PolicyBroken
from interlock.runtime.policies import CedarPolicies, Finding, check

REFUND = ToolContract(
    name="refund",
    description="Pay back.",
    result={},
    arguments={
        "type": "object",
        "required": ["order_id", "amount"],
        "properties": {
            "order_id": {"type": "integer"},
            "amount": {"type": "string", "format": "decimal"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "mixed": {"anyOf": [{"type": "string"}, {"type": "integer"}], "default": 1},
        },
    },
)
FIND = ToolContract(name="find_order", description="Find.", result={}, arguments={"type": "object", "properties": {}})
ROLES = ["lead", "finance"]


def errors(policy: str) -> list[Finding]:
    return [found for found in check(policy, [REFUND, FIND], roles=ROLES) if found.severity == "error"]


def head(rest: str) -> str:
    return f'permit (principal, action == Action::"refund", resource)\n{rest};'


FOUND = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text())


@pytest.mark.parametrize("case", FOUND, ids=range(len(FOUND)))
def test_what_is_wrong_is_said_with_its_place_and_how_to_mend_it(case: dict[str, str]) -> None:
    (found,) = errors(case["policy"])

    assert (found.where, found.what, found.fix) == (case["where"], case["what"], case["fix"])


def test_a_broken_policy_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.cedar"
    file.write_text('permit (principal, action == Action::"refnd", resource);')

    with pytest.raises(PolicyBroken) as raised:
        CedarPolicies(file, [REFUND])
    assert (raised.value.what, raised.value.where) == ("there is no tool or action 'refnd'", f"{file}:1:38")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyBroken, match="the policy file cannot be read: No such file or directory"):
        CedarPolicies(tmp_path / "policy.cedar", [])
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyBroken, match="it is no UTF-8 text"):
        CedarPolicies(tmp_path / "binary", [])


def test_a_tool_that_no_policy_permits_is_a_warning() -> None:
    forbidden = 'forbid (principal, action == Action::"find_order", resource);'
    found = check(head("") + forbidden, [REFUND, FIND])

    assert [(each.severity, each.what) for each in found] == [
        ("warning", "no policy permits the tool 'find_order', so every call to it is denied")
    ]


@pytest.mark.parametrize("scope", ["action", 'action in Action::"tool"', 'action in [Action::"refund"]'])
def test_a_tool_may_be_permitted_by_name_by_group_or_with_all_others(scope: str) -> None:
    assert check(f"permit (principal, {scope}, resource);", [REFUND]) == []


def test_a_policy_that_can_never_apply_is_a_warning() -> None:
    found = check('permit (principal, action == Action::"reply", resource == Role::"lead");', [])

    assert [each.severity for each in found] == ["warning"]


def test_the_policies_that_come_with_interlock_have_no_findings() -> None:
    assert check(None, [REFUND, FIND]) == []
    base = files("interlock.runtime.policies").joinpath("base.cedar").read_text()
    found = check(base.replace("interlock.", "mine."), [REFUND, FIND])
    assert [each.what for each in found if "no policy permits the tool" not in each.what] == []


def test_every_reserved_action_is_one_that_policies_know() -> None:
    text = 'permit (principal, action == Action::"nothing", resource);'
    fix = check(text, [])[0].fix

    known = set(fix.removeprefix("use one of: ").split(", "))
    assert known <= RESERVED


def test_a_condition_of_a_thousand_terms_is_refused_and_does_not_crash() -> None:
    terms = " || ".join(f"context.args.order_id == {number}" for number in range(1000))

    assert len(errors(head(f"when {{ {terms} }}"))) <= 1


@given(st.text(alphabet='permitfobd(),actionresourceprincipalwhen{}";=&|!.@:/ \n"x1<>', max_size=60))
def test_any_text_is_either_accepted_or_has_findings_with_a_place(text: str) -> None:
    for found in check(text, [REFUND]):
        assert found.where.startswith("policy:")


@given(st.integers(0, 200))
def test_a_policy_cut_anywhere_has_its_fault_found_in_it(length: int) -> None:
    text = head('when { context.args.amount.lessThan(decimal("5.00")) && context.integrity == "trusted" }') * 2
    for found in check(text[:length], [REFUND, FIND]):
        line = int(found.where.split(":")[1])
        assert 1 <= line <= text.count("\n") + 1


TWO_ROLES = """
@decision("ask") @roles("lead") permit (principal, action == Action::"refund", resource);
permit (principal in Role::"lead", action == Action::"find_order", resource);
permit (principal in Role::"laed", action == Action::"find_order", resource);
"""


def test_a_role_that_is_nearly_another_is_a_warning_where_roles_are_not_declared() -> None:
    (found,) = check(TWO_ROLES, [REFUND, FIND])

    assert (found.severity, found.where) == ("warning", "policy:4:28")
    assert found.what == "the role 'laed' is written nearly like 'lead'"
    assert check(TWO_ROLES.replace("laed", "clerk"), [REFUND, FIND]) == []


def test_a_role_that_is_not_declared_is_an_error_in_the_scope_and_in_annotations() -> None:
    asked = head("").replace("permit", '@decision("ask") @roles("lead, fiance") permit', 1)

    assert [found.what for found in errors(TWO_ROLES)] == ["there is no role 'laed'"]
    assert [(found.what, found.fix) for found in errors(asked)] == [
        ("there is no role 'fiance'", "did you mean 'finance'?")
    ]


def test_a_quotation_mark_that_is_missing_is_told_once_for_it_garbles_what_follows() -> None:
    text = 'permit (principal, action == Action::"x, resource);\nforbid (principal, action == Action::"y", resource);'

    with pytest.raises(PolicyBroken) as refused:
        CedarPolicies(text, [])

    assert refused.value.more == ()


def test_a_policy_with_several_errors_says_how_many_more_there_are_and_keeps_each_when_pickled() -> None:
    text = 'forbid (principal, action == Action::"a", resource);\nforbid (principal, action == Action::"b", resource);'

    with pytest.raises(PolicyBroken, match=r"'a' \(and 1 more\) \(policy:1:38\)") as refused:
        CedarPolicies(text, [])

    assert [each.where for each in pickle.loads(pickle.dumps(refused.value)).more] == ["policy:2:38"]  # noqa: S301


@pytest.mark.parametrize(
    ("action", "mark", "says"),
    [
        ("refund", '@mask("amout")', "refund has no 'amout' that could be changed"),
        ("take_input", '@cap("text: 5")', "'text' of take_input is no number, and cannot be capped"),
        ("make_plan", '@drop("tools")', "nothing of make_plan can be changed"),
        ("call_model", '@mask("*")', "nothing of call_model can be changed"),
        ("reply", '@mask("words")', "reply has no 'words' that could be changed"),
    ],
)
def test_a_change_that_could_never_be_made_is_an_error(action: str, mark: str, says: str) -> None:
    found = check(f'{mark} forbid (principal, action == Action::"{action}", resource);', [REFUND])

    assert [finding.what for finding in found if finding.severity == "error"] == [says]


def test_a_change_that_one_of_several_actions_can_make_is_none() -> None:
    text = '@mask("text") forbid (principal, action in [Action::"refund", Action::"reply"], resource);'

    assert [finding for finding in check(text, [REFUND]) if finding.severity == "error"] == []


def test_a_schema_that_allows_anything_may_hold_a_number() -> None:
    anything = replace(REFUND, arguments={"type": "object", "properties": {"amount": True}})

    assert check('@cap("amount: 5") permit (principal, action == Action::"refund", resource);', [anything]) == []
