"""A memory whose vectors lie on a Chroma server: a real one, and behind a proxy that asks who comes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drawn import Drawn
from interlock.memory import Memory
from interlock.memory.collection import connect_to, disconnect
from interlock.memory.layout import folder_of
from interlock.memory.store import Store
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import BadInput, HomeUnusable, ServerUnreachable
from interlock.runtime.memories import Note, Owner
from servers import KEY, free_port, running

BOB = Owner(tenant="acme", user="bob")
Open = Callable[..., Store]


@pytest.fixture
def opened(home: Path) -> Iterator[Open]:
    made: list[Store] = []

    def open_(url: str = "", name: str = "drawn@1", **more: Any) -> Store:
        made.append(Memory(embedder=Drawn(name), url=url, **more).open(home, SystemClock()))
        return made[-1]

    yield open_
    for store in made:
        store.close()


def filled(store: Store, owner: Owner) -> Store:
    store.add_all([Note(text=f"owns bicycle number {n}") for n in range(5)], owner)
    store.close()
    return store


def whys(store: Store, owner: Owner) -> set[str]:
    return {item.why.rpartition(", ")[2].split()[0] for item in store.search("bicycle number 3", owner).items}


def collections(url: str) -> dict[str, int]:
    client = connect_to(url, {})
    found = {one.name: client.get_collection(one.name, embedding_function=None) for one in client.list_collections()}
    counted = {name: collection.count() for name, collection in found.items()}
    disconnect(client)
    return counted


def counts(before: dict[str, int], url: str) -> list[int]:
    """Count what lies in each collection that was made since."""
    return [count for name, count in collections(url).items() if name not in before]


def test_vectors_lie_on_the_server_and_not_in_the_home(server: str, opened: Open, home: Path, ann: Owner) -> None:
    before = collections(server)
    filled(opened(server), ann)

    assert not (folder_of(home, ann.tenant, ann.user) / "vectors").exists()
    assert counts(before, server) == [5]
    assert whys(opened(server), ann) == {"neighbourhood"}


def test_each_owner_has_a_collection_whose_name_tells_nothing(server: str, opened: Open, ann: Owner) -> None:
    before = collections(server)
    for owner in (ann, BOB, Owner(tenant="other", user="ann")):
        filled(opened(server), owner)

    new = collections(server).keys() - before.keys()
    assert len(new) == 3
    assert not any(word in name for name in new for word in ("ann", "bob", "acme", "other"))


def test_two_processes_write_and_find_what_the_other_wrote(server: str, opened: Open, ann: Owner) -> None:
    one, other = opened(server), opened(server)
    filled(one, ann)
    other.add(Note(text="owns a boat"), ann)
    one.add(Note(text="owns a kite"), ann)
    other.close()

    for store in (one, other):
        assert {record.text for record in store.list(ann)} >= {"owns a boat", "owns a kite"}
        assert store.search("owns a kite", ann).items[0].why.endswith("neighbourhood 1.00")


def test_another_embedder_is_refused_until_all_is_read_anew(server: str, opened: Open, ann: Owner) -> None:
    filled(opened(server), ann)
    second = opened(server, "second@1")
    with pytest.raises(HomeUnusable, match="vectors of drawn@1, not of second@1"):
        second.search("bicycle", ann)

    assert second.reindex(ann) == 5
    assert whys(second, ann) == {"neighbourhood"}


def test_a_server_that_is_away_loses_nothing_and_is_done_without(home: Path, opened: Open, ann: Owner) -> None:
    port = free_port()
    with running(home.parent / "server", port) as url:
        filled(opened(url), ann)
    store = opened(url)
    store.add(Note(text="owns a boat"), ann)

    assert whys(store, ann) == {"vectors"}
    assert len(store.list(ann)) == 6
    with pytest.raises(ServerUnreachable, match="nothing is lost"):
        store.mend(ann)
    with pytest.raises(ServerUnreachable):
        store.forget(ann)
    store.close()

    with running(home.parent / "server", port):
        again = opened(url)
        assert whys(again, ann) == {"neighbourhood"}
        assert again.list(ann) == store.list(ann)
        again.mend(ann)
        assert [*collections(url).values()] == [6]
        again.close()


def test_a_collection_deleted_on_the_server_is_made_again(server: str, opened: Open, ann: Owner) -> None:
    before = collections(server)
    filled(opened(server), ann)
    client = connect_to(server, {})
    for name in collections(server).keys() - before.keys():
        client.delete_collection(name)
    disconnect(client)

    assert whys(opened(server), ann) == {"neighbourhood"}
    assert counts(before, server) == [5]


def test_forgetting_overwrites_and_deletes_there_and_says_what_was_not_searched(
    server: str, opened: Open, ann: Owner
) -> None:
    before = collections(server)
    store = filled(opened(server), ann)
    receipt = store.forget(ann).receipt
    assert receipt is not None

    assert receipt.servers == (server,)
    assert store.verify(receipt).servers == (server,)
    assert store.verify(receipt).ok
    assert counts(before, server) == [0]


def test_an_erasure_that_the_server_missed_is_finished_when_it_is_back(home: Path, opened: Open, ann: Owner) -> None:
    port = free_port()
    with running(home.parent / "server", port) as url:
        store = filled(opened(url), ann)
        with store.shelf(ann) as shelf, shelf.truth.transaction() as db:
            db.execute("INSERT INTO doomed SELECT row FROM memories WHERE row = 1")
            db.execute("DELETE FROM memories WHERE row = 1")
            db.execute("DELETE FROM tokens WHERE row = 1")
        opened(url).mend(ann)

        assert [*collections(url).values()] == [4]


def test_vectors_move_from_the_home_to_a_server(server: str, opened: Open, home: Path, ann: Owner) -> None:
    filled(opened(), ann)
    assert (folder_of(home, ann.tenant, ann.user) / "vectors").exists()

    assert whys(opened(server), ann) == {"neighbourhood"}
    assert not (folder_of(home, ann.tenant, ann.user) / "vectors").exists()


def test_who_does_not_know_the_server_is_refused(server: str, opened: Open, ann: Owner) -> None:
    filled(opened(server), ann)
    local = opened()

    with pytest.raises(HomeUnusable, match=f"lie on the Chroma server {server}.*set INTERLOCK_CHROMA={server}"):
        local.forget(ann)
    assert len(local.list(ann)) == 5


def test_vectors_come_back_by_reindexing_and_the_receipt_names_the_server(
    server: str, opened: Open, ann: Owner
) -> None:
    filled(opened(server), ann)
    local = opened()

    assert local.reindex(ann) == 5
    assert whys(local, ann) == {"neighbourhood"}
    receipt = local.forget(ann).receipt
    assert receipt is not None
    assert receipt.servers == (server,)


def test_a_proxy_is_passed_with_headers_or_with_a_password_in_the_address(proxy: str, opened: Open, ann: Owner) -> None:
    store = filled(opened(proxy.replace("//", "//ann:secret@"), headers=KEY), ann)

    assert whys(store, ann) == {"neighbourhood"}
    assert store.servers(ann) == (proxy,)


def test_without_the_key_no_error_shows_what_was_tried(proxy: str, opened: Open, home: Path, ann: Owner) -> None:
    store = filled(opened(proxy, headers={"Authorization": "Bearer wrong-secret"}), ann)

    with pytest.raises(ServerUnreachable, match=r"Chroma server: Client error '401") as caught:
        store.mend(ann)
    assert "wrong-secret" not in str(caught.value)
    assert not any(b"wrong-secret" in file.read_bytes() for file in home.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("chroma.example", {}),
        ("ftp://chroma.example", {}),
        ("http://chroma.example:port", {}),
        ("http://chroma.example?key=secret", {}),
        ("http://chroma.example", {"Authorization": "sec\nret"}),
        ("http://chroma.example", {"Authorization": "secret 🙂"}),
    ],
)
def test_an_impossible_address_or_header_is_refused_and_not_shown(
    home: Path, url: str, headers: dict[str, str]
) -> None:
    with pytest.raises(BadInput) as caught:
        Memory(url=url, headers=headers).open(home, SystemClock())
    assert "sec" not in str(caught.value)


def test_the_doctor_asks_the_server_that_is_set(tmp_path: Path, server: str) -> None:
    def found(**settings: str) -> str:
        command = [Path(sys.executable).with_name("interlock"), "doctor", "--home", tmp_path / "home"]
        done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert server in found(INTERLOCK_CHROMA=server)
    assert "Chroma server:" in found(INTERLOCK_CHROMA=f"http://127.0.0.1:{free_port()}").replace("\n", " ")
    wrong = found(INTERLOCK_CHROMA=server, INTERLOCK_CHROMA_HEADERS="{secret")
    assert "chroma_headers" in wrong
    assert "secret" not in wrong
