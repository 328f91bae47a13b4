"""Old runs are removed by rule, and what is left still verifies."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.serving.conftest import Cli

from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify


@pytest.fixture
def three(cli: Cli, project: str) -> list[str]:
    """Three runs that are done."""
    return [cli("run", project, "How much is in the till?", "--user", "1", "--json").json["run"] for _ in range(3)]


def test_pruning_leaves_a_chain_that_verifies(cli: Cli, three: list[str], project: str) -> None:
    head = cli("audit", "seal").out

    assert cli("prune", "--older-than", "0s").status == 0

    assert cli("audit", "verify").status == 0
    assert cli("audit", "verify", "--head", head.strip()).status == 0
    assert three[0] not in cli("trace", "--json").out
    cli("run", project, "How much is in the till?", "--user", "1")
    assert cli("audit", "verify").status == 0


def test_a_dry_run_removes_nothing(cli: Cli, three: list[str]) -> None:
    told = cli("prune", "--older-than", "0s", "--dry-run", "--json").json

    assert told["runs"] == 2
    assert len(cli("trace", "--json").json) == 3


def test_what_is_young_stays(cli: Cli, three: list[str]) -> None:
    assert cli("prune", "--older-than", "90d", "--json").json["rows"] == 0


def test_a_run_that_waits_holds_back_what_follows(cli: Cli, project: str) -> None:
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json").json["run"]
    cli("run", project, "How much is in the till?", "--user", "1")

    found = cli("prune", "--older-than", "0s", "--json").json

    assert (found["rows"], found["held_by"]) == (0, waiting)


def test_rows_that_were_removed_around_the_rule_are_found(cli: Cli, three: list[str], tmp_path: Path) -> None:
    cli("prune", "--older-than", "0s")
    with sqlite3.connect(tmp_path / "home" / "journal.db") as base:
        first = base.execute("SELECT MIN(seq) FROM events").fetchone()[0]
        base.execute("DELETE FROM events WHERE seq = ?", (first,))
        base.execute("UPDATE cuts SET seq = ?", (first,))
    base.close()

    home = Home(tmp_path / "home")
    found = verify(home.database)
    home.close()
    assert "the cut from which the chain goes on was changed" in [one.problem for one in found.findings]


def test_effects_and_approvals_go_with_the_thread_that_needed_them(cli: Cli, project: str, tmp_path: Path) -> None:
    for thread in ("old", "new"):
        cli("run", project, "Pay out 20 from the till.", "--user", "1", "--thread", thread)
    cli("run", project, "How much is in the till?", "--user", "1", "--thread", "new")

    told = cli("prune", "--older-than", "0s", "--json").json

    with closing(sqlite3.connect(tmp_path / "home" / "journal.db")) as base:
        left = [thread for (thread,) in base.execute("SELECT thread FROM effects")]
    assert (told["effects"], left) == (1, ["new"])
    assert cli("audit", "verify").status == 0


def test_runs_of_people_on_hold_stay(cli: Cli, three: list[str], project: str) -> None:
    cli("memory", "hold", "case 12", "--user", "1")

    told = cli("prune", "--older-than", "0s")

    assert "which is on hold: case 12" in told.err
    assert len(cli("trace", "--json").json) == 3


def test_an_erasure_does_not_hold_back_what_is_old(cli: Cli, three: list[str], project: str) -> None:
    cli("memory", "forget", "--user", "1", "--yes")
    cli("run", project, "How much is in the till?", "--user", "2")
    cli("run", project, "How much is in the till?", "--user", "2")

    assert cli("prune", "--older-than", "0s", "--json").json["runs"] == 4
    assert cli("audit", "verify").status == 0
