import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from interlock.memory import Memory
from interlock.memory.index import Index
from interlock.memory.layout import WriterLock, folder_of
from interlock.memory.shelves import OPEN
from interlock.memory.store import Store
from interlock.memory.truth import Truth
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import HomeUnusable, MemoryBusy, NotFound
from interlock.runtime.memories import Note, Owner
from interlock.runtime.models.embeddings import minilm


def test_one_memory_is_forgotten_and_the_others_stay(store: Store, ann: Owner) -> None:
    gone, kept = (store.add(Note(text=text), ann).id for text in ("likes tea", "likes cake"))

    assert store.forget(ann, id=gone).ids == (gone,)

    assert [record.id for record in store.list(ann)] == [kept]
    assert [item.id for item in store.search("likes tea", ann).items] == [kept]


def test_a_user_is_forgotten_whole(store: Store, ann: Owner) -> None:
    bob = Owner(tenant="acme", user="bob")
    for owner in (ann, Owner(tenant="acme", user="ann", agent="a"), bob):
        store.add(Note(text="likes tea"), owner)

    assert len(store.forget(ann).ids) == 2

    assert store.list(ann, everything=True) == ()
    assert len(store.list(bob)) == 1


def test_what_answers_a_query_is_forgotten(store: Store, ann: Owner) -> None:
    gone = store.add(Note(text="is allergic to peanuts"), ann)
    store.add(Note(text="owns a bicycle"), ann)

    assert store.forget(ann, query="peanut allergy").ids == (gone.id,)


def test_nobody_shows_or_forgets_what_is_anothers(store: Store, ann: Owner) -> None:
    written = store.add(Note(text="likes tea"), ann)
    bob = Owner(tenant="acme", user="bob")

    with pytest.raises(NotFound, match=f"no memory '{written.id}'"):
        store.show(written.id, bob)
    with pytest.raises(NotFound):
        store.forget(bob, id=written.id)


def test_pruning_removes_what_expired_and_says_why(store: Store, clock: ManualClock, ann: Owner) -> None:
    old = store.add(Note(text="on holiday", expires_at=clock.now() + timedelta(days=1)), ann)
    store.add(Note(text="likes tea"), ann)
    clock.advance(2 * 86_400)

    dry = store.prune(ann, dry_run=True)
    assert [(item.id, item.code) for item in dry.removed] == [(old.id, "expired")]
    assert len(store.list(ann, everything=True)) == 2
    assert store.prune(ann).removed == dry.removed
    assert len(store.list(ann, everything=True)) == 1


def test_stats_count_by_state_and_kind(store: Store, clock: ManualClock, ann: Owner) -> None:
    store.add(Note(text="likes tea", kind="preference"), ann)
    store.add(Note(text="on holiday", expires_at=clock.now() + timedelta(days=1)), ann)
    clock.advance(2 * 86_400)

    stats = store.stats(ann)
    assert (stats.live, stats.closed, stats.expired, stats.by_kind) == (1, 0, 1, {"preference": 1})


def test_an_export_holds_everything_on_the_user(store: Store, ann: Owner) -> None:
    store.add(Note(text="likes tea"), ann)

    exported = store.export(ann)

    assert (exported["tenant"], exported["user"]) == ("acme", "ann")
    assert [memory["text"] for memory in exported["memories"]] == ["likes tea"]


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "T'; DROP TABLE memories; --", "\ud800", "t.t", "é" * 300])
def test_no_name_leads_out_of_the_home(home: Path, clock: ManualClock, name: str) -> None:
    store = Memory().open(home, clock)
    owner = Owner(tenant=name, user=name)
    store.add(Note(text="likes tea"), owner)

    folder = folder_of(home, name, name)
    assert folder.is_dir()
    assert folder.parent.parent == home / "memory"
    assert (store.list(owner)[0].tenant, len(list(home.parent.iterdir()))) == (name, 1)
    store.close()


