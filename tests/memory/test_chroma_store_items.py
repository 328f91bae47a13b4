"""What any LangGraph store does with items. Run on ours here, on LangGraph's own by benchmarks/store_behaviours.py."""

from types import MappingProxyType

import pytest
from langgraph.store.base import GetOp, InvalidNamespaceError, Item, ListNamespacesOp, PutOp, SearchOp

from store_peers import Shelf

NS = ("users", "ann")


def test_what_was_put_is_got(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", {"theme": "dark", "sizes": [1, 2.5, None, True], "deep": {"er": {}}})

    found = store.get(NS, "prefs")

    assert found is not None
    assert (found.namespace, found.key) == (NS, "prefs")
    assert found.value == {"theme": "dark", "sizes": [1, 2.5, None, True], "deep": {"er": {}}}


def test_what_is_not_there_is_none(stores: Shelf) -> None:
    assert stores.open().store.get(NS, "prefs") is None


def test_a_key_belongs_to_its_namespace_alone(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", {"theme": "dark"})

    assert store.get(("users", "bob"), "prefs") is None
    assert store.get(("users",), "prefs") is None


def test_a_second_put_takes_the_place_of_the_first(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", {"theme": "dark", "font": "big"})
    store.put(NS, "prefs", {"theme": "light"})

    found = store.get(NS, "prefs")
    assert found is not None
    assert found.value == {"theme": "light"}
    assert len(store.search(NS)) == 1


def updated(stores: Shelf) -> tuple[Item, Item]:
    """Give an item before and after an update, seconds later."""
    opened = stores.open()
    opened.store.put(NS, "prefs", {"theme": "dark"})
    opened.advance(5)
    before = opened.store.get(NS, "prefs")
    opened.store.put(NS, "prefs", {"theme": "light"})
    after = opened.store.get(NS, "prefs")
    assert before is not None
    assert after is not None
    return before, after


def test_an_update_keeps_when_the_item_was_made(stores: Shelf) -> None:
    before, after = updated(stores)

    assert after.created_at == before.created_at


def test_an_update_moves_when_the_item_was_changed(stores: Shelf) -> None:
    before, after = updated(stores)

    assert after.updated_at > before.updated_at


def test_times_know_their_zone(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", {"theme": "dark"})

    found = store.get(NS, "prefs")
    assert found is not None
    assert found.created_at.utcoffset() is not None
    assert found.updated_at.utcoffset() is not None


def test_what_is_deleted_is_gone(stores: Shelf) -> None:
    store = stores.open(indexed=True).store
    store.put(NS, "prefs", {"text": "tea"})
    store.delete(NS, "prefs")

    assert store.get(NS, "prefs") is None
    assert store.search(NS) == []
    assert store.search(NS, query="tea") == []


def test_deleting_what_is_not_there_does_nothing(stores: Shelf) -> None:
    store = stores.open().store
    store.delete(NS, "prefs")

    assert store.get(NS, "prefs") is None


def test_a_deleted_item_can_be_put_again(stores: Shelf) -> None:
    store = stores.open(indexed=True).store
    store.put(NS, "prefs", {"text": "tea"})
    store.delete(NS, "prefs")
    store.put(NS, "prefs", {"text": "coffee"})

    assert [item.value for item in store.search(NS, query="coffee")] == [{"text": "coffee"}]


def test_what_is_got_is_a_copy(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", {"tags": ["a"]})
    first = store.get(NS, "prefs")
    assert first is not None
    first.value["tags"].append("b")

    second = store.get(NS, "prefs")
    assert second is not None
    assert second.value == {"tags": ["a"]}


def test_what_was_given_may_be_changed_afterwards(stores: Shelf) -> None:
    store = stores.open().store
    value = {"tags": ["a"]}
    store.put(NS, "prefs", value)
    value["tags"].append("b")

    found = store.get(NS, "prefs")
    assert found is not None
    assert found.value == {"tags": ["a"]}


def test_any_mapping_is_a_value(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", MappingProxyType({"theme": "dark"}))

    found = store.get(NS, "prefs")
    assert found is not None
    assert found.value == {"theme": "dark"}


def test_an_empty_value_is_a_value(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", {})

    found = store.get(NS, "prefs")
    assert found is not None
    assert found.value == {}


def test_keys_and_values_of_any_writing_come_back(stores: Shelf) -> None:
    store = stores.open().store
    many = ["Zoë 🎉 你好 مرحبا", "NUL\x00inside", "../../etc/passwd", "x'; DROP TABLE items; --"]
    for text in many:
        store.put(NS, text, {"text": text, text: 1})

    for text in many:
        found = store.get(NS, text)
        assert found is not None
        assert (found.key, found.value) == (text, {"text": text, text: 1})


def test_numbers_too_big_for_a_machine_word_come_back(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "prefs", {"n": 2**70})

    found = store.get(NS, "prefs")
    assert found is not None
    assert found.value == {"n": 2**70}


def test_results_of_a_batch_come_in_the_order_of_its_operations(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "a", {"n": 1})

    got, put, found, listed, missing = store.batch(
        [GetOp(NS, "a"), PutOp(NS, "b", {"n": 2}), SearchOp(("users",)), ListNamespacesOp(), GetOp(NS, "none")]
    )

    assert got is not None
    assert not isinstance(got, list)
    assert got.value == {"n": 1}
    assert (put, missing) == (None, None)
    assert isinstance(found, list)
    assert len(found) == 1
    assert listed == [NS]


def test_reads_of_a_batch_see_what_was_there_before_it(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "a", {"n": 1})

    _, after = store.batch([PutOp(NS, "a", {"n": 2}), GetOp(NS, "a")])

    assert after is not None
    assert not isinstance(after, list)
    assert after.value == {"n": 1}


def test_of_several_puts_to_one_item_in_a_batch_the_last_counts(stores: Shelf) -> None:
    store = stores.open().store
    store.batch([PutOp(NS, "a", {"n": 1}), PutOp(NS, "a", {"n": 2}), PutOp(NS, "b", {"n": 3}), PutOp(NS, "b", None)])

    assert [(item.key, item.value) for item in store.search(NS)] == [("a", {"n": 2})]


def test_a_batch_of_nothing_gives_nothing(stores: Shelf) -> None:
    assert stores.open().store.batch([]) == []


def test_a_batch_with_one_bad_namespace_writes_nothing(stores: Shelf) -> None:
    store = stores.open().store
    with pytest.raises(InvalidNamespaceError):
        store.batch([PutOp(("good",), "a", {"n": 1}), PutOp(("ba.d",), "a", {"n": 1})])

    assert store.get(("good",), "a") is None


def test_a_batch_with_one_value_that_cannot_be_kept_writes_nothing(stores: Shelf) -> None:
    store = stores.open().store
    with pytest.raises((TypeError, ValueError)):
        store.batch([PutOp(("good",), "a", {"n": 1}), PutOp(("good",), "b", {"n": object()})])

    assert store.get(("good",), "a") is None
