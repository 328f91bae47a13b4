from pathlib import Path

import pytest

from interlock.memory.frames import frame_of
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.memories import Note, Owner
from interlock.runtime.records import Label


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like green tea.", "I don't like green tea."),
        ("She loves loud music", "She hates loud music"),
        ("The shop opens at 9:00", "The shop opens at 10:00."),
        ("He is allowed to drive", "He is not allowed to drive"),
        ("The gate is open", "the gate is closed"),
        ("We have 2 children", "We have 3 children"),
    ],
)
def test_what_denies_another_or_differs_in_its_numbers_contradicts_it(one: str, other: str) -> None:
    first, second = frame_of(one), frame_of(other)

    assert first.key == second.key
    assert first.contradicts(second)
    assert second.contradicts(first)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like green tea.", "I love green tea!"),
        ("I like green tea.", "I like black tea."),
        ("I don't hate loud music", "I like loud music"),
        ("Allergic to nuts", "Allergic to milk"),
        ("The shop opens at 9:00", "The shop does not open at 8:00"),
        ("", "never"),
    ],
)
def test_what_can_both_hold_does_not_contradict(one: str, other: str) -> None:
    first, second = frame_of(one), frame_of(other)

    assert first.key != second.key or first.key is None or not first.contradicts(second)


def test_contradictions_are_kept_side_by_side_and_marked(store: Store, ann: Owner) -> None:
    first = store.add(Note(text="I like green tea."), ann)
    store.add(Note(text="I like black tea."), ann)

    second = store.add(Note(text="I don't like green tea."), ann)

    assert (second.kept, second.code, second.conflicts) == (True, "contradicts", (first.id,))
    assert store.show(first.id, ann).conflicts_with == (second.id,)
    assert store.show(second.id, ann).conflicts_with == (first.id,)
    assert len(store.list(ann)) == 3


def test_nothing_points_to_what_was_forgotten(store: Store, ann: Owner) -> None:
    first = store.add(Note(text="I like green tea."), ann)
    second = store.add(Note(text="I don't like green tea."), ann)

    store.forget(ann, id=first.id)

    assert store.show(second.id, ann).conflicts_with == ()


@pytest.mark.parametrize(
    "copy", ["I prefer letters to phone calls.", "As you told me, you prefer letters to phone calls."]
)
def test_an_agent_does_not_remember_its_own_reminders(store: Store, ann: Owner, copy: str) -> None:
    told = store.add(Note(text="I prefer letters to phone calls."), ann)
    store.search("how to reach her by phone or letters", ann)

    written = store.add(Note(text=copy, said_by="agent", kind="episode"), ann)

    assert (written.kept, written.code) == (False, "recalled-text")
    assert told.id in written.reason


def test_an_agent_may_say_something_new_about_what_was_recalled(store: Store, ann: Owner) -> None:
    store.add(Note(text="I prefer letters to phone calls."), ann)
    store.search("letters", ann)

    assert store.add(Note(text="Sent the first of the letters on 3 May.", said_by="agent"), ann).kept


def test_a_user_may_repeat_what_was_recalled(store: Store, ann: Owner) -> None:
    store.add(Note(text="I prefer letters."), ann)
    store.search("letters", ann)

    assert store.add(Note(text="I prefer letters.", label=Label(sources=("memory:1",))), ann).code == "duplicate"


def test_a_clock_that_jumps_back_turns_no_order(store: Store, clock: ManualClock, ann: Owner) -> None:
    from interlock.runtime.memories import Slot

    slot = Slot(subject="user", attribute="home")
    store.add(Note(text="lives in Oslo", slot=slot), ann)
    clock.advance(-3_600)

    moved = store.add(Note(text="lives in Rome", slot=slot), ann)

    assert moved.code == "superseded-other"
    assert [record.text for record in store.list(ann)] == ["lives in Rome"]
    assert [item.text for item in store.search("where does she live", ann).items] == ["lives in Rome"]


def test_a_duplicate_from_the_same_event_adds_no_second_source(store: Store, home: Path, ann: Owner) -> None:
    note = Note(text="likes tea", run="r", event="1.remember.0")
    first = store.add(note, ann)

    store.add(note, ann)

    assert len(store.show(first.id, ann).sources) == 1
