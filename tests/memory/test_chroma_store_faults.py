"""What a store does when what it stands on is damaged, full, gone or another's: it says so, and loses nothing."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import InvalidNamespaceError, ListNamespacesOp, MatchCondition

from interlock.memory import ChromaStore
from interlock.memory.collection import connect
from interlock.memory.layout import store_folder
from interlock.runtime.errors import BadInput, HomeUnusable, ItemRefused, ModelMissing, VectorsRefused
from store_peers import Letters

NS = ("docs",)


class Reversed(Letters):
    """Another embedder with vectors of the same size."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector[::-1] for vector in super().embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        return super().embed_query(text)[::-1]


class Broken(Letters):
    """Gives whatever it is told to."""

    def __init__(self, given: Callable[[int], Any]) -> None:
        super().__init__()
        self._given = given

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = self._given(len(texts))
        return found


def opened(path: Path, embed: Any = None, **more: Any) -> ChromaStore:
    return ChromaStore(path, index={"dims": Letters.dims, "embed": embed or Letters(), "fields": ["text"]}, **more)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Path]:
    """A folder with a store in it that is closed, its vectors in Chroma."""
    with opened(tmp_path) as store:
        for key, text in (("a", "zebra"), ("b", "quill")):
            store.put(NS, key, {"text": text})
    yield store_folder(tmp_path, "")


def found(path: Path) -> list[tuple[str, bool]]:
    """Search for a text: which items come, and whether each has a vector."""
    with opened(path) as store:
        return [(item.key, item.score is not None) for item in store.search(NS, query="quill")]


WHOLE = [("b", True), ("a", True)]


def test_what_was_closed_is_found_again(tmp_path: Path, filled: Path) -> None:
    assert found(tmp_path) == WHOLE


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    opened(tmp_path / "none").close()

    assert not (tmp_path / "none").exists()


