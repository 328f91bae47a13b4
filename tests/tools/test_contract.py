"""Contracts made from plain functions."""

import inspect
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from interlock.runtime.errors import ContractBroken
from interlock.runtime.records import ToolContext
from interlock.tools import tool


class Kind(Enum):
    FULL = "full"
    PART = "part"


class Address(BaseModel):
    street: str
    title: str | None = None


class Tree(BaseModel):
    name: str
    branches: list["Tree"] = []


@tool(destructive=True, sensitive=["amount"], usd="0.01", version="3")
def refund(order_id: int, amount: Decimal, context: ToolContext, kind: Kind = Kind.FULL) -> Address:
    """Pay money back
    to the customer.

    A second paragraph that no model sees.

    Args:
        order_id: Number of the order.
        amount (Decimal): How much to pay back,
            in EUR.
        context: Filled in.

    Returns:
        Where it went.
    """
    return Address(street=f"{order_id} {amount} {kind} {context.run}")


def test_the_first_paragraph_of_the_docstring_describes_the_tool() -> None:
    assert refund.contract.description == "Pay money back to the customer."


def test_arguments_are_described_by_the_args_section_and_the_types() -> None:
    assert refund.contract.arguments == {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id", "amount"],
        "properties": {
            "order_id": {"type": "integer", "description": "Number of the order."},
            "amount": {
                "anyOf": [{"type": "number"}, {"type": "string", "format": "decimal"}],
                "description": "How much to pay back, in EUR.",
            },
            "kind": {"type": "string", "enum": ["full", "part"], "default": "full"},
        },
    }


def test_a_property_called_title_survives_the_tidying_of_titles() -> None:
    assert refund.contract.result["properties"] == {
        "street": {"type": "string"},
        "title": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    }


def test_a_recursive_type_keeps_its_definition() -> None:
    @tool(read_only=True)
    def prune(tree: Tree) -> Tree:
        """Prune."""
        return tree

    assert prune.contract.arguments["properties"]["tree"] == {"$ref": "#/$defs/Tree"}
    assert prune.contract.arguments["$defs"]["Tree"]["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}


def test_a_tool_is_still_the_plain_function() -> None:
    @tool
    def double(number: int) -> int:
        """Double it."""
        return 2 * number

    assert double(4) == 8
    assert list(inspect.signature(double).parameters) == ["number"]


def test_what_is_not_said_is_taken_as_the_worst_case_of_own_code() -> None:
    @tool
    def act() -> None:
        """Act."""

    promise = act.contract
    assert (promise.read_only, promise.destructive, promise.idempotent, promise.open_world) == (
        False,
        True,
        False,
        False,
    )


def test_a_read_only_tool_is_not_destructive() -> None:
    @tool(read_only=True)
    def look() -> None:
        """Look."""

    assert not look.contract.destructive


def test_arguments_may_have_names_that_pydantic_models_use_themselves() -> None:
    @tool(read_only=True)
    def odd(copy: int, schema: str, model_config: int = 1, _hidden: int = 2) -> None:
        """Take odd names."""

    assert odd.check({"copy": 1, "schema": "x"}) == {"copy": 1, "schema": "x", "model_config": 1, "_hidden": 2}


def test_limits_on_an_argument_stand_in_its_schema() -> None:
    @tool(read_only=True)
    def page(size: Annotated[int, Field(ge=1, le=50)] = 10) -> None:
        """Turn the page."""

    assert page.contract.arguments["properties"]["size"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 50,
        "default": 10,
    }


def no_parameter_type(order_id) -> None: ...  # type: ignore[no-untyped-def]


def no_result_type(order_id: int): ...  # type: ignore[no-untyped-def]


def any_number(*order_ids: int) -> None: ...


def any_names(**options: int) -> None: ...


def call_model(prompt: str) -> None: ...


def plain(order_id: int) -> None: ...


def opaque_argument(lock: memoryview) -> None: ...


def opaque_result() -> memoryview: ...  # type: ignore[empty-body]


def wrong_default(limit: int = "ten") -> None: ...  # type: ignore[assignment]


def field_default(limit: int = Field(default=3)) -> None: ...


BROKEN: list[tuple[Any, dict[str, Any], str]] = [
    (no_parameter_type, {}, "parameter 'order_id' has no type"),
    (no_result_type, {}, "the result has no type"),
    (any_number, {}, "parameter '*order_ids: int' cannot be filled by name"),
    (any_names, {}, "parameter '**options: int' cannot be filled by name"),
    (call_model, {}, "the name is reserved"),
    (plain, {"name": "find order"}, "the name is not one that models can call"),
    (plain, {"retries": 2}, "it is to be retried, but a second attempt could repeat its effect"),
    (plain, {"retries": -1, "read_only": True}, "retries is -1"),
    (plain, {"timeout": 0}, "the timeout is 0"),
    (plain, {"read_only": True, "destructive": True}, "it is declared read_only and destructive"),
    (plain, {"usd": "free"}, "usd is 'free'"),
    (plain, {"usd": "-1"}, "usd is -1"),
    (plain, {"sensitive": ["order"]}, "sensitive names 'order', which is no argument; did you mean 'order_id'?"),
    (opaque_argument, {}, "the type of 'lock' has no JSON form"),
    (opaque_result, {}, "the type of its result has no JSON form"),
    (wrong_default, {}, "the default of 'limit', 'ten', is not of its type"),
    (field_default, {}, "the default of 'limit' is a pydantic Field, which a plain call would pass on"),
]


@pytest.mark.parametrize(("function", "promise", "what"), BROKEN)
def test_a_contract_that_cannot_be_kept_says_what_and_where(function: Any, promise: Any, what: str) -> None:
    with pytest.raises(ContractBroken) as raised:
        tool(**promise)(function)

    name = promise.get("name", function.__name__)
    assert raised.value.what == f"tool {name!r}: {what}"
    assert raised.value.where == f"{__file__}:{function.__code__.co_firstlineno}"
    assert raised.value.fix


def test_types_of_all_plain_kinds_are_kept_through_check() -> None:
    @tool(read_only=True)
    def book(day: date, size: Literal["s", "m"], price: Decimal, to: Address | None = None) -> None:
        """Book."""

    given = {"day": "2026-05-01", "size": "m", "price": 12.5, "to": {"street": "Elm"}}
    assert book.check(given) == {
        "day": "2026-05-01",
        "size": "m",
        "price": "12.5",
        "to": {"street": "Elm", "title": None},
    }
