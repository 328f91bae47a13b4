"""Somebody is forgotten everywhere in a home, and nobody else is touched."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.serving.conftest import Cli

from interlock.memory import ChromaStore
from interlock.memory.fingerprints import Fingerprints, windows
from interlock.memory.layout import folder_of
from interlock.serving.forgetting.searching import search

SAID = "I prefer e-mail to phone calls, since my hearing aid from Zermatt whistles."


def lying(home: Path, needle: str) -> list[str]:
    """Name the files of a home in which something stands, as it is or as a vector's bytes."""
    return [path.name for path in sorted(home.rglob("*")) if path.is_file() and needle.encode() in path.read_bytes()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def talker(cli: Cli, tmp_path: Path) -> str:
    """An agent with a memory."""
    folder = tmp_path / "talker"
    folder.mkdir()
    (folder / "agent.py").write_text(
        "from interlock import Agent, tool\n"
        "from interlock.graphs import plan_execute\n"
        "from interlock.memory import Memory\n\n\n"
        "@tool(destructive=True, idempotent=False)\n"
        "def book(place: str) -> str:\n"
        '    """Book a table at a place."""\n'
        '    return f"booked {place}"\n\n\n'
        'agent = Agent(name="talker", model="embedded", tools=[book], memory=Memory(), policy="policy.cedar")\n'
        "graph = plan_execute(agent)\n"
    )
    (folder / "policy.cedar").write_text('@id("all") permit (principal, action, resource);\n')
    return str(folder)


def told(cli: Cli, talker: str, user: str, *texts: str) -> list[str]:
    return [cli("run", talker, text, "--user", user, "--thread", f"t-{user}", "--json").json["run"] for text in texts]


def forgotten(cli: Cli, tmp_path: Path, *words: str) -> Any:
    receipt = tmp_path / "receipt.json"
    assert cli("memory", "forget", *words, "--yes", "--receipt", str(receipt)).status == 0
    return json.loads(receipt.read_text())


def test_no_byte_of_a_user_is_left_in_any_file(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    told(cli, talker, "ann-of-green-gables", SAID, "Book a table at Zermatt Stube.")
    assert {"journal.db", "checkpoints.db", "truth.db"} <= {
        name.removesuffix("-wal") for name in lying(home, "Zermatt")
    }

    forgotten(cli, tmp_path, "--user", "ann-of-green-gables")

    assert lying(home, "Zermatt") == lying(home, "whistles") == []
    assert cli("memory", "verify", str(tmp_path / "receipt.json")).status == 0
    assert cli("audit", "verify").status == 0


def test_nothing_names_a_user_of_whom_all_was_forgotten(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    user, tenant = "ann-of-green-gables", "the acme company"
    cli("run", talker, SAID, "--user", user, "--tenant", tenant)

    forgotten(cli, tmp_path, "--user", user, "--tenant", tenant)

    assert lying(home, user) == lying(home, tenant) == []
    (run,) = cli("trace", "--json").json
    assert (run["user"], run["asked"]) == ("[erased]", "[erased]")


def rows_of(home: Path, user: str) -> dict[str, list[tuple[Any, ...]]]:
    """Give all that stands in journal and checkpoints for a user."""
    with closing(sqlite3.connect(home / "journal.db")) as base:
        sql = "SELECT digest, body FROM payloads WHERE subject LIKE ? ORDER BY digest"
        found = {"payloads": base.execute(sql, (f'%"{user}"%',)).fetchall()}
        for table in ("events", "effects", "approvals"):
            sql = f"SELECT * FROM {table} WHERE thread = ? ORDER BY 1"  # noqa: S608  # our own names
            found[table] = base.execute(sql, (f"t-{user}",)).fetchall()
    with closing(sqlite3.connect(home / "checkpoints.db")) as base:
        for table in ("checkpoints", "writes"):
            sql = f"SELECT * FROM {table} WHERE thread_id = ? ORDER BY 1, 2, 3, 4"  # noqa: S608  # our own names
            found[table] = base.execute(sql, (f"t-{user}",)).fetchall()
    return found


def test_others_keep_every_byte_and_their_runs_still_replay(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    told(cli, talker, "ann", SAID)
    run, _ = told(cli, talker, "bob", SAID, "Book a table at Zermatt Stube.")
    before = rows_of(home, "bob")
    memories = cli("memory", "list", "--user", "bob", "--json").json

    forgotten(cli, tmp_path, "--user", "ann")

    assert [name for name, rows in before.items() if not rows] == ["approvals"]
    assert rows_of(home, "bob") == before
    assert cli("memory", "list", "--user", "bob", "--json").json == memories
    assert cli("replay", run).status == 0
    assert cli("memory", "verify", str(tmp_path / "receipt.json")).status == 0


def test_equal_words_of_another_excuse_nothing_among_a_persons_own_files(tmp_path: Path) -> None:
    ann, bob = (folder_of(tmp_path, "default", user) for user in ("ann", "bob"))
    vector = bytes(range(256)) * 6
    bob.mkdir(parents=True)
    with closing(sqlite3.connect(bob / "truth.db")) as base:
        base.execute("CREATE TABLE waiting AS SELECT ? AS vector", (vector,))
        base.commit()
    ann.mkdir()
    (ann / "vectors").write_bytes(vector)

    prints = Fingerprints.of(b"salt", windows(vector, 4))
    found = search(tmp_path, prints, own=ann, gone=lambda _table, _row: False, held=lambda _: frozenset())

    assert found.ours == {str(ann / "vectors"): 4}


def test_a_forgotten_run_is_traced_without_content_and_not_replayed(cli: Cli, talker: str, tmp_path: Path) -> None:
    (run,) = told(cli, talker, "ann", SAID)
    forgotten(cli, tmp_path, "--user", "ann")

    assert "[erased]" in cli("trace", run).out
    replayed = cli("replay", run)
    assert replayed.status == 2
    assert "was erased" in replayed.err


def test_one_memory_goes_with_its_copies_and_the_thread_goes_on(
    cli: Cli, talker: str, home: Path, tmp_path: Path
) -> None:
    told(cli, talker, "ann", SAID, "I live in Winterthur.")
    (memory,) = [one for one in cli("memory", "list", "--user", "ann", "--json").json if "Zermatt" in one["text"]]

    forgotten(cli, tmp_path, memory["id"], "--user", "ann")

    assert lying(home, "hearing aid from Zermatt") == []
    assert lying(home, "Winterthur") != []
    assert cli("audit", "verify").status == 0
    assert cli("memory", "verify", str(tmp_path / "receipt.json")).status == 0
    assert told(cli, talker, "ann", "Where do I live?")


def test_what_waits_for_a_person_is_forgotten_too(cli: Cli, project: str, home: Path, tmp_path: Path) -> None:
    cli("run", project, "Pay out 50 from the till.", "--user", "ann")
    assert len(cli("approvals", "list", "--json").json) == 1

    forgotten(cli, tmp_path, "--user", "ann")

    assert cli("approvals", "list", "--json").json == []
    assert cli("audit", "verify").status == 0


def test_who_comes_back_begins_anew(cli: Cli, talker: str, tmp_path: Path) -> None:
    told(cli, talker, "ann", SAID)
    forgotten(cli, tmp_path, "--user", "ann")

    told(cli, talker, "ann", SAID)

    assert cli("audit", "verify").status == 0
    assert cli("memory", "verify", str(tmp_path / "receipt.json")).status == 0


def test_a_hold_stops_forgetting(cli: Cli, talker: str, home: Path) -> None:
    told(cli, talker, "ann", SAID)
    cli("memory", "hold", "case 12/2026", "--user", "ann")

    refused = cli("memory", "forget", "--user", "ann", "--yes")

    assert (refused.status, "on hold: case 12/2026" in refused.err) == (2, True)
    assert lying(home, "Zermatt") != []
    cli("memory", "release", "--user", "ann")
    assert cli("memory", "forget", "--user", "ann", "--yes").status == 0


def test_a_copy_that_turns_up_is_named(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    told(cli, talker, "ann", SAID)
    copy = (home / "journal.db").read_bytes() + (home / "journal.db-wal").read_bytes()
    forgotten(cli, tmp_path, "--user", "ann")

    (home / "memory" / "old.bak").write_bytes(b"x" * 99 + copy)

    found = cli("memory", "verify", str(tmp_path / "receipt.json"))
    assert found.status == 1
    assert str(home / "memory" / "old.bak") in found.out


def test_receipts_may_be_kept_in_the_home(cli: Cli, talker: str, home: Path) -> None:
    told(cli, talker, "ann", SAID, "How should you contact me?")

    forgotten(cli, home, "--user", "ann")

    assert cli("memory", "verify", str(home / "receipt.json")).status == 0


def test_a_journal_put_back_from_a_backup_is_no_proof(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    told(cli, talker, "ann", SAID)
    with closing(sqlite3.connect(home / "journal.db")) as base:
        base.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    forgotten(cli, tmp_path, "--user", "ann")

    for file in home.glob("journal.db*"):
        file.unlink()
    shutil.copy(tmp_path / "backup.db", home / "journal.db")

    found = cli("memory", "verify", str(tmp_path / "receipt.json"), "--json")
    assert (found.status, found.json["on_record"]) == (1, False)


def test_checkpoints_put_back_from_a_backup_are_found(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    told(cli, talker, "ann", SAID)
    with closing(sqlite3.connect(home / "checkpoints.db")) as base:
        base.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    forgotten(cli, tmp_path, "--user", "ann")

    for file in home.glob("checkpoints.db*"):
        file.unlink()
    shutil.copy(tmp_path / "backup.db", home / "checkpoints.db")

    assert "checkpoints.db" in cli("memory", "verify", str(tmp_path / "receipt.json")).out


def test_what_a_tool_keeps_by_itself_is_named_and_left(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    told(cli, talker, "ann", SAID)
    (home / "letters.txt").write_text(f"Dear Ann, you told us: {SAID}")

    receipt = forgotten(cli, tmp_path, "--user", "ann")

    assert list(receipt["elsewhere"]) == ["letters.txt"]
    assert cli("memory", "verify", str(tmp_path / "receipt.json")).status == 0


def test_a_recording_in_the_home_goes_too(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    (anns,) = told(cli, talker, "ann", SAID)
    (bobs,) = told(cli, talker, "bob", SAID)
    for run in (anns, bobs):
        (home / f"{run}.json").write_text(cli("trace", "export", run).out)

    forgotten(cli, tmp_path, "--user", "ann")

    assert [path.stem for path in home.glob("*.json")] == [bobs]


@pytest.mark.parametrize(
    "name", ["../bob", "%", "_", "bob/../..", "'; DROP TABLE payloads; --", '","acme', "b*", "b\u0000b"]
)
def test_a_hostile_name_reaches_nobody_else(cli: Cli, talker: str, home: Path, name: str) -> None:
    told(cli, talker, "bob", SAID)
    before = rows_of(home, "bob")

    cli("memory", "forget", "--user", name, "--yes")
    cli("memory", "forget", "--user", "bob", "--tenant", name, "--yes")

    assert rows_of(home, "bob") == before
    assert cli("audit", "verify").status == 0


def test_all_that_is_held_on_a_user_can_be_handed_out(cli: Cli, talker: str, project: str) -> None:
    told(cli, talker, "ann", SAID, "I live in Winterthur.")
    told(cli, talker, "bob", "My secret is Basel.")
    cli("run", project, "Pay out 50 from the till.", "--user", "ann")

    given = cli("memory", "export", "--user", "ann").json

    assert any("Zermatt" in memory["text"] for memory in given["memories"])
    assert [m["content"] for m in given["threads"]["t-ann"] if m["type"] == "human"] == [SAID, "I live in Winterthur."]
    assert len(given["runs"]) == 3
    assert [one["tool"] for one in given["approvals"]] == ["pay_out"]
    assert "Basel" not in json.dumps(given)


def test_a_run_that_waited_when_its_user_was_forgotten_does_not_hold_back_what_is_old(cli: Cli, project: str) -> None:
    cli("run", project, "Pay out 50 from the till.", "--user", "ann")
    cli("memory", "forget", "--user", "ann", "--yes")
    cli("run", project, "How much is in the till?", "--user", "bob")

    assert cli("prune", "--older-than", "0s", "--json").json["held_by"] == ""


def test_a_secret_in_an_argument_stands_in_the_journal_by_reference_alone(
    cli: Cli, talker: str, home: Path, tmp_path: Path
) -> None:
    secret = "sk-proj-Zy8Qm3Lk20vTbXw91RsQa"  # noqa: S105  # made up
    told(cli, talker, "ann", f'Book a table at "{secret}".')

    with closing(sqlite3.connect(home / "journal.db")) as base:
        tables = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: base.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}  # noqa: S608
        effects = base.execute("SELECT tool FROM effects").fetchall()
    holding = [table for table, found in rows.items() if secret in str(found)]
    assert (effects, holding) == ([("book",)], ["payloads"])

    forgotten(cli, tmp_path, "--user", "ann")
    assert lying(home, secret) == []
    assert cli("audit", "verify").status == 0


def test_a_store_that_a_graph_keeps_in_the_home_is_named(cli: Cli, talker: str, home: Path, tmp_path: Path) -> None:
    told(cli, talker, "ann", SAID)
    with ChromaStore(home) as store:
        store.put(("notes",), "a", {"text": SAID})

    assert forgotten(cli, tmp_path, "--user", "ann")["elsewhere"].keys() == {"items.db"}
    told_again = cli("memory", "verify", str(tmp_path / "receipt.json"), "--json").json
    assert (told_again["ok"], len(told_again["elsewhere"])) == (True, 1)