def test_vectors_wait_in_the_table_until_there_are_enough_for_chroma(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.put(NS, "a", {"text": "quill"})
        assert [item.key for item in store.search(NS, query="quill")] == ["a"]
        assert not (store_folder(tmp_path, "") / "vectors").exists()
        store.batch([])
    assert (store_folder(tmp_path, "") / "vectors").exists()


def test_only_live_rows_are_in_chroma(tmp_path: Path, filled: Path) -> None:
    with opened(tmp_path) as store:
        store.put(NS, "a", {"text": "fjord"})
        store.put(NS, "c", {"text": "fjord"})
        store.delete(NS, "b")
    client = connect(filled / "vectors")
    (collection,) = client.list_collections()

    assert collection.count() == 2
    client.close()


def test_a_lost_folder_of_vectors_is_made_again(tmp_path: Path, filled: Path) -> None:
    shutil.rmtree(filled / "vectors")

    assert found(tmp_path) == WHOLE


def test_a_deleted_collection_is_made_again(tmp_path: Path, filled: Path) -> None:
    client = connect(filled / "vectors")
    (collection,) = client.list_collections()
    client.delete_collection(collection.name)
    client.close()

    assert found(tmp_path) == WHOLE


def test_vectors_that_are_lost_or_left_over_are_put_right(tmp_path: Path, filled: Path) -> None:
    client = connect(filled / "vectors")
    (collection,) = client.list_collections()
    lost = collection.get(include=[])["ids"][0]
    collection.delete(ids=[lost])
    collection.upsert(ids=["900", "901"], embeddings=[[1.0] * Letters.dims] * 2)
    client.close()

    assert found(tmp_path) == WHOLE
    client = connect(filled / "vectors")
    assert {*client.list_collections()[0].get(include=[])["ids"]} == {"1", "2"}
    client.close()


def test_one_lost_and_one_left_over_do_not_hide_each_other(tmp_path: Path, filled: Path) -> None:
    client = connect(filled / "vectors")
    (collection,) = client.list_collections()
    collection.delete(ids=["2"])
    collection.upsert(ids=["900"], embeddings=[[1.0] * Letters.dims])
    client.close()

    assert found(tmp_path) == WHOLE


def test_another_embedder_is_refused_though_its_vectors_are_as_long(tmp_path: Path, filled: Path) -> None:
    with opened(tmp_path, Reversed()) as store:
        with pytest.raises(HomeUnusable, match="vectors of Letters of 27 dimensions, not of Reversed of 27 dimensions"):
            store.search(NS, query="quill")
        with pytest.raises(HomeUnusable, match=r"ChromaStore\.reindex"):
            store.put(NS, "c", {"text": "fjord"})
        assert store.get(NS, "c") is None

    assert found(tmp_path) == WHOLE


def test_reindexing_lets_another_embedder_in(tmp_path: Path, filled: Path) -> None:
    told: list[tuple[int, int]] = []
    with opened(tmp_path, Reversed()) as store:
        store.reindex(lambda made, of: told.append((made, of)))
        assert (store.search(NS, query="quill")[0].score or 0) > 0.999
    with opened(tmp_path, Reversed()) as store:
        assert [item.key for item in store.search(NS, query="quill")] == ["b", "a"]

    assert told == [(2, 2)]
    with pytest.raises(HomeUnusable, match="vectors of Reversed"):
        found(tmp_path)


BROKEN: list[tuple[Callable[[int], Any], str]] = [
    (lambda n: [[float("nan")] * 27] * n, "NaN or infinity"),
    (lambda n: [[float("inf")] * 27] * n, "NaN or infinity"),
    (lambda n: [[1.0] * 26] * n, r"shape \(2, 26\), not \(2, 27\)"),
    (lambda n: [[1.0] * 27] * (n - 1), r"shape \(1, 27\), not \(2, 27\)"),
    (lambda n: [["x"] * 27] * n, "no vectors"),
    (lambda _: [[1.0], [1.0, 2.0]], "no vectors"),
]


class Tiring(Reversed):
    """Stops in the middle."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if len(texts) > 1:
            raise ConnectionError("tired")
        return super().embed_documents(texts)


def test_an_interrupted_reindexing_goes_on_and_never_mixes_embedders(tmp_path: Path, filled: Path) -> None:
    with opened(tmp_path, Tiring()) as store, pytest.raises(ConnectionError):
        store.reindex()

    with pytest.raises(HomeUnusable, match="vectors of Tiring"):
        found(tmp_path)
    with opened(tmp_path, Reversed()) as store:
        assert (store.search(NS, query="quill")[0].score or 0) > 0.999
    client = connect(filled / "vectors")
    assert [collection.count() for collection in client.list_collections()] == [2]
    client.close()


async def test_a_caller_who_gives_up_holds_nobody_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        calls = [asyncio.create_task(store.aput(NS, f"k{n}", {"text": "quill"})) for n in range(6)]
        await asyncio.sleep(0)
        calls[0].cancel()
        calls[3].cancel()
        ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30)

        assert [isinstance(it, asyncio.CancelledError) for it in ended] == [n in (0, 3) for n in range(6)]
        assert {"k1", "k2", "k4", "k5"} <= {item.key for item in await store.asearch(NS)}


def test_more_than_there_can_be_may_be_asked_for(tmp_path: Path, filled: Path) -> None:
    with opened(tmp_path) as store:
        assert len(store.search(NS, limit=10**30)) == 2
        assert len(store.search(NS, query="quill", limit=10**30)) == 2


def test_an_unknown_way_to_match_namespaces_is_refused(tmp_path: Path) -> None:
    asked: Any = MatchCondition("infix", ("a",))  # type: ignore[arg-type]
    with ChromaStore(tmp_path) as store, pytest.raises(BadInput, match="infix"):
        store.batch([ListNamespacesOp((asked,))])


@pytest.mark.parametrize(("given", "said"), BROKEN)
def test_vectors_that_are_none_are_refused_before_anything_is_written(
    tmp_path: Path, given: Callable[[int], Any], said: str
) -> None:
    with opened(tmp_path, Broken(given)) as store, pytest.raises(VectorsRefused, match=said):
        store.put(NS, "a", {"text": "quill"})

    with opened(tmp_path) as store:
        assert store.get(NS, "a") is None


def test_a_missing_model_is_named_with_the_ways_out(tmp_path: Path) -> None:
    from interlock.memory import MiniLMEmbeddings

    embed = MiniLMEmbeddings(tmp_path / "nowhere")
    with ChromaStore(tmp_path, index={"dims": 384, "embed": embed, "fields": ["text"]}) as store:
        with pytest.raises(ModelMissing, match="INTERLOCK_MINILM"):
            store.put(NS, "a", {"text": "quill"})
        assert store.get(NS, "a") is None


def test_an_embedder_without_its_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="an embedder without `dims`"):
        ChromaStore(tmp_path, index={"embed": Letters()})


def test_a_store_of_another_version_is_refused(tmp_path: Path, filled: Path) -> None:
    with sqlite3.connect(filled / "items.db") as db:
        db.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    db.close()

    with pytest.raises(HomeUnusable, match="store of format 99, not 1"):
        found(tmp_path)


def test_a_folder_given_to_another_tenant_is_refused(tmp_path: Path, filled: Path) -> None:
    filled.rename(store_folder(tmp_path, "other"))

    with opened(tmp_path, tenant="other") as store, pytest.raises(HomeUnusable, match="store of another user"):
        store.get(NS, "a")


def test_a_table_that_is_no_database_is_a_clear_error(tmp_path: Path, filled: Path) -> None:
    (filled / "items.db").write_bytes(b"no database" * 999)

    with pytest.raises(HomeUnusable, match="file is not a database"):
        found(tmp_path)


def test_vectors_that_are_no_database_are_made_again(tmp_path: Path, filled: Path) -> None:
    (filled / "vectors" / "chroma.sqlite3").write_bytes(b"no database" * 999)

    assert found(tmp_path) == WHOLE


def test_a_collection_that_would_run_code_is_refused(tmp_path: Path, filled: Path) -> None:
    with sqlite3.connect(filled / "vectors" / "chroma.sqlite3") as db:
        sql = 'UPDATE collections SET schema_str = replace(schema_str, \'{"type":"legacy"}\', ?)'
        db.execute(sql, ('{"type":"known","name":"default","config":{}}',))
    db.close()

    with opened(tmp_path) as store, pytest.raises(HomeUnusable, match="name an embedding function to run"):
        store.search(NS, query="quill")


def test_a_path_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")

    with opened(tmp_path / "file") as store, pytest.raises(HomeUnusable, match="Not a directory"):
        store.put(NS, "a", {"text": "quill"})


FULL = """
import resource, sys
from interlock.memory import ChromaStore
from interlock.runtime.errors import HomeUnusable
store = ChromaStore(sys.argv[1])
store.put(("docs",), "kept", {"n": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    store.put(("docs",), "big", {"text": "x" * 1_000_000})
except HomeUnusable as error:
    print(error.what)
store.put(("docs",), "small", {"n": 2})
print(sorted(item.key for item in store.search(("docs",))))
"""


def test_a_full_disk_is_a_clear_error_and_nothing_is_lost(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)

    said, kept = done.stdout.splitlines()
    assert said.startswith("memory: ")
    assert "full" in said or "I/O" in said
    assert kept == "['kept', 'small']"


READ_ONLY = """
import os, sys
from interlock.memory import ChromaStore
from interlock.runtime.errors import HomeUnusable
os.setuid(65534)
store = ChromaStore(sys.argv[1])
try:
    store.put(("docs",), "b", {"n": 2})
except HomeUnusable as error:
    print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone who may not write here")
def test_a_read_only_folder_is_a_clear_error(tmp_path: Path) -> None:
    with ChromaStore(tmp_path) as store:
        store.put(NS, "a", {"n": 1})
    for path in (*tmp_path.parents, tmp_path):
        if path.stat().st_uid == os.getuid() and path.is_relative_to(Path(os.environ.get("TMPDIR", "/tmp"))):  # noqa: S108
            path.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", READ_ONLY, str(tmp_path)], capture_output=True, text=True, check=False)

    assert "readonly" in done.stdout or "Permission denied" in done.stdout, done.stderr
    with ChromaStore(tmp_path) as store:
        assert [item.key for item in store.search(NS)] == ["a"]


def test_a_megabyte_of_text_is_kept_and_found(tmp_path: Path) -> None:
    text = "quill " * 180_000
    with opened(tmp_path) as store:
        store.put(NS, "big", {"text": text})
    with opened(tmp_path) as store:
        (item,) = store.search(NS, query="quill")
        assert item.value == {"text": text}


def test_lone_surrogates_come_back_in_keys_labels_and_values(tmp_path: Path) -> None:
    text = "half \ud83d a smile"
    with opened(tmp_path) as store:
        store.put((text,), text, {"text": text, text: [text]})
    with opened(tmp_path) as store:
        (item,) = store.search((text,), query=f"{text}\x00", filter={text: [text]})
        assert (item.namespace, item.key, item.value) == ((text,), text, {"text": text, text: [text]})


@pytest.mark.parametrize("value", [{"n": object()}, {1: "one"}, {"deep": [{2: 0}]}, ["no", "mapping"], {"s": {1, 2}}])
def test_what_json_cannot_keep_is_refused(tmp_path: Path, value: Any) -> None:
    with ChromaStore(tmp_path) as store:
        with pytest.raises(ItemRefused, match=r"item 'k' in \('docs',\)"):
            store.put(NS, "k", value)
        assert store.get(NS, "k") is None


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    value: dict[str, Any] = {}
    value["self"] = value
    with ChromaStore(tmp_path) as store, pytest.raises(ItemRefused):
        store.put(NS, "k", value)


@pytest.mark.parametrize("ttl", [-1, float("nan"), 1e300, float("inf"), "5"])
def test_an_impossible_time_to_live_is_refused(tmp_path: Path, ttl: Any) -> None:
    with ChromaStore(tmp_path) as store:
        with pytest.raises(ItemRefused, match="a time to live is not"):
            store.put(NS, "k", {"n": 1}, ttl=ttl)
        assert store.get(NS, "k") is None


@pytest.mark.parametrize("tenant", ["../../x", "a/b", "", "T'; DROP TABLE items; --", "\ud800", "é" * 300])
def test_no_tenants_name_leads_out_of_the_folder(tmp_path: Path, tenant: str) -> None:
    with opened(tmp_path / "in", tenant=tenant) as store:
        store.put(NS, "a", {"text": "quill"})

    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert len(list((tmp_path / "in" / "store").iterdir())) == 1


def test_tenants_have_nothing_in_common(tmp_path: Path) -> None:
    with opened(tmp_path, tenant="a") as a, opened(tmp_path, tenant="b") as b:
        a.put(NS, "k", {"text": "quill"})

        assert b.get(NS, "k") is None
        assert b.search((), query="quill") == []
        assert b.list_namespaces() == []
        with pytest.raises(InvalidNamespaceError):
            b.search(("..", "a"))


def test_what_was_written_is_not_found_by_reading_past_the_table(tmp_path: Path, filled: Path) -> None:
    """Chroma holds vectors and numbers, and nothing that people wrote."""
    held = b"".join(path.read_bytes() for path in (filled / "vectors").rglob("*") if path.is_file())

    assert b"quill" not in held
    assert json.dumps("zebra").encode() not in held
