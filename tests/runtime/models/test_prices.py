"""The price table: data with dates."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput
from interlock.runtime.models.chat import Price
from interlock.runtime.models.prices import Prices

TABLE = """
- {model: "p:small", since: 2026-03-01, input: "0.50", output: "2"}
- {model: "p:small", since: 2026-01-01, input: "1.00", output: "4"}
- {model: "p:new", since: 2027-01-01, input: "9", output: "9"}
"""


@pytest.mark.parametrize(("month", "input"), [(1, "1.00"), (2, "1.00"), (3, "0.50"), (12, "0.50")])
def test_the_price_is_the_newest_that_is_in_force(tmp_path: Path, month: int, input: str) -> None:
    (tmp_path / "prices.yaml").write_text(TABLE)
    clock = ManualClock(datetime(2026, month, 1, tzinfo=UTC))

    prices = Prices.read(tmp_path / "prices.yaml", clock=clock)

    assert prices["p:small"].input == Decimal(input)
    assert list(prices) == ["p:small"]


def test_a_price_of_later_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(TABLE)

    assert Prices.read(tmp_path / "prices.yaml", clock=ManualClock()).get("p:new") is None
    assert isinstance(Prices.read(tmp_path / "prices.yaml", clock=ManualClock())["p:small"], Price)


@pytest.mark.parametrize(
    "text", ["- {model: x}", "- [", "x: 1", "- {model: x, since: 2026-01-01, input: -1, output: 0}"]
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "prices.yaml").write_text(text)

    with pytest.raises(BadInput, match="price table"):
        Prices.read(tmp_path / "prices.yaml")
    with pytest.raises(BadInput):
        Prices.read(tmp_path / "nowhere.yaml")
