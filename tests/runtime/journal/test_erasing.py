"""Content is erased on record: the chain stays whole, and what was removed by hand is told from it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from interlock.runtime.clock import ManualClock
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.journal.erasing import Held, erase_all, erase_some, held_of
from interlock.runtime.journal.events import Noted, RunStarted
from interlock.runtime.journal.journal import Scope
from interlock.runtime.journal.prompts import PromptTail, read_prompt
from interlock.runtime.memories import Owner
from interlock.runtime.records import Caller
from interlock.runtime.wording import Wording

ANN, BOB = Owner(tenant="acme", user="ann"), Owner(tenant="acme", user="bob")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home", clock=ManualClock())
    yield home
    home.close()


def scope_of(owner: Owner) -> Scope:
    return Scope(run=f"run-{owner.user}", thread=f"t-{owner.user}", subject=Scope.subject_of(owner.tenant, owner.user))


def tell(home: Home, owner: Owner, *texts: str) -> str:
    """Begin a run, note what was said in it, and keep a prompt of it; gives the prompt's digest."""
    scope = scope_of(owner)
    with home.database.transaction() as tx:
        started = RunStarted(
            agent="a", caller=Caller(user=owner.user, tenant=owner.tenant), turn=1, manifest="", policy="", messages=[]
        )
        home.journal.append(tx, scope, "1.begin", started)
        for text in texts:
            home.journal.append(tx, scope, "1.node", Noted(what="said", facts={"text": text}))
        return PromptTail().write(tx, home.journal, scope.subject, [HumanMessage(text) for text in texts])


def forget(home: Home, owner: Owner) -> Held:
    held = held_of(home, owner)
    with home.database.transaction(durable=True) as tx:
        erase_all(tx, home, held, "e1")
    return held


def by_hand(home: Home, sql: str) -> None:
    path = home.path / "journal.db"
    home.close()
    with sqlite3.connect(path) as base:
        assert base.execute(sql).rowcount
    base.close()


def test_what_is_erased_is_gone_and_the_chain_is_whole(home: Home) -> None:
    tell(home, ANN, "the vault is in Zurich")

    forget(home, ANN)

    verdict = verify(home.database)
    assert (verdict.ok, verdict.erased > 0) == (True, True)
    assert [entry.erased for entry in home.journal.of_run("run-ann")] == [True, True]
    assert "ann" not in str([entry.event for entry in home.journal.of_run("run-ann")])


def test_others_keep_every_byte(home: Home) -> None:
    tell(home, ANN, "the vault is in Zurich")
    tell(home, BOB, "the vault is in Zurich")
    before = held_of(home, BOB)

    forget(home, ANN)

    assert held_of(home, BOB) == before


def test_an_erasure_is_sealed_where_it_stands(home: Home) -> None:
    tell(home, ANN, "the vault is in Zurich")
    forget(home, ANN)

    by_hand(home, "DELETE FROM seals WHERE seq = 3")

    (finding,) = verify(home.database).findings
    assert (finding.row, finding.problem) == (3, "the row was sealed, and its seal was removed")


@pytest.mark.parametrize("how", ["UPDATE payloads SET body = NULL", "DELETE FROM payloads"])
def test_what_is_removed_by_hand_is_no_erasure(home: Home, how: str) -> None:
    tell(home, ANN, "the vault is in Zurich")

    by_hand(home, f"{how} WHERE cast(body AS TEXT) LIKE '%\"facts\"%Zurich%'")

    (finding,) = verify(home.database).findings
    assert (finding.row, finding.problem.endswith("no row says that it was erased")) == (2, True)


def test_an_old_erasure_covers_nothing_that_was_written_since(home: Home) -> None:
    tell(home, ANN, "the vault is in Zurich", "and the key in Basel")
    with home.database.transaction() as tx:
        erase_some(tx, home, held_of(home, ANN), Wording(["the vault is in Zurich"]), "e1")
    tell(home, ANN, "the vault is in Zurich")
    assert verify(home.database).ok

    by_hand(home, "DELETE FROM payloads WHERE cast(body AS TEXT) LIKE '%\"facts\"%Zurich%'")

    assert [finding.row for finding in verify(home.database).findings] == [6]


def test_only_what_holds_the_text_is_erased_and_of_prompts_what_follows_it(home: Home) -> None:
    prompt = tell(home, ANN, "hello there", "The  VAULT is in Zürich", "thank you")
    held = held_of(home, ANN)

    with home.database.transaction() as tx:
        erase_some(tx, home, held, Wording(["the vault is in Zürich"]), "e1")

    left = [e.event.facts.get("text") for e in home.journal.of_run("run-ann") if isinstance(e.event, Noted)]
    assert left == ["hello there", None, "thank you"]
    assert read_prompt(home.journal, prompt) == []
    assert verify(home.database).ok


def test_a_prompt_that_is_told_again_is_kept_whole_again(home: Home) -> None:
    tell(home, ANN, "hello there", "the vault is in Zurich")
    with home.database.transaction() as tx:
        erase_some(tx, home, held_of(home, ANN), Wording(["hello there"]), "e1")

    prompt = tell(home, ANN, "hello there", "the vault is in Zurich")

    assert [cell["content"] for cell in read_prompt(home.journal, prompt)] == ["hello there", "the vault is in Zurich"]
    assert verify(home.database).ok


def test_a_key_that_another_process_destroyed_is_not_used_again(home: Home) -> None:
    other = Home(home.path, clock=home.clock)
    tell(other, ANN, "the vault is in Zurich")
    key = forget(home, ANN).key

    tell(other, ANN, "the vault is in Zurich")

    assert verify(home.database).ok
    assert held_of(home, ANN).key not in (b"", key)
    other.close()


def test_a_key_that_was_made_in_vain_is_not_used_again(home: Home) -> None:
    with pytest.raises(RuntimeError), home.database.transaction() as tx:
        home.journal.store(tx, "someone", b"{}")
        raise RuntimeError

    with home.database.transaction() as tx:
        home.journal.store(tx, "someone", b"{}")

    assert verify(home.database).ok
