"""Tables beside the journal are held against it: what was changed there is named by table and row."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.serving.conftest import Cli

from interlock.runtime.journal.journal import GENESIS, chained


@pytest.fixture
def home(cli: Cli, project: str, tmp_path: Path) -> Path:
    """A home with an effect that was done, one that was approved, and one that waits."""
    cli("run", project, "Pay out 20 from the till.", "--user", "1")
    for number in range(2):
        cli("run", project, f"Pay out {60 + number} from the till.", "--user", "1")
    waiting = cli("approvals", "list", "--json").json
    cli("approvals", "approve", waiting[0]["id"], "--user", "ada", "--role", "lead")
    assert cli("audit", "verify").status == 0
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE effects SET state = 'failed' WHERE state = 'done'", "effects"),
        ("UPDATE effects SET digest = 'x'", "effects"),
        ("UPDATE effects SET outcome = (SELECT max(outcome) FROM effects)", "the journal tells of another result"),
        ("DELETE FROM effects", "it was removed: pay_out was begun by"),
        ("INSERT INTO effects SELECT 'k', thread, run, place, tool, digest, state, fence, attempts, outcome"
         " FROM effects LIMIT 1", "effects k: no row of the journal tells of this effect"),
        ("UPDATE approvals SET state = 'approved' WHERE state = 'pending'", "nobody who approved it"),
        ("UPDATE approvals SET state = 'approved' WHERE state = 'used'", "the journal tells that it was used"),
        ("DELETE FROM approvals WHERE state = 'pending'", "it was removed: it was asked about pay_out"),
        ("UPDATE answers SET by = 'eve'", "answers"),
        ("UPDATE accounts SET tool_calls = 0", "accounts run"),
        ("UPDATE accounts SET tool_calls = 'many'", "accounts run"),
        ("DELETE FROM payloads WHERE digest IN (SELECT outcome FROM effects)", "no row says that"),
    ],
)  # fmt: skip
def test_a_change_is_named_by_table_and_row(cli: Cli, home: Path, sql: str, named: str) -> None:
    with closing(sqlite3.connect(home / "journal.db")) as base:
        assert base.execute(sql).rowcount
        base.commit()

    found = cli("audit", "verify")

    assert found.status == 1
    assert named in found.out


@pytest.mark.parametrize("facts", ["5", "{}", '{"approval": []}', '{"digests": 5}'])
def test_rows_that_are_no_events_are_named_however_well_they_are_hashed(cli: Cli, home: Path, facts: str) -> None:
    with closing(sqlite3.connect(home / "journal.db")) as base:
        rows = base.execute("SELECT seq, head FROM events ORDER BY seq").fetchall()
        before = GENESIS
        for seq, head in rows:
            forged = json.dumps({**json.loads(head), "facts": json.loads(facts)})
            before = chained(before, forged)
            base.execute("UPDATE events SET head = ?, hash = ? WHERE seq = ?", (forged, before, seq))
        base.commit()

    found = cli("audit", "verify")

    assert found.status == 1
    assert "cannot be read" in found.out
