"""Two machines, each with a home folder of its own, share one journal and ledger in Postgres."""

import json
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.serving.conftest import Cli, Done

from _postgres import PASSWORD, Server
from interlock.memory.fingerprints import Fingerprints
from interlock.memory.receipts import fields_of
from interlock.runtime.erasures import Erasure, begin
from interlock.runtime.home import Home
from interlock.runtime.memories import Owner
from interlock.runtime.settings import settings
from interlock.runtime.storage.binding import name_of

ROOT = Path(__file__).parents[2]
SAID = "I prefer e-mail to phone calls, since my hearing aid from Zermatt whistles."
AGENT = '''
from interlock import Agent, tool
from interlock.graphs import plan_execute
from interlock.memory import Memory


@tool(destructive=True, idempotent=False)
def book(place: str) -> str:
    """Book a table at a place."""
    return f"booked {place}"


graph = plan_execute(Agent(name="host", model="embedded", tools=[book], memory=Memory(), policy="policy.cedar"))
'''
POLICY = """
@id("all") permit (principal, action, resource) unless { action == Action::"book" };
@id("book") @decision("ask") @roles("lead") permit (principal, action == Action::"book", resource);
"""


class Machine:
    """A home folder, and the command line on it."""

    def __init__(self, cli: Cli, home: Path, agent: Path) -> None:
        self._cli, self.home, self._agent = cli, home, str(agent)

    def __call__(self, *words: str) -> Done:
        return self._cli(*words, "--home", str(self.home), home=False)

    def run(self, text: str, *, user: str = "eve") -> Done:
        return self("run", self._agent, text, "--user", user, "--thread", f"t-{user}", "--json")


