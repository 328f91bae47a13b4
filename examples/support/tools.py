"""What the support agent can do. Every tool acts for the customer who is signed in, and for nobody else."""

import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from interlock import ToolContext, tool
from interlock.tools import Refused

from .records import Address, Article, Item, Mail, Order, OrderLine, Receipt, Shipment, Status
from .search import matching
from .shop import shop

OrderId = Annotated[int, Field(description="the number of the order")]
PAY = "INSERT INTO refunds (order_id, cents, key) VALUES (?, ?, ?) RETURNING *"
Money = Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=2)]


@tool(read_only=True, timeout=5)
def find_order(order_id: OrderId, context: ToolContext) -> Order:
    """Look up one order: its status, what was bought, what was paid, and when it shipped and arrived."""
    with counter(context) as (rows, customer):
        return order_of(rows, customer, order_id)


@tool(read_only=True, timeout=5)
def list_orders(context: ToolContext, status: Status | None = None) -> list[OrderLine]:
    """List all orders of the customer, the latest first, or only those with one status."""
    with counter(context) as (rows, customer):
        found = rows.execute(
            "SELECT o.id AS order_id, o.status, o.placed_on, SUM(i.quantity * i.cents) AS cents"
            " FROM orders o JOIN order_items i ON i.order_id = o.id"
            " WHERE o.customer_id = ? AND (? IS NULL OR o.status = ?)"
            " GROUP BY o.id ORDER BY o.placed_on DESC, o.id DESC",
            (customer, status, status),
        )
        return [OrderLine(**without(row, "cents"), total=money(row["cents"])) for row in found]


@tool(read_only=True, timeout=5)
def track_shipment(order_id: OrderId, context: ToolContext) -> Shipment:
    """Track the parcel of an order: carrier, tracking number, where it was last seen and when it should arrive."""
    with counter(context) as (rows, customer):
        own(rows, customer, order_id)
        parcel = rows.execute("SELECT * FROM shipments WHERE order_id = ?", (order_id,)).fetchone()
    if parcel is None:
        nothing: dict[str, Any] = dict.fromkeys(Shipment.model_fields)
        return Shipment.model_validate({**nothing, "order_id": order_id, "status": "not shipped"})
    return Shipment(status="delivered" if parcel["delivered_on"] else "on its way", **without(parcel, "address"))


@tool(read_only=True, open_world=True, timeout=5)
def search_help(query: Annotated[str, Field(description="the question in the customer's words")]) -> list[Article]:
    """Search the help articles: returns, delivery, payment, guarantee, care, opening hours and other questions."""
    with shop() as rows:
        return [Article(title=title, text=text) for title, text in matching(rows, query)]


@tool(destructive=True, idempotent=False, sensitive=("order_id", "amount"), timeout=10)
def refund(order_id: OrderId, amount: Money, context: ToolContext) -> Receipt:
    """Refund money: pay an amount of an order back to the customer."""
    with counter(context) as (rows, customer):
        key = context.idempotency_key
        if (row := rows.execute("SELECT * FROM refunds WHERE key = ?", (key,)).fetchone()) is None:
            left = order_of(rows, customer, order_id).refundable
            if amount > left:
                raise Refused(f"order {order_id} has only {left} left to refund, {amount} was asked for")
            paid = (order_id, int(amount * 100), key)
            row = rows.execute(
                "INSERT INTO refunds (order_id, cents, key) VALUES (?, ?, ?) RETURNING *", paid
            ).fetchone()
        left = order_of(rows, customer, row["order_id"]).refundable
        return Receipt(refund_id=row["id"], order_id=row["order_id"], amount=money(row["cents"]), refundable=left)


