"""Each scorer looks at one side of what was seen."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.evals import Expect, Observation
from interlock.evals.matching import same
from interlock.evals.scorers import score
from interlock.evals.target import SeenApproval, SeenCall, SeenDecision
from interlock.runtime.records import Usage

SEEN = Observation(
    status="done",
    reply="Order 1042 is on  its way;\nthe lead’s word is needed.",
    calls=(
        SeenCall(tool="find_order", arguments={"order_id": 1042}),
        SeenCall(tool="refund", arguments={"order_id": 1017, "amount": "89.00"}, outcome="waiting"),
    ),
    decisions=(SeenDecision(action="refund", outcome="ask", policies=("large-refund",)),),
    waiting=(SeenApproval(id="a1", tool="refund", arguments={"order_id": 1017, "amount": "89.00"}, roles=("lead",)),),
    usage=Usage(input_tokens=90, output_tokens=10, model_calls=2, tool_calls=1),
    memories=("prefers e-mail",),
)


def held(expect: dict[str, Any], seen: Observation = SEEN, database: Path | None = None) -> list[bool]:
    return [check.passed for check in score(Expect.model_validate(expect), seen, database)]


def test_what_is_not_expected_is_not_checked() -> None:
    assert held({}) == []


def test_a_reply_is_read_without_case_white_space_and_the_shape_of_quotes() -> None:
    assert held({"reply": {"contains": ["ON ITS WAY", "lead's word"], "not_contains": "1017"}}) == [True, True, True]


def test_a_reply_may_say_one_of_several_things() -> None:
    assert held({"reply": {"contains_any": ["shipped", "on its way"]}}) == [True]
    assert held({"reply": {"contains_any": ["shipped", "delivered"]}}) == [False]


def test_a_reply_may_match_a_pattern() -> None:
    assert held({"reply": {"matches": [r"order \d{4}\b", "^the"]}}) == [True, False]


def test_a_failed_status_shows_the_error() -> None:
    checks = score(Expect(status="done"), Observation(status="failed", error="no such tool"))

    assert [check.seen for check in checks] == ["failed: no such tool"]


def test_a_call_is_found_by_some_of_its_arguments() -> None:
    assert held({"calls": {"include": [{"tool": "refund", "arguments": {"amount": 89}}]}}) == [True]
    assert held({"calls": {"include": [{"tool": "refund", "arguments": {"amount": 88}}]}}) == [False]


def test_two_wanted_calls_need_two_calls() -> None:
    assert held({"calls": {"include": ["refund", "refund"]}}) == [True, False]


def test_order_counts_where_it_is_asked_for() -> None:
    backwards = ["refund", "find_order"]

    assert held({"calls": {"include": backwards}}) == [True, True]
    assert held({"calls": {"include": backwards, "in_order": True}}) == [True, False]


def test_a_call_that_waits_was_asked_for_but_not_done() -> None:
    assert held({"calls": {"never_done": ["refund"], "never_asked": ["refund"]}}) == [True, False]


def test_calls_are_counted() -> None:
    assert held({"calls": {"at_most": 2}}) == [True]
    assert held({"calls": {"at_most": 1}}) == [False]


def test_a_decision_is_found_by_its_outcome_and_its_policy() -> None:
    assert held({"decisions": [{"action": "refund", "outcome": "ask", "policy": "large-refund"}]}) == [True]
    assert held({"decisions": [{"action": "refund", "outcome": "ask", "policy": "small-refund"}]}) == [False]
    assert held({"decisions": [{"action": "refund", "outcome": "deny"}]}) == [False]


def test_exactly_the_expected_approvals_wait() -> None:
    assert held({"waiting": [{"tool": "refund", "arguments": {"amount": "89"}, "roles": "lead"}]}) == [True, True]
    assert held({"waiting": []}) == [False]
    assert held({"waiting": [{"tool": "refund", "roles": "boss"}]}) == [True, False]


def test_usage_has_limits() -> None:
    limits = {"tokens_at_most": 100, "usd_at_most": 0, "model_calls_at_most": 1, "tool_calls_at_most": 1}

    assert held({"usage": limits}) == [True, True, False, True]


def test_an_unknown_price_is_within_no_limit() -> None:
    assert held({"usage": {"usd_at_most": 9}}, Observation(status="done", usage=Usage(usd=None))) == [False]


def test_memory_is_read_by_parts_of_its_texts() -> None:
    assert held({"memory": {"holds": "E-Mail", "lacks": "phone"}}) == [True, True]


def test_a_memory_that_nobody_looked_at_holds_and_lacks_nothing() -> None:
    assert held({"memory": {"holds": "a", "lacks": "b"}}, Observation(status="done")) == [False, False]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop, shop:
        shop.execute("CREATE TABLE refunds (order_id INTEGER, cents INTEGER)")
        shop.execute("INSERT INTO refunds VALUES (1017, 8900)")
    return path


def test_the_database_is_asked_what_was_left(database: Path) -> None:
    query = "SELECT order_id, cents FROM refunds"

    assert held({"database": [{"sql": query, "rows": [[1017, 8900]]}]}, database=database) == [True]
    assert held({"database": [{"sql": query, "rows": []}]}, database=database) == [False]


def test_a_query_cannot_change_the_database(database: Path) -> None:
    checks = score(Expect.model_validate({"database": [{"sql": "DELETE FROM refunds", "rows": []}]}), SEEN, database)

    assert [check.seen for check in checks] == ["attempt to write a readonly database"]


def test_a_database_that_is_not_there_is_a_failed_check(tmp_path: Path) -> None:
    assert held({"database": [{"sql": "SELECT 1", "rows": [[1]]}]}, database=tmp_path / "none.db") == [False]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2), st.integers(0, 4))
def test_numbers_are_compared_by_value_however_they_are_written(number: Decimal, zeros: int) -> None:
    assert same(str(number), f"{number}{'0' * zeros}")


@pytest.mark.parametrize(
    ("wanted", "found"), [(1, True), ("", None), ([1], 1), ({"a": 1}, {"b": 1}), ([1, 2], [2, 1]), ("nan", "inf")]
)
def test_different_things_are_not_the_same(wanted: Any, found: Any) -> None:
    assert not same(wanted, found)
