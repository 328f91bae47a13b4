"""A customer of the shop is forgotten by Interlock; the shop's own books are the shop's."""

from pathlib import Path

import pytest
from tests.examples.conftest import EXAMPLES, Rows

from interlock.serving.cli.main import app
from interlock.serving.cli.output import guarded

SAID = "I prefer e-mail to phone calls."


def test_a_customer_is_forgotten_and_the_receipt_proves_it(
    tmp_path: Path, database: Path, rows: Rows, capfd: pytest.CaptureFixture[str]
) -> None:
    home, receipt = tmp_path / "home", str(tmp_path / "receipt.json")

    def interlock(*words: str) -> int:
        return guarded(app, [*words, "--home", str(home)])

    assert interlock("run", str(EXAMPLES / "support"), SAID, "--user", "7") == 0
    assert interlock("run", str(EXAMPLES / "support"), "Please refund 30.00 for order 1033.", "--user", "7") == 0
    refunds = rows("SELECT * FROM refunds")

    assert interlock("memory", "forget", "--user", "7", "--yes", "--receipt", receipt) == 0

    capfd.readouterr()
    assert interlock("memory", "verify", receipt) == 0
    assert "nothing of it is left" in capfd.readouterr().out
    assert not [path for path in home.rglob("*") if path.is_file() and SAID.encode() in path.read_bytes()]
    assert rows("SELECT * FROM refunds") == refunds
