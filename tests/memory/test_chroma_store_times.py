"""What any LangGraph store does with times to live, and with calls that are made at the same time."""

import asyncio

import pytest
from langgraph.store.base import InvalidNamespaceError

from store_peers import Shelf

NS = ("docs",)


def test_what_has_expired_is_swept_and_counted(stores: Shelf) -> None:
    opened = stores.open(ttl={"default_ttl": 1})
    opened.store.put(NS, "a", {"text": "tea"})
    opened.advance(2)

    assert opened.sweep() == 1
    assert opened.store.get(NS, "a") is None
    assert opened.store.search(NS) == []


def test_reading_puts_off_when_an_item_expires(stores: Shelf) -> None:
    opened = stores.open(ttl={"default_ttl": 10, "refresh_on_read": True})
    opened.store.put(NS, "got", {"n": 1})
    opened.store.put(NS, "left", {"n": 2})
    opened.advance(6)
    opened.store.get(NS, "got")
    opened.advance(6)
    opened.sweep()

    assert opened.store.get(NS, "got") is not None
    assert opened.store.get(NS, "left") is None


def test_being_found_puts_off_when_an_item_expires(stores: Shelf) -> None:
    opened = stores.open(ttl={"default_ttl": 10, "refresh_on_read": True})
    opened.store.put(NS, "found", {"n": 1})
    opened.store.put(NS, "left", {"n": 2})
    opened.advance(6)
    opened.store.search(NS, filter={"n": 1})
    opened.advance(6)
    opened.sweep()

    assert [item.key for item in opened.store.search(NS)] == ["found"]


def test_a_read_may_ask_not_to_put_it_off(stores: Shelf) -> None:
    opened = stores.open(ttl={"default_ttl": 10, "refresh_on_read": True})
    opened.store.put(NS, "a", {"n": 1})
    opened.advance(6)
    opened.store.get(NS, "a", refresh_ttl=False)
    opened.store.search(NS, refresh_ttl=False)
    opened.advance(6)

    assert opened.sweep() == 1


def test_a_put_may_give_its_own_time_to_live_or_none(stores: Shelf) -> None:
    opened = stores.open(ttl={"default_ttl": 10})
    opened.store.put(NS, "short", {"n": 1}, ttl=1)
    opened.store.put(NS, "default", {"n": 2})
    opened.store.put(NS, "ever", {"n": 3}, ttl=None)
    opened.advance(5)
    opened.sweep()
    opened.advance(1_000)

    assert {item.key for item in opened.store.search(NS, refresh_ttl=False)} == {"default", "ever"}
    assert opened.sweep() == 1


def test_an_update_without_a_time_to_live_takes_the_old_one_away(stores: Shelf) -> None:
    opened = stores.open(ttl={"refresh_on_read": False})
    opened.store.put(NS, "a", {"n": 1}, ttl=1)
    opened.store.put(NS, "a", {"n": 2})
    opened.advance(5)

    assert opened.sweep() == 0


def test_what_has_expired_is_left_out_where_that_is_configured(stores: Shelf) -> None:
    opened = stores.open(fields=["text"], ttl={"default_ttl": 1, "omit_expired": True})
    opened.store.put(NS, "a", {"text": "tea"})
    opened.store.put(("other",), "b", {"text": "tea"}, ttl=None)
    opened.advance(2)

    assert opened.store.get(NS, "a") is None
    assert [item.key for item in opened.store.search((), query="tea")] == ["b"]
    assert [item.key for item in opened.store.search(())] == ["b"]
    assert opened.store.list_namespaces() == [("other",)]


async def test_an_async_put_is_got_and_found(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    await store.aput(NS, "a", {"text": "quill"})

    found = await store.aget(NS, "a")
    assert found is not None
    assert found.value == {"text": "quill"}
    assert [item.key for item in await store.asearch(NS, query="quill")] == ["a"]
    assert await store.alist_namespaces() == [NS]
    await store.adelete(NS, "a")
    assert await store.aget(NS, "a") is None


async def test_calls_made_at_once_are_all_done(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    await asyncio.gather(*(store.aput(NS, f"k{n}", {"text": "quill", "n": n}) for n in range(50)))

    found = await asyncio.gather(*(store.asearch(NS, query="quill", filter={"n": n}) for n in range(50)))
    assert [[item.key for item in items] for items in found] == [[f"k{n}"] for n in range(50)]


async def test_a_call_that_cannot_be_done_fails_alone(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    calls = [store.aput(name, key, {"n": 1}) for name, key in ((NS, "a"), (("a.b",), "k"), (NS, "b"))]

    done = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(it) for it in done] == [type(None), InvalidNamespaceError, type(None)]
    assert {item.key for item in await store.asearch(NS)} == {"a", "b"}


def test_threads_may_share_a_store(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store

    async def both() -> None:
        await asyncio.gather(*(asyncio.to_thread(store.put, NS, f"k{n}", {"text": "quill"}) for n in range(20)))

    asyncio.run(both())
    assert len(store.search(NS, query="quill", limit=99)) == 20


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the adapters of LangGraph's own stores