@tool(destructive=True, idempotent=True, sensitive=("address",), timeout=10)
def change_address(
    address: Annotated[str, Field(min_length=8, max_length=200, description="street and number, postcode and town")],
    context: ToolContext,
) -> Address:
    """Change the delivery address of the customer. It holds for every order that has not shipped."""
    if not any(letter.isdigit() for letter in address):
        raise Refused(f"{address!r} is no full address: street and number, postcode and town are needed")
    with counter(context) as (rows, customer):
        rows.execute("UPDATE customers SET address = ? WHERE id = ?", (address, customer))
        waiting = rows.execute(
            "SELECT id FROM orders WHERE customer_id = ? AND status = 'processing' ORDER BY id", (customer,)
        )
        return Address(address=address, holds_for=[row["id"] for row in waiting])


@tool(destructive=False, idempotent=False, sensitive=("to",), timeout=10)
def send_mail(
    subject: Annotated[str, Field(min_length=1, max_length=120)],
    body: Annotated[str, Field(min_length=1, max_length=5000, description="the text of the mail")],
    context: ToolContext,
    to: Annotated[str, Field(description="a mail address; empty for the customer's own")] = "",
) -> Mail:
    """Send a mail to the customer, or to a department of the shop."""
    with counter(context) as (rows, customer):
        to = to or rows.execute("SELECT email FROM customers WHERE id = ?", (customer,)).fetchone()["email"]
        rows.execute(
            "INSERT INTO outbox (customer_id, recipient, subject, body, key) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO NOTHING",
            (customer, to, subject, body, context.idempotency_key),
        )
        row = rows.execute("SELECT id FROM outbox WHERE key = ?", (context.idempotency_key,)).fetchone()
        return Mail(mail_id=row["id"], to=to, subject=subject)


@contextmanager
def counter(context: ToolContext) -> Generator[tuple[sqlite3.Connection, int]]:
    """Open the shop for the customer who is signed in."""
    with shop() as rows:
        user = context.caller.user
        known = (
            re.fullmatch("[0-9]{1,9}", user)
            and rows.execute("SELECT id FROM customers WHERE id = ?", (int(user),)).fetchone()
        )
        if not known:
            raise Refused(f"{user!r} is not signed in as a customer; sign in first")
        yield rows, known["id"]


def own(rows: sqlite3.Connection, customer: int, order_id: int) -> sqlite3.Row:
    """Find an order of this customer. One of somebody else is as unknown as one that does not exist."""
    row = rows.execute("SELECT * FROM orders WHERE id = ? AND customer_id = ?", (order_id, customer)).fetchone()
    if row is None:
        raise Refused(f"this customer has no order {order_id}")
    found: sqlite3.Row = row
    return found


def order_of(rows: sqlite3.Connection, customer: int, order_id: int) -> Order:
    """Gather an order with its articles, its days and its money."""
    order = own(rows, customer, order_id)
    items = rows.execute("SELECT * FROM order_items WHERE order_id = ?", (order_id,)).fetchall()
    parcel = rows.execute("SELECT shipped_on, delivered_on FROM shipments WHERE order_id = ?", (order_id,)).fetchone()
    back = rows.execute("SELECT COALESCE(SUM(cents), 0) FROM refunds WHERE order_id = ?", (order_id,)).fetchone()[0]
    total = sum(item["quantity"] * item["cents"] for item in items)
    return Order(
        order_id=order_id,
        status=order["status"],
        placed_on=order["placed_on"],
        shipped_on=parcel and parcel["shipped_on"],
        delivered_on=parcel and parcel["delivered_on"],
        total=money(total),
        refunded=money(back),
        refundable=money(total - back),
        items=[Item(article=item["article"], quantity=item["quantity"], price=money(item["cents"])) for item in items],
    )


def without(row: sqlite3.Row, *names: str) -> dict[str, Any]:
    """Turn a row into a dict that leaves some columns out."""
    return {name: row[name] for name in row.keys() if name not in names}  # noqa: SIM118  # a Row iterates its values


def money(cents: int) -> Decimal:
    """Turn cents into money with two decimals."""
    return Decimal(cents).scaleb(-2)