@pytest.fixture
def shared(url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """The database that all commands use."""
    monkeypatch.setenv("INTERLOCK_DATABASE", url)
    settings.cache_clear()
    yield url
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def machines(cli: Cli, tmp_path: Path, shared: str) -> tuple[Machine, Machine]:
    """The first has made the key, the second was given it."""
    agent = tmp_path / "host"
    agent.mkdir()
    (agent / "agent.py").write_text(AGENT)
    (agent / "policy.cedar").write_text(POLICY)
    one, two = (Machine(cli, tmp_path / name, agent) for name in ("one", "two"))
    assert one.run("Hello.").status == 0
    two.home.mkdir()
    shutil.copy(one.home / "audit.key", two.home)
    return one, two


def test_what_one_machine_asks_is_answered_and_done_on_another(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    waiting = one.run("Book a table at Stube.")
    [asked] = waiting.json["approvals"]

    own = two("approvals", "approve", asked["id"], "--user", "eve", "--role", "lead")
    answered = two("approvals", "approve", asked["id"], "--user", "ada", "--role", "lead")

    assert (waiting.status, own.status, answered.status) == (3, 2, 0)
    assert "booked Stube" in one("trace", waiting.json["run"]).out
    assert one("approvals", "approve", asked["id"], "--user", "ben", "--role", "lead").status == 2
    assert [machine("audit", "verify").status for machine in machines] == [0, 0]


def test_a_head_that_one_machine_sealed_is_verified_on_another(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    head = one("audit", "seal").out.strip()
    two.run("Hello again.")

    assert two("audit", "verify", "--head", head).status == 0


def test_a_stranger_verifies_what_was_exported(machines: tuple[Machine, Machine], tmp_path: Path) -> None:
    (tmp_path / "export.jsonl").write_text(machines[1]("audit", "export").out)

    command = [sys.executable, str(ROOT / "docs" / "verify_export.py"), str(tmp_path / "export.jsonl")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_row_that_was_changed_in_the_database_is_named(
    machines: tuple[Machine, Machine], postgres: Server, shared: str
) -> None:
    forge = "UPDATE interlock.events SET head = replace(head, 'eve', 'mal') WHERE seq = 1"
    postgres.admin(forge, shared.rpartition("/")[2])

    verified = machines[0]("audit", "verify")

    assert verified.status == 1
    assert "row 1" in verified.out + verified.err


def test_a_run_of_one_machine_is_replayed_on_another(machines: tuple[Machine, Machine]) -> None:
    run = machines[0].run("How are you?").json["run"]

    assert "identical" in machines[1]("replay", run).out


def test_old_runs_are_pruned_with_their_checkpoints(
    machines: tuple[Machine, Machine], postgres: Server, shared: str
) -> None:
    one, two = machines
    one.run("Hello.", user="ann")

    assert two("prune", "--older-than", "0s").status == 0

    kept = postgres.admin("SELECT DISTINCT thread_id FROM interlock.checkpoints", shared.rpartition("/")[2])
    assert kept == [("t-ann",)]
    assert one("audit", "verify").status == 0


def test_a_person_is_forgotten_in_the_rows_of_the_server(
    machines: tuple[Machine, Machine], postgres: Server, shared: str, tmp_path: Path
) -> None:
    one, two = machines
    one.run(SAID, user="ann")
    assert "Zermatt" in dumped(postgres, shared)

    receipt = tmp_path / "receipt.json"
    forget = ("memory", "forget", "--user", "ann", "--yes", "--receipt", str(receipt))
    assert one(*forget).status == 0

    left = dumped(postgres, shared)
    assert "Zermatt" not in left
    assert "whistles" not in left
    assert one("memory", "verify", str(receipt)).status == 0
    assert two("audit", "verify").status == 0


def test_a_receipt_says_that_a_servers_files_were_not_searched(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    one.run(SAID, user="ann")

    told = one("memory", "forget", "--user", "ann", "--yes", "--json")

    [server] = told.json["receipt"]["servers"]
    assert server.startswith("postgresql://127.0.0.1")
    assert "its files, log and backups were not searched" in told.err


def test_an_erasure_that_was_cut_off_is_left_to_the_machine_that_has_the_memories(
    machines: tuple[Machine, Machine], shared: str
) -> None:
    one, two = machines
    one.run(SAID, user="ann")
    ids = [record["id"] for record in one("memory", "list", "--user", "ann", "--json").json]
    home = Home(one.home, database=shared)
    cut_off = Erasure(
        id=f"e1@{name_of(one.home)}", owner=Owner(tenant="default", user="ann"), memories=tuple(ids), everything=True,
        prints=fields_of(Fingerprints.of(b"salt" * 4, [SAID.encode()[:32]])), unsearched=0,
    )  # fmt: skip
    with home.database.transaction() as tx:
        begin(tx, cut_off, ["t-ann"], home.clock)
    home.close()

    assert two("memory", "check", "--json").json["finished"] == []
    [receipt] = one("memory", "check", "--json").json["finished"]
    assert receipt["ids"] == ids


def test_one_machine_at_a_time_erases(machines: tuple[Machine, Machine], shared: str) -> None:
    one, two = machines
    home = Home(one.home, database=shared)

    with home.database.alone() as free:
        told = two("memory", "check")
    home.close()

    assert (free, told.status) == (True, 2)
    assert "another machine is erasing" in told.err
    assert two("memory", "check").status == 0


def test_doctor_tells_where_the_journal_is_but_not_the_password(machines: tuple[Machine, Machine]) -> None:
    told = machines[0]("doctor")

    assert told.status == 0
    assert "postgresql://127.0.0.1" in told.out
    assert PASSWORD not in told.out + told.err


def dumped(postgres: Server, url: str) -> str:
    """Give all rows of all tables as text, bytes among them."""
    name = url.rpartition("/")[2]
    tables = [
        table for (table,) in postgres.admin("SELECT tablename FROM pg_tables WHERE schemaname='interlock'", name)
    ]
    rows = [row for table in tables for row in postgres.admin(f"SELECT * FROM interlock.{table}", name)]  # noqa: S608
    values = [value for row in rows for value in row]
    return "\n".join(
        value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value, default=str)
        for value in values
    )
