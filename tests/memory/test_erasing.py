import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.memory import Memory
from interlock.memory.files import settle
from interlock.memory.fingerprints import Fingerprints, windows
from interlock.memory.layout import folder_of
from interlock.memory.receipts import Receipt, read_receipt
from interlock.memory.rows import remove
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput, OnHold
from interlock.runtime.memories import Note, Owner, Slot
from interlock.runtime.models.embeddings import minilm

TOLD = "the vault opens at quarter past nine with the amber key"
SALT = bytes(range(16))


def lying(folder: Path, needle: bytes) -> int:
    return sum(file.read_bytes().count(needle) for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def folder(home: Path, ann: Owner) -> Path:
    return folder_of(home, ann.tenant, ann.user)


def test_no_byte_of_a_forgotten_memory_is_left(store: Store, folder: Path, ann: Owner) -> None:
    gone = store.add(Note(text=TOLD, kind="episode", run="r"), ann)
    for number in range(30):
        store.add(Note(text=f"owns bicycle number {number}", kind="episode", run="r"), ann)
    vector = minilm().embed([TOLD])[0].astype("<f4").tobytes()
    assert lying(folder, b"amber") > 0
    assert lying(folder, vector[:32]) > 0

    store.forget(ann, id=gone.id)

    for needle in (b"amber", b"quarter past", vector[:32], vector[800:832]):
        assert lying(folder, needle) == 0
    assert len(store.list(ann)) == 30
    assert store.search("bicycle number 7", ann).items[0].text == "owns bicycle number 7"


def test_vectors_that_are_sent_while_an_erasure_waits_for_its_turn_are_erased(
    store: Store, folder: Path, ann: Owner
) -> None:
    told = store.add(Note(text=TOLD), ann)
    vector = minilm().embed([TOLD])[0].astype("<f4").tobytes()

    with store.shelf(ann) as shelf, ThreadPoolExecutor() as pool:
        with shelf.vectors.writing():
            forgetting = pool.submit(shelf.forget, [told.id])
            time.sleep(0.3)  # it waits for its turn
            shelf.vectors.close(sent=True)
            assert lying(folder, vector[:32]) > 0
        forgetting.result()

    assert lying(folder, vector[:32]) == 0


def test_a_superseded_value_is_forgotten_too(store: Store, folder: Path, clock: ManualClock, ann: Owner) -> None:
    slot = Slot(subject="user", attribute="phrase")
    store.add(Note(text=TOLD, slot=slot), ann)
    clock.advance(1)
    store.add(Note(text="the vault is bricked up now", slot=slot), ann)

    assert len(store.forget(ann).ids) == 2
    assert lying(folder, b"vault") == 0


def test_nothing_names_a_user_of_whom_all_was_forgotten(store: Store, home: Path) -> None:
    owner = Owner(tenant="the acme company", user="ann.of.green.gables")
    store.add(Note(text=TOLD, run="a-run"), owner)

    store.forget(owner)

    for needle in (b"green.gables", b"acme company", b"a-run"):
        assert lying(home, needle) == 0


def test_a_receipt_is_signed_verified_and_tells_nothing(store: Store, ann: Owner) -> None:
    store.add(Note(text=TOLD), ann)
    receipt = store.forget(ann).receipt
    assert receipt is not None

    written = receipt.model_dump_json()
    verified = store.verify(read_receipt(written))

    assert (verified.ok, verified.signed, verified.found) == (True, True, {})
    assert "amber" not in written
    assert json.loads(written)["user"] == "ann"


def test_a_receipt_finds_what_came_back(store: Store, folder: Path, tmp_path: Path, ann: Owner) -> None:
    store.add(Note(text=TOLD), ann)
    receipt = store.forget(ann).receipt
    assert receipt is not None
    (folder / "backup.txt").write_bytes(b"x" * 1_001 + TOLD.encode() + b"y" * 300_000)
    (tmp_path / "journal.db").write_bytes(TOLD.encode())

    verified = store.verify(receipt, elsewhere=[tmp_path / "journal.db"])

    assert not verified.ok
    assert {Path(name).name for name in verified.found} == {"backup.txt", "journal.db"}


def test_a_changed_receipt_does_not_verify(store: Store, ann: Owner) -> None:
    store.add(Note(text=TOLD), ann)
    receipt = store.forget(ann).receipt
    assert receipt is not None

    assert not store.verify(receipt.model_copy(update={"digests": ()})).signed
    assert not store.verify(receipt.model_copy(update={"ids": ("other",)})).ok


def test_a_receipt_of_another_home_does_not_verify(store: Store, tmp_path: Path, ann: Owner) -> None:
    other = Memory().open(tmp_path / "other", ManualClock())
    for each in (store, other):
        each.add(Note(text=TOLD), ann)
    receipt = other.forget(ann).receipt
    assert receipt is not None

    assert store.verify(receipt).signed is False
    other.close()


def test_what_is_told_again_is_no_remainder(store: Store, ann: Owner) -> None:
    kept = store.add(Note(text=TOLD + ", he said twice over"), ann)
    gone = store.add(Note(text=TOLD), ann)

    receipt = store.forget(ann, id=gone.id).receipt
    assert receipt is not None
    assert store.verify(receipt).ok
    store.add(Note(text=TOLD), ann)
    assert store.verify(receipt).ok
    assert store.show(kept.id, ann).text.startswith(TOLD)


def test_a_hold_stops_erasing(store: Store, ann: Owner) -> None:
    store.add(Note(text=TOLD), ann)
    store.hold(ann, "case 12/2026")

    with pytest.raises(OnHold, match="memories are on hold: case 12/2026"):
        store.forget(ann)
    store.release(ann)
    assert len(store.forget(ann).ids) == 1


@pytest.mark.parametrize("stage", ["new written", "old set aside", "new in place"])
def test_an_interrupted_erasure_is_finished(
    home: Path, folder: Path, clock: ManualClock, ann: Owner, stage: str
) -> None:
    store = Memory().open(home, clock)
    store.add_all([Note(text=TOLD), Note(text="owns a bicycle")], ann)
    store.close()
    with sqlite3.connect(folder / "truth.db") as db:
        (row, id) = db.execute("SELECT row, id FROM memories WHERE text LIKE '%amber%'").fetchone()
        db.execute("INSERT INTO doomed VALUES (?)", (row,))
        remove(db, [id])
    db.close()
    if stage == "new written":
        (folder / "vectors.new").mkdir()
        (folder / "vectors.new" / "half.bin").write_bytes(b"half")
    if stage == "old set aside":
        (folder / "vectors").rename(folder / "vectors.old")
        (folder / "vectors.new").mkdir()
    if stage == "new in place":
        (folder / "vectors.old").mkdir()
        (folder / "vectors.old" / "data.bin").write_bytes(b"old vectors")

    assert [item.text for item in store.search("bicycle", ann).items] == ["owns a bicycle"]
    store.close()

    vector = minilm().embed([TOLD])[0].astype("<f4").tobytes()
    assert lying(folder, b"amber") == lying(folder, vector[:32]) == 0
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["vectors"]


def test_settling_twice_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "vectors").mkdir()
    settle(tmp_path)
    settle(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["vectors"]


@given(
    st.binary(max_size=3_000),
    st.lists(st.binary(min_size=8, max_size=100), max_size=5),
    st.lists(st.binary(min_size=8, max_size=100), max_size=5),
)
def test_fingerprints_find_what_is_there_and_nothing_else(noise: bytes, put: list[bytes], other: list[bytes]) -> None:
    data = noise.join([b"", *put, b""])
    cut = [cut for text in (*put, *other) for cut in windows(text, 4)]
    prints = Fingerprints.of(SALT, cut)

    found = prints.found_in(data)

    assert found.keys() == Fingerprints.of(SALT, [window for window in cut if window in data]).digests


def test_a_window_across_two_chunks_is_found() -> None:
    data = bytearray(np.random.default_rng(0).bytes(1 << 19))
    data[(1 << 18) - 9 : (1 << 18) + 23] = TOLD.encode()[:32]
    prints = Fingerprints.of(SALT, [TOLD.encode()[:32]])

    assert prints.found_in(bytes(data)).keys() == prints.digests


def test_something_else_is_no_receipt() -> None:
    with pytest.raises(BadInput, match="this is no receipt"):
        read_receipt('{"format": 1}')


def test_a_receipt_survives_json(store: Store, ann: Owner) -> None:
    store.add(Note(text=TOLD), ann)
    receipt = store.forget(ann).receipt
    assert receipt is not None

    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt
