"""The support agent's tools do what they promise, for the customer who is signed in and for nobody else."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.runtime.errors import ArgumentsRefused, ToolFailed

Call = Callable[..., Any]
Rows = Callable[[str], list[tuple[Any, ...]]]

MADE = "SELECT order_id, cents FROM refunds WHERE key NOT LIKE 'seed-%' ORDER BY id"


async def test_an_order_is_found_with_its_days_and_its_money(call: Call) -> None:
    order = await call("find_order", order_id=1042)

    assert (order["status"], order["shipped_on"], order["delivered_on"]) == ("shipped", "2026-11-17", None)
    assert (order["total"], order["refunded"], order["refundable"]) == ("150.00", "0.00", "150.00")
    assert [item["article"] for item in order["items"]] == ["storm lantern", "enamel mug"]


async def test_an_order_that_never_shipped_says_so(call: Call) -> None:
    assert (await call("find_order", order_id=1017))["shipped_on"] is None
    assert (await call("track_shipment", order_id=1017))["status"] == "not shipped"


async def test_a_parcel_is_tracked(call: Call) -> None:
    parcel = await call("track_shipment", order_id=1042)

    assert (parcel["carrier"], parcel["tracking_number"], parcel["status"]) == ("Northline", "NL77301844", "on its way")


async def test_a_customer_sees_own_orders_the_latest_first(call: Call) -> None:
    assert [order["order_id"] for order in await call("list_orders")] == [1042, 1017, 1058, 1033]
    assert [order["order_id"] for order in await call("list_orders", status="processing")] == [1017]
    assert [order["order_id"] for order in await call("list_orders", user="8", status="cancelled")] == []


@pytest.mark.parametrize("order_id", [1001, 9999])
async def test_an_order_of_somebody_else_is_as_unknown_as_one_that_does_not_exist(call: Call, order_id: int) -> None:
    for tool in ("find_order", "track_shipment"):
        with pytest.raises(ToolFailed, match=f"this customer has no order {order_id}"):
            await call(tool, order_id=order_id)


@pytest.mark.parametrize("user", ["anonymous", "0", "seven", "7 OR 1=1", " ", "²"])
async def test_nobody_but_a_customer_is_served(call: Call, user: str) -> None:
    with pytest.raises(ToolFailed, match="is not signed in as a customer"):
        await call("list_orders", user=user)


async def test_a_refund_is_paid_and_shrinks_what_is_left(call: Call, rows: Rows) -> None:
    receipt = await call("refund", order_id=1033, amount="12.50")

    assert (receipt["order_id"], receipt["amount"], receipt["refundable"]) == (1033, "12.50", "17.50")
    assert rows(MADE) == [(1033, 1250)]


async def test_a_refund_under_one_key_is_paid_once(call: Call, rows: Rows) -> None:
    first = await call("refund", order_id=1033, amount="30.00", key="same")
    again = await call("refund", order_id=1033, amount="30.00", key="same")

    assert first == again
    assert rows(MADE) == [(1033, 3000)]


async def test_no_more_is_refunded_than_was_paid(call: Call, rows: Rows) -> None:
    await call("refund", order_id=1033, amount="20.00", key="k1")

    with pytest.raises(ToolFailed, match=r"order 1033 has only 10\.00 left to refund, 10\.01 was asked for") as raised:
        await call("refund", order_id=1033, amount="10.01", key="k2")
    assert raised.value.happened == "no"
    assert rows(MADE) == [(1033, 2000)]


async def test_nobody_is_refunded_an_order_of_somebody_else(call: Call, rows: Rows) -> None:
    with pytest.raises(ToolFailed, match="this customer has no order 1033"):
        await call("refund", user="8", order_id=1033, amount="1.00")
    assert rows(MADE) == []


@pytest.mark.parametrize("amount", ["0", "-5", "1.005", "NaN", "Infinity", "ten"])
async def test_an_amount_is_positive_and_has_two_decimals(call: Call, amount: str) -> None:
    with pytest.raises(ArgumentsRefused):
        await call("refund", order_id=1033, amount=amount)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.decimals("0.01", "20", places=2), max_size=5), st.uuids())
async def test_whatever_is_asked_for_at_once_the_refunds_never_pass_the_price(
    call: Call, rows: Rows, amounts: list[Any], batch: Any
) -> None:
    asked = [call("refund", order_id=1033, amount=str(one), key=f"{batch}{at}") for at, one in enumerate(amounts)]
    await asyncio.gather(*asked, return_exceptions=True)

    (order,) = [await call("find_order", order_id=1033)]
    paid = sum(cents for _, cents in rows(MADE))
    assert paid <= 3000
    assert order["refunded"] == f"{paid / 100:.2f}"


async def test_a_new_address_holds_for_what_has_not_shipped(call: Call, rows: Rows) -> None:
    changed = await call("change_address", address="Seeweg 1, 6003 Luzern")

    assert changed == {"address": "Seeweg 1, 6003 Luzern", "holds_for": [1017]}
    assert rows("SELECT id FROM customers WHERE address = 'Seeweg 1, 6003 Luzern'") == [(7,)]
    assert rows("SELECT address FROM shipments WHERE order_id = 1042") == [("Hafenstrasse 21, 4051 Basel",)]


async def test_half_an_address_is_refused(call: Call) -> None:
    with pytest.raises(ToolFailed, match="is no full address"):
        await call("change_address", address="somewhere in Luzern")


async def test_a_mail_goes_to_the_customer_once(call: Call, rows: Rows) -> None:
    for _ in range(2):
        await call("send_mail", subject="Order 1042", body="It is on its way.")

    assert rows("SELECT customer_id, recipient, subject FROM outbox") == [
        (7, "mira.steiner@post.example", "Order 1042")
    ]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How long may I take to return something?", "Returning an order"),
        ("opening hours", "Opening hours of the shop"),
        ("Do you deliver to Italy", "Countries we deliver to"),
        ("sizes of boots?", "Sizes of jackets and boots"),
    ],
)
async def test_help_is_found_by_the_words_of_a_question(call: Call, question: str, title: str) -> None:
    assert (await call("search_help", query=question))[0]["title"] == title


@pytest.mark.parametrize(
    "question", ["", "?", "quantum chromodynamics", '"; DROP TABLE help; --', "a AND (b", "\x00", "NEAR"]
)
async def test_a_question_that_help_does_not_know_finds_nothing(call: Call, question: str) -> None:
    assert await call("search_help", query=question) == []


async def test_what_help_returns_is_declared_untrusted(call: Call, database: Path) -> None:
    from importlib import import_module

    tools = import_module("support.tools")

    assert tools.search_help.contract.open_world
    assert not tools.find_order.contract.open_world


async def test_the_shop_is_made_once_however_many_come_first(call: Call, rows: Rows) -> None:
    found = await asyncio.gather(*(call("find_order", order_id=1033) for _ in range(6)))

    assert found == [found[0]] * 6
    assert rows("SELECT COUNT(*) FROM orders") == [(140,)]


def test_the_same_shop_is_seeded_each_time(database: Path) -> None:
    from importlib import import_module

    first, second = (sqlite3.connect(":memory:") for _ in range(2))
    for shop in (first, second):
        import_module("support.seed").seed(shop)

    assert [line for line in first.iterdump() if "CURRENT" not in line] == [
        line for line in second.iterdump() if "CURRENT" not in line
    ]
    first.close()
    second.close()
