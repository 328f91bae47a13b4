"""What the tools give back. The field descriptions are what a planner reads."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

Status = Literal["processing", "shipped", "delivered", "cancelled"]


class Item(BaseModel):
    """One article of an order."""

    article: str
    quantity: int
    price: Decimal = Field(description="for one piece")


class Order(BaseModel):
    """One order of the customer."""

    order_id: int
    status: Status
    placed_on: date
    shipped_on: date | None = Field(description="null if it never shipped")
    delivered_on: date | None = Field(description="null if it has not arrived")
    total: Decimal = Field(description="what was paid")
    refunded: Decimal = Field(description="what was paid back so far")
    refundable: Decimal = Field(description="the amount that can still be refunded")
    items: list[Item]


class OrderLine(BaseModel):
    """One order in a list of them."""

    order_id: int
    status: Status
    placed_on: date
    total: Decimal


class Shipment(BaseModel):
    """Where the parcel of an order is."""

    order_id: int
    status: Literal["not shipped", "on its way", "delivered"]
    carrier: str | None = Field(description="null if it never shipped")
    tracking_number: str | None = Field(description="null if it never shipped")
    shipped_on: date | None = Field(description="null if it never shipped")
    expected_on: date | None = Field(description="the day it should arrive")
    delivered_on: date | None = Field(description="null if it has not arrived")
    last_seen: str | None = Field(description="the last place that reported it")


class Article(BaseModel):
    """One help article."""

    title: str
    text: str


class Receipt(BaseModel):
    """Money that was paid back."""

    refund_id: int
    order_id: int
    amount: Decimal
    refundable: Decimal = Field(description="what is left that could be refunded")


class Address(BaseModel):
    """Where the customer's parcels go from now on."""

    address: str
    holds_for: list[int] = Field(description="orders that have not shipped, and go there too")


class Mail(BaseModel):
    """A mail in the outbox."""

    mail_id: int
    to: str
    subject: str
