"""Fill the shop's database: the same few hundred rows each time. `python seed.py PATH` makes one by hand."""

import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

VERSION = 1
HELP = Path(__file__).with_name("help.md")
TODAY = date(2026, 11, 20)

SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, address TEXT NOT NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers, placed_on TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('processing', 'shipped', 'delivered', 'cancelled')));
CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders, article TEXT NOT NULL, quantity INTEGER NOT NULL CHECK (quantity > 0),
    cents INTEGER NOT NULL CHECK (cents > 0));
CREATE TABLE shipments (
    order_id INTEGER PRIMARY KEY REFERENCES orders, carrier TEXT NOT NULL, tracking_number TEXT NOT NULL UNIQUE,
    shipped_on TEXT NOT NULL, expected_on TEXT NOT NULL, delivered_on TEXT, last_seen TEXT NOT NULL,
    address TEXT NOT NULL);
CREATE TABLE refunds (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, cents INTEGER NOT NULL CHECK (cents > 0),
    key TEXT NOT NULL UNIQUE, made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers, recipient TEXT NOT NULL,
    subject TEXT NOT NULL, body TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
    written_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE VIRTUAL TABLE help USING fts5 (title, body, tokenize = 'porter unicode61');
CREATE INDEX orders_of ON orders (customer_id);
CREATE INDEX items_of ON order_items (order_id);
CREATE INDEX refunds_of ON refunds (order_id);
"""

FIRST = "Ada Bruno Carla Dario Elif Fadri Greta Hanna Ilir Jonas Kaya Lea Marco Nina Oskar Petra Reto Selma Tim Ursina"
LAST = "Ammann Bieri Caduff Demir Egli Frei Graf Huber Iten Jost Keller Lang Meier Nikolic Ott Peter Roth Suter Vogt"
STREETS = ("Birkenweg", "Dorfstrasse", "Feldweg", "Gartenstrasse", "Hafenstrasse", "Lindenhof", "Rheingasse", "Seeweg")
TOWNS = ("4051 Basel", "3011 Bern", "8004 Zürich", "6003 Luzern", "9000 St. Gallen", "7000 Chur", "5000 Aarau")
CARRIERS = {"Northline": "NL", "Swiss Post": "SP", "Kestrel Express": "KX"}
PLACES = ("harbour warehouse", "sorting centre Härkingen", "depot Zürich-Mülligen", "depot Bern", "border at Basel")
HANDED = "handed over"
ARTICLES = {
    "cast-iron pan": 8900, "chef's knife": 12900, "enamel mug": 1500, "wool blanket": 7900, "storm lantern": 4500,
    "two-person tent": 34900, "hiking boots": 21900, "rain jacket": 18900, "camping stove": 6400, "head torch": 3900,
    "tea towels, set of three": 2400, "cutting board": 5200, "folding chair": 5900, "thermos flask": 3000,
    "espresso pot": 4200, "garden shears": 3600, "oak table": 89000, "bread tin": 2700,
}  # fmt: skip


class Line(NamedTuple):
    """One article of an order."""

    article: str
    quantity: int
    cents: int


class Parcel(NamedTuple):
    """How an order travels; `delivered_on` is None while it is under way."""

    carrier: str
    number: str
    shipped_on: date
    expected_on: date
    delivered_on: date | None
    last_seen: str


class Sale(NamedTuple):
    """One order with all that belongs to it."""

    order: int
    customer: int
    placed_on: date
    status: str
    lines: tuple[Line, ...]
    parcel: Parcel | None = None
    refunded: int = 0


MIRA = (7, "Mira Steiner", "mira.steiner@post.example", "Hafenstrasse 21, 4051 Basel")
MIRAS = (
    Sale(1017, 7, date(2026, 11, 2), "processing", (Line("cast-iron pan", 1, 8900),)),
    Sale(
        1033, 7, date(2026, 9, 14), "delivered", (Line("thermos flask", 1, 3000),),
        Parcel("Swiss Post", "SP40772318", date(2026, 9, 15), date(2026, 9, 18), date(2026, 9, 17), HANDED),
    ),
    Sale(
        1042, 7, date(2026, 11, 16), "shipped", (Line("storm lantern", 2, 4500), Line("enamel mug", 4, 1500)),
        Parcel("Northline", "NL77301844", date(2026, 11, 17), date(2026, 11, 24), None, "sorting centre Härkingen"),
    ),
    Sale(
        1058, 7, date(2026, 10, 5), "delivered", (Line("oak table", 1, 89000), Line("dining chair", 2, 15500)),
        Parcel("Kestrel Express", "KX20938846", date(2026, 10, 8), date(2026, 10, 16), date(2026, 10, 15), HANDED),
    ),
)  # fmt: skip


def seed(shop: sqlite3.Connection) -> None:
    """Make the tables and fill them. The caller holds the transaction."""
    for statement in SCHEMA.strip().split(";\n"):
        shop.execute(statement)
    dice = random.Random(20261120)  # noqa: S311  # the same rows each time, not a secret
    shop.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", customers(dice))
    for sale in (*MIRAS, *sales(dice)):
        enter(shop, sale)
    shop.executemany("INSERT INTO help VALUES (?, ?)", articles(HELP.read_text("utf-8")))
    shop.execute(f"PRAGMA user_version = {VERSION}")


def customers(dice: random.Random) -> Iterator[tuple[int, str, str, str]]:
    """Make 60 customers; the seventh is Mira."""
    for number in range(1, 61):
        first, last = dice.choice(FIRST.split()), dice.choice(LAST.split())
        address = f"{dice.choice(STREETS)} {dice.randint(1, 90)}, {dice.choice(TOWNS)}"
        mail = f"{first}.{last}.{number}@post.example".lower()
        yield MIRA if number == MIRA[0] else (number, f"{first} {last}", mail, address)


def sales(dice: random.Random) -> Iterator[Sale]:
    """Make the orders 1001 to 1140 of everybody but Mira."""
    others = [number for number in range(1, 61) if number != MIRA[0]]
    for order in range(1001, 1141):
        if order in {sale.order for sale in MIRAS}:
            continue
        picked = dice.sample(sorted(ARTICLES), dice.choice((1, 1, 2, 3)))
        lines = tuple(Line(article, dice.choice((1, 1, 1, 2)), ARTICLES[article]) for article in picked)
        placed = TODAY - timedelta(days=dice.choice((dice.randint(0, 9), dice.randint(9, 200))))
        status = status_of((TODAY - placed).days, dice)
        parcel = travel(placed, status, dice) if status in ("shipped", "delivered") else None
        back = lines[0].cents if status == "delivered" and dice.random() < 0.15 else 0
        yield Sale(order, dice.choice(others), placed, status, lines, parcel, back)


def status_of(age: int, dice: random.Random) -> str:
    """Tell how far an order of that many days has come."""
    if dice.random() < 0.05:
        return "cancelled"
    return "processing" if age < 3 else "shipped" if age < 8 else "delivered"


def travel(placed: date, status: str, dice: random.Random) -> Parcel:
    """Send an order on its way, and hand it over if it is delivered."""
    carrier = dice.choice(sorted(CARRIERS))
    shipped = placed + timedelta(days=dice.randint(1, 2))
    expected = shipped + timedelta(days=dice.randint(2, 6))
    delivered = expected - timedelta(days=dice.randint(0, 1)) if status == "delivered" else None
    number = f"{CARRIERS[carrier]}{dice.randint(10_000_000, 99_999_999)}"
    return Parcel(carrier, number, shipped, expected, delivered, HANDED if delivered else dice.choice(PLACES))


def enter(shop: sqlite3.Connection, sale: Sale) -> None:
    """Write one order with its articles, its parcel and what was paid back."""
    order, customer, placed, status, lines, parcel, back = sale
    shop.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", (order, customer, placed.isoformat(), status))
    shop.executemany("INSERT INTO order_items VALUES (?, ?, ?, ?)", [(order, *line) for line in lines])
    if parcel:
        days = [day and day.isoformat() for day in (parcel.shipped_on, parcel.expected_on, parcel.delivered_on)]
        (address,) = shop.execute("SELECT address FROM customers WHERE id = ?", (customer,)).fetchone()
        row = (order, parcel.carrier, parcel.number, *days, parcel.last_seen, address)
        shop.execute("INSERT INTO shipments VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    if back:
        key = f"seed-{order}"
        shop.execute("INSERT INTO refunds (order_id, cents, key) VALUES (?, ?, ?)", (order, back, key))


def articles(text: str) -> Iterator[tuple[str, str]]:
    """Split the help file into titles and bodies."""
    for part in text.split("## ")[1:]:
        title, _, body = part.partition("\n")
        yield title.strip(), " ".join(body.split())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python seed.py DATABASE")
    with closing(sqlite3.connect(sys.argv[1])) as made, made:
        seed(made)
