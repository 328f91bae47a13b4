"""Wrong arguments, told in words that a model can act on."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from interlock.runtime.errors import ArgumentsRefused
from interlock.tools import tool


class Address(BaseModel):
    street: str
    zip: int


@tool(read_only=True)
def order(  # noqa: PLR0917  # as a user may write it
    order_id: int,
    amount: Decimal,
    size: Literal["small", "large"] = "small",
    when: date | None = None,
    to: Address | None = None,
    tags: list[str] | None = None,
    express: bool = False,
    note: int | str = "",
) -> str:
    """Order something.

    Args:
        order_id: Number of the order.
    """
    return f"{order_id} {amount} {size} {when} {to} {tags} {express} {note}"


GOOD: dict[str, Any] = {"order_id": 1, "amount": "2.50"}


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"amount": 1}, "argument 'order_id' is missing (Number of the order.)"),
    (GOOD | {"amout": 3}, "unknown argument 'amout'; did you mean 'amount'?"),
    (GOOD | {"order_id": "x"}, "argument 'order_id' must be a whole number, but 'x' was given"),
    (GOOD | {"order_id": True}, "argument 'order_id' must be a whole number, but True was given"),
    (GOOD | {"order_id": None}, "argument 'order_id' must be a whole number, but None was given"),
    (GOOD | {"amount": "much"}, "argument 'amount' must be a number, but 'much' was given"),
    (GOOD | {"size": "big"}, "argument 'size' must be one of 'small' or 'large', but 'big' was given"),
    (GOOD | {"when": "May"}, "argument 'when' must be a date as YYYY-MM-DD, but 'May' was given"),
    (GOOD | {"to": "home"}, "argument 'to' must be an object, but 'home' was given"),
    (GOOD | {"to": {"street": "Elm"}}, "argument 'to.zip' is missing (integer)"),
    (GOOD | {"tags": ["a", 1]}, "argument 'tags[1]' must be text, but 1 was given"),
    (GOOD | {"tags": "a"}, "argument 'tags' must be a list, but 'a' was given"),
    (GOOD | {"express": "yes"}, "argument 'express' must be true or false, but 'yes' was given"),
    (GOOD | {"note": []}, "argument 'note' must be a whole number or text, but [] was given"),
    (
        GOOD | {"colour": "red"},
        "unknown argument 'colour'; there are order_id, amount, size, when, to, tags, express, note",
    ),
]


@pytest.mark.parametrize(("arguments", "problem"), PROBLEMS)
def test_a_wrong_argument_is_named_with_what_was_given_and_what_is_expected(
    arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ArgumentsRefused) as raised:
        order.check(arguments)

    assert raised.value.problems == (problem,)


def test_every_wrong_argument_is_named_at_once() -> None:
    with pytest.raises(ArgumentsRefused) as raised:
        order.check({"order_id": "x", "amout": 1})

    assert len(raised.value.problems) == 3


def test_a_long_value_is_shown_cut() -> None:
    with pytest.raises(ArgumentsRefused) as raised:
        order.check(GOOD | {"order_id": "x" * 1_000_000})

    assert len(str(raised.value)) < 250


def test_a_whole_number_written_as_a_float_is_one() -> None:
    assert order.check(GOOD | {"order_id": 3.0})["order_id"] == 3


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), "\ud800", object(), {1, 2}])
def test_what_is_no_json_is_refused(odd: Any) -> None:
    with pytest.raises(ArgumentsRefused):
        order.check(GOOD | {"order_id": odd})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["order_id", "amount", "size", "when", "to", "tags", "note", "x"]), json_values))
def test_any_json_is_either_refused_or_normalised_for_good(arguments: dict[str, Any]) -> None:
    try:
        normal = order.check(arguments)
    except ArgumentsRefused as refused:
        assert refused.problems
    else:
        assert order.check(normal) == normal
