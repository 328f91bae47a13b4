from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from interlock.memory import Memory, WritePolicy, WriteRule
from interlock.memory.judging import judge
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import PolicyBroken
from interlock.runtime.memories import Note, Owner, Slot
from interlock.runtime.records import Label

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FROM_CRM = Label(integrity="untrusted", sources=("find_customer.note",))
FROM_BOTH = Label(integrity="untrusted", sources=("find_customer.note", "search_help.text"))


def ruled(**rule: Any) -> WritePolicy:
    return WritePolicy(rules=(WriteRule.model_validate({"code": "r", "then": "keep"} | rule),))


def test_a_rule_lets_a_tool_speak_on_what_it_names() -> None:
    policy = ruled(speakers=["tool"], sources=["find_customer.*"])

    assert judge(Note(text="pays late", said_by="tool", label=FROM_CRM), policy, NOW).kept
    assert judge(Note(text="pays late", said_by="tool", label=FROM_BOTH), policy, NOW).code == "speaker-not-allowed"
    assert judge(Note(text="pays late", said_by="tool"), policy, NOW).code == "speaker-not-allowed"


def test_no_rule_lets_recalled_text_in_again() -> None:
    note = Note(text="likes tea", said_by="agent", label=Label(sources=("memory:1",)))

    assert judge(note, ruled(), NOW).code == "recalled-text"


def test_a_rule_refuses_with_its_own_code_and_reason() -> None:
    policy = ruled(code="no-gossip", then="refuse", pattern=r"\bneighbou?r", reason="nothing about others")

    verdict = judge(Note(text="My neighbour drinks."), policy, NOW)

    assert (verdict.code, verdict.reason) == ("no-gossip", "nothing about others")
    assert judge(Note(text="I like tea."), policy, NOW).kept


def test_the_first_rule_that_applies_decides() -> None:
    first = WriteRule(code="health", then="refuse", attributes=("allergy",))
    policy = WritePolicy(rules=(first, WriteRule(code="all", then="keep")))
    slot = Slot(subject="user", attribute="Allergy")

    assert judge(Note(text="allergic to nuts", slot=slot), policy, NOW).code == "health"
    assert judge(Note(text="likes nuts"), policy, NOW).reason == "allowed, by rule all"


def test_what_a_rule_asks_about_waits_for_a_person() -> None:
    policy = ruled(code="health", then="ask", sensitivity="personal", roles=["doctor"])
    note = Note(text="takes insulin", sensitivity="personal")

    asked = judge(note, policy, NOW)

    assert (asked.code, asked.reason) == ("needs-approval", "a person must agree to it (rule health)")
    assert judge(note, policy, NOW, approved=True).reason == "approved by a person, by rule health"
    assert judge(Note(text="likes tea"), policy, NOW).kept


def test_personal_data_that_is_kept_makes_a_note_personal() -> None:
    note = Note(text="write to ann@example.org")

    assert judge(note, WritePolicy(personal_data="keep"), NOW).sensitivity == "personal"
    assert judge(note, WritePolicy(personal_data="keep", max_sensitivity="normal"), NOW).code == "too-sensitive"


def test_the_version_is_that_of_the_content_in_its_order() -> None:
    keep, refuse = WriteRule(code="a", then="keep"), WriteRule(code="b", then="refuse")

    assert WritePolicy(rules=(keep, refuse)).version != WritePolicy(rules=(refuse, keep)).version
    assert WritePolicy().version == WritePolicy(kinds=frozenset(("procedure", "episode", "preference", "fact"))).version


def test_a_pattern_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "memory.yaml"
    file.write_text("rules: [{code: x, then: refuse, pattern: '('}]\n")

    with pytest.raises(PolicyBroken, match="no regular expression"):
        WritePolicy.load(file)


def test_untrusted_text_supersedes_nothing_that_is_vouched_for(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory(write=WritePolicy(untrusted=True)).open(home, clock)
    slot = Slot(subject="user", attribute="home")
    said = store.add(Note(text="lives in Rome", slot=slot), ann)
    clock.advance(1)

    found = store.add(Note(text="lives in Oslo", slot=slot, label=Label(integrity="untrusted")), ann)

    assert (found.code, found.conflicts, found.replaced) == ("contradicts", (said.id,), ())
    assert {record.text for record in store.list(ann)} == {"lives in Rome", "lives in Oslo"}
    clock.advance(1)
    again = store.add(Note(text="lives in Bern", slot=slot), ann)
    assert set(again.replaced) == {said.id, found.id}
    store.close()
