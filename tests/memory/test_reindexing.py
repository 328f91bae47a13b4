"""Vectors are made anew from the table, by another embedder or after they were lost."""

from pathlib import Path

import pytest

from drawn import Drawn
from interlock.memory import Memory
from interlock.memory.layout import folder_of
from interlock.memory.store import Store
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import HomeUnusable
from interlock.runtime.memories import Note, Owner, Slot


def opened(home: Path, name: str) -> Store:
    return Memory(embedder=Drawn(name)).open(home, SystemClock())


@pytest.fixture
def filled(home: Path, ann: Owner) -> Path:
    """Five memories, read by the first embedder."""
    store = opened(home, "first@1")
    store.add_all([Note(text=f"owns bicycle number {n}") for n in range(5)], ann)
    store.close()
    return home


def test_another_embedder_is_refused_until_all_is_read_anew(filled: Path, ann: Owner) -> None:
    store = opened(filled, "second@1")
    with pytest.raises(HomeUnusable, match=r"vectors of first@1, not of second@1"):
        store.add(Note(text="owns a boat"), ann)
    told: list[tuple[int, int]] = []

    assert store.reindex(ann, lambda done, of: told.append((done, of))) == 5

    assert told[-1] == (10, 10)
    store.add(Note(text="owns a boat"), ann)
    assert store.search("bicycle number 3", ann).items[0].text == "owns bicycle number 3"
    store.close()


def test_vectors_that_were_lost_are_made_again(filled: Path, ann: Owner) -> None:
    folder = folder_of(filled, ann.tenant, ann.user) / "vectors"
    folder.rename(folder.with_name("lost"))
    store = opened(filled, "first@1")

    assert store.mend(ann) == 5
    assert store.mend(ann) == 0
    store.close()


def test_of_a_user_of_whom_nothing_is_known_nothing_is_made(home: Path, ann: Owner) -> None:
    store = opened(home, "first@1")

    assert (store.reindex(ann), store.mend(ann)) == (0, 0)
    assert not folder_of(home, ann.tenant, ann.user).exists()
    store.close()


def test_slots_are_found_by_their_names_as_before(store: Store, ann: Owner) -> None:
    store.add(Note(text="Letters are better.", slot=Slot(subject="user", attribute="contact channel")), ann)
    store.add(Note(text="I own a bicycle."), ann)
    before = store.search("How do you contact me?", ann)

    store.reindex(ann)

    assert store.search("How do you contact me?", ann) == before
    assert before.items[0].text == "Letters are better."
