"""A store whose vectors lie on a Chroma server: a real one, and behind a proxy that asks who comes."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from interlock.memory import ChromaStore
from interlock.memory.collection import connect_to, disconnect
from interlock.memory.layout import store_folder
from interlock.runtime.errors import ServerUnreachable
from servers import KEY, free_port, running
from store_peers import Letters

NS = ("docs",)

Open = Callable[..., ChromaStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    made: list[ChromaStore] = []

    def opened(url: str, path: Path = tmp_path, **more: object) -> ChromaStore:
        index = {"dims": Letters.dims, "embed": Letters(), "fields": ["text"]}
        store = ChromaStore(path, index=index, url=url, **more)  # type: ignore[arg-type]
        made.append(store)
        return store

    yield opened
    for store in made:
        with suppress(ServerUnreachable):
            store.close()


def filled(store: ChromaStore) -> ChromaStore:
    for key, text in (("a", "zebra"), ("b", "quill")):
        store.put(NS, key, {"text": text})
    return store


def test_vectors_lie_on_the_server_and_not_in_the_folder(server: str, open_store: Open, tmp_path: Path) -> None:
    filled(open_store(server)).close()

    assert not (store_folder(tmp_path, "") / "vectors").exists()
    assert [item.key for item in open_store(server).search(NS, query="quill")] == ["b", "a"]


def test_two_may_write_through_a_server_and_each_finds_what_the_other_wrote(server: str, open_store: Open) -> None:
    one, other = filled(open_store(server)), open_store(server)
    assert [item.key for item in other.search(NS, query="quill")] == ["b", "a"]
    other.put(NS, "c", {"text": "quill"})
    one.put(NS, "b", {"text": "fjord"})
    other.delete(NS, "a")

    for store in (one, other):
        found = store.search(NS, query="quill")
        assert [item.key for item in found] == ["c", "b"]
        assert (found[1].score or 0) < 0.9


def test_stores_on_one_server_have_nothing_in_common(server: str, open_store: Open, tmp_path: Path) -> None:
    filled(open_store(server)).close()
    beside = open_store(server, tmp_path / "beside")

    assert beside.search((), query="quill") == []


def test_a_proxy_with_a_path_and_a_key_is_passed(proxy: str, open_store: Open) -> None:
    filled(open_store(proxy, headers=KEY)).close()

    assert [item.key for item in open_store(proxy, headers=KEY).search(NS, query="quill")] == ["b", "a"]


def test_without_the_key_the_error_names_the_server_and_never_the_key(proxy: str, open_store: Open) -> None:
    store = filled(open_store(proxy, headers={"Authorization": "Bearer wrong-secret"}))

    with pytest.raises(ServerUnreachable, match=r"Chroma server: Client error '401 .*vectors/of/ours") as caught:
        store.close()
    assert "wrong-secret" not in str(caught.value)


def test_a_server_that_is_away_loses_nothing(open_store: Open, tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "server", port) as url:
        filled(open_store(url)).close()
    away = open_store(url)
    away.put(NS, "c", {"text": "quilt"})
    got = away.get(NS, "c")
    assert got is not None
    with pytest.raises(ServerUnreachable, match="nothing is lost"):
        away.search(NS, query="quill")
    with pytest.raises(ServerUnreachable):
        away.close()

    with running(tmp_path / "server", port) as url:
        assert [item.key for item in open_store(url).search(NS, query="quill")] == ["b", "c", "a"]


def test_a_collection_deleted_on_the_server_is_made_again(server: str, open_store: Open) -> None:
    filled(open_store(server)).close()
    client = connect_to(server, {})
    for collection in client.list_collections():
        client.delete_collection(collection.name)
    disconnect(client)

    assert [item.key for item in open_store(server).search(NS, query="quill")] == ["b", "a"]