def test_a_second_writer_is_refused_and_told_who_writes(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory().open(home, clock)
    store.add(Note(text="likes tea"), ann)
    store.close()
    folder = folder_of(home, ann.tenant, ann.user)
    program = f"import pathlib, sys\nfrom interlock.memory.layout import WriterLock\nlock = WriterLock(pathlib.Path({str(folder)!r}))\nlock.acquire(0)\nprint('held', flush=True)\nsys.stdin.read()\n"  # noqa: E501

    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(MemoryBusy, match=f"process {other.pid} is writing"):
            WriterLock(folder).acquire(0.1)
        assert [record.text for record in store.list(ann)] == ["likes tea"]
        assert [item.why for item in store.search("tea", ann).items] == ["meaning 0.99, words 1.00, vectors not asked"]
        other.stdin.close()
    store.close()


def test_vectors_of_another_embedder_are_refused(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory().open(home, clock)
    store.add(Note(text="likes tea"), ann)
    store.close()

    with pytest.raises(HomeUnusable, match="vectors of all-MiniLM-L6-v2@53aa51172d142c89, not of other@1"):
        Index(folder_of(home, ann.tenant, ann.user) / "vectors", embedder="other@1")


def test_a_collection_that_would_run_code_is_refused(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory().open(home, clock)
    store.add(Note(text="likes tea"), ann)
    store.close()
    database = folder_of(home, ann.tenant, ann.user) / "vectors" / "chroma.sqlite3"
    with sqlite3.connect(database) as db:
        sql = 'UPDATE collections SET schema_str = replace(schema_str, \'{"type":"legacy"}\', ?)'
        db.execute(sql, ('{"type":"known","name":"default","config":{}}',))
    db.close()

    with pytest.raises(HomeUnusable, match="embedding function"):
        store.search("tea", ann)
    store.close()


def test_a_memory_of_another_version_is_refused(home: Path, clock: ManualClock, ann: Owner) -> None:
    truth = Truth(folder_of(home, ann.tenant, ann.user), ann)
    with truth.transaction() as db:
        db.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    truth.close()

    with pytest.raises(HomeUnusable, match="memory of format 99, not 3"):
        Memory().open(home, clock).list(ann)


def test_a_folder_given_to_another_user_is_refused(home: Path, clock: ManualClock, ann: Owner) -> None:
    Truth(folder_of(home, "acme", "ann"), ann).close()
    folder_of(home, "acme", "ann").rename(folder_of(home, "acme", "bob"))

    with pytest.raises(HomeUnusable, match="memory of another user"):
        Memory().open(home, clock).list(Owner(tenant="acme", user="bob"))


def test_a_home_that_is_a_file_is_a_clear_error(tmp_path: Path, clock: ManualClock, ann: Owner) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(HomeUnusable, match="memory: Not a directory"):
        Memory().open(tmp_path / "home", clock).add(Note(text="likes tea"), ann)


def test_a_crash_between_truth_and_vectors_is_mended(home: Path, clock: ManualClock, ann: Owner) -> None:
    store = Memory().open(home, clock)
    store.add_all([Note(text=text) for text in ("likes tea", "likes cake")], ann)
    store.close()
    folder = folder_of(home, ann.tenant, ann.user)
    index = Index(folder / "vectors", embedder=minilm().name)
    index.drop([1])
    index.put({99: minilm().embed(["erased by half"])[0]})
    index.close()
    truth = Truth(folder, ann)
    with truth.transaction() as db:
        db.execute("UPDATE memories SET in_vectors = 0 WHERE row = 1")
        db.execute("INSERT INTO doomed VALUES (99)")
    truth.close()

    store.search("tea", ann)
    store.close()

    index = Index(folder / "vectors", embedder=minilm().name)
    assert index.ids() == {1, 2}
    index.close()


def tables() -> int:
    return sum(link.resolve().name == "truth.db" for link in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files by /proc")
def test_many_users_are_served_with_few_files_open(store: Store, home: Path) -> None:
    before = tables()
    for number in range(OPEN + 3):
        owner = Owner(tenant="t", user=str(number))
        Truth(folder_of(home, owner.tenant, owner.user), owner).close()
        assert store.list(owner) == ()

    assert tables() - before == OPEN
