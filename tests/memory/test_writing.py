import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import Drawn
from interlock.memory import Memory, WritePolicy
from interlock.memory.judging import judge
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import PolicyBroken, VectorsRefused
from interlock.runtime.memories import Note, Owner, Slot
from interlock.runtime.records import Label

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHANNEL = Slot(subject="user", attribute="preferred channel")


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (Note(text="likes tea"), "kept"),
        (Note(text=" \n"), "empty"),
        (Note(text="a\x00b"), "malformed"),
        (Note(text="a\ud800b"), "malformed"),
        (Note(text="x" * 2_001), "too-long"),
        (Note(text="likes tea", said_by="tool"), "speaker-not-allowed"),
        (Note(text="likes tea", label=Label(integrity="untrusted", sources=("web",))), "untrusted-source"),
        (Note(text="likes tea", said_by="agent", label=Label(sources=("memory:1",))), "recalled-text"),
        (Note(text="likes tea", label=Label(sources=("memory:1",))), "kept"),
        (Note(text="likes tea", confidence=0.4), "low-confidence"),
        (Note(text="likes tea", sensitivity="secret"), "too-sensitive"),
        (Note(text="likes tea", expires_at=NOW), "expired"),
        (Note(text="likes tea", valid_from=NOW, valid_to=NOW), "never-true"),
        (Note(text="likes tea", slot=Slot(subject="user", attribute=" ")), "bad-slot"),
        (Note(text="likes tea", slot=Slot(subject="user", attribute="x" * 201)), "bad-slot"),
        (Note(text="likes tea", slot=Slot(subject="us\x00er", attribute="drink")), "malformed"),
        (Note(text="likes tea", run="\ud800"), "malformed"),
        (Note(text="\u200b\u202e"), "empty"),
        (Note(text="x" * 1_000_000), "too-long"),
        (Note(text="'; DROP TABLE memories; --"), "kept"),
        (Note(text="👩‍👧 שלום"), "kept"),
    ],
)
def test_every_decision_about_a_note_has_a_code(note: Note, code: str) -> None:
    assert judge(note, WritePolicy(), NOW).code == code


def test_a_kind_that_is_not_kept_is_refused() -> None:
    policy = WritePolicy(kinds=frozenset({"fact"}))

    assert judge(Note(text="likes tea", kind="preference"), policy, NOW).code == "kind-not-kept"


def test_personal_data_is_masked_kept_or_refused_as_the_policy_says() -> None:
    note = Note(text="write to ann@example.org")

    assert judge(note, WritePolicy(), NOW).text == "write to [email]"
    assert judge(note, WritePolicy(personal_data="keep"), NOW).text == "write to ann@example.org"
    assert judge(note, WritePolicy(personal_data="refuse"), NOW).code == "personal-data"


def test_a_tool_may_speak_where_a_rule_says_so() -> None:
    policy = WritePolicy(speakers=frozenset({"tool"}), untrusted=True)
    note = Note(text="the article says so", said_by="tool", label=Label(integrity="untrusted"))

    assert judge(note, policy, NOW).kept


def test_a_duplicate_is_merged_and_its_source_added(store: Store, ann: Owner) -> None:
    first = store.add(Note(text="Likes green tea.", run="r1"), ann)
    second = store.add(Note(text="likes  green tea", run="r2"), ann)

    assert (second.code, second.id) == ("duplicate", first.id)
    assert [source.run for source in store.show(first.id, ann).sources] == ["r1", "r2"]
    assert len(store.list(ann)) == 1


def test_a_merged_duplicate_keeps_the_worse_label(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory(write=WritePolicy(untrusted=True)).open(home, clock)
    first = store.add(Note(text="likes tea"), ann)
    store.add(Note(text="likes tea", label=Label(integrity="untrusted", sources=("web",))), ann)

    assert store.show(first.id, ann).label == Label(integrity="untrusted", sources=("web",))
    store.close()


def test_a_new_value_of_a_slot_closes_the_old_one(store: Store, clock: ManualClock, ann: Owner) -> None:
    old = store.add(Note(text="prefers e-mail", slot=CHANNEL), ann)
    clock.advance(60)
    new = store.add(Note(text="prefers text messages", slot=CHANNEL), ann)

    assert (new.code, new.replaced) == ("superseded-other", (old.id,))
    assert [record.id for record in store.list(ann)] == [new.id]
    closed = store.show(old.id, ann)
    assert (closed.valid_to, closed.superseded_by) == (clock.now(), new.id)


def test_a_slot_of_many_values_keeps_them_side_by_side(store: Store, ann: Owner) -> None:
    slot = Slot(subject="user", attribute="allergy", many=True)
    store.add(Note(text="allergic to nuts", slot=slot), ann)
    store.add(Note(text="allergic to milk", slot=slot), ann)

    assert {record.text for record in store.list(ann)} == {"allergic to nuts", "allergic to milk"}


def test_old_news_does_not_replace_what_is_true_now(store: Store, clock: ManualClock, ann: Owner) -> None:
    now = store.add(Note(text="lives in Rome", slot=Slot(subject="user", attribute="home")), ann)
    past = Note(text="lived in Oslo", slot=Slot(subject="User", attribute=" Home"), valid_from=NOW - timedelta(days=9))
    written = store.add(past, ann)

    assert written.code == "kept-as-past"
    assert [record.id for record in store.list(ann)] == [now.id]
    assert store.show(written.id, ann).valid_to == clock.now()


def test_too_many_notes_within_an_hour_are_refused(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory(write=WritePolicy(per_hour=1)).open(home, clock)
    store.add(Note(text="likes tea"), ann)

    assert store.add(Note(text="likes cake"), ann).code == "rate"
    clock.advance(3_601)
    assert store.add(Note(text="likes cake"), ann).code == "kept"
    store.close()


def test_explaining_tells_what_would_happen_and_does_nothing(store: Store, clock: ManualClock, ann: Owner) -> None:
    old = store.add(Note(text="prefers e-mail", slot=CHANNEL), ann)
    clock.advance(60)

    foreseen = store.explain(Note(text="prefers text messages", slot=CHANNEL), ann)

    assert (foreseen.code, foreseen.replaced) == ("superseded-other", (old.id,))
    assert [record.text for record in store.list(ann, everything=True)] == ["prefers e-mail"]
    assert store.explain(Note(text=""), ann).code == "empty"


def test_explaining_to_a_new_user_writes_no_file(store: Store, home: Path, ann: Owner) -> None:
    assert store.explain(Note(text="likes tea"), ann).kept
    assert not home.exists()


def test_a_policy_is_loaded_from_yaml_and_has_the_version_of_its_content(tmp_path: Path) -> None:
    file = tmp_path / "memory.yaml"
    file.write_text("kinds: [fact]\npersonal_data: refuse\n")

    loaded = WritePolicy.load(file)

    assert loaded == WritePolicy(kinds=frozenset({"fact"}), personal_data="refuse")
    assert loaded.version == WritePolicy(kinds=frozenset({"fact"}), personal_data="refuse").version
    assert loaded.version != WritePolicy().version


def test_a_broken_policy_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "memory.yaml"
    file.write_text("kinds: [rumour]\n")

    with pytest.raises(PolicyBroken, match=r"memory\.yaml"):
        WritePolicy.load(file)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_vectors_that_are_none_are_refused_and_nothing_is_written(
    home: Path, clock: ManualClock, ann: Owner, number: float
) -> None:
    class Broken(Drawn):
        def embed(self, texts: Sequence[str]) -> Any:
            return np.full_like(super().embed(texts), number)

    store = Memory(embedder=Broken("broken@1")).open(home, clock)
    with pytest.raises(VectorsRefused, match="NaN or infinity"):
        store.add(Note(text="likes tea"), ann)
    assert store.list(ann) == ()
    store.close()


def test_vectors_of_another_size_are_refused(home: Path, clock: ManualClock, ann: Owner) -> None:
    class Short(Drawn):
        def embed(self, texts: Sequence[str]) -> Any:
            return super().embed(texts)[:, :4]

    store = Memory(embedder=Short("short@1")).open(home, clock)
    with pytest.raises(VectorsRefused, match=r"shape \(1, 4\)"):
        store.add(Note(text="likes tea"), ann)
    store.close()
