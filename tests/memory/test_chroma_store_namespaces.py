"""What any LangGraph store does with namespaces."""

from typing import Any

import pytest
from langgraph.store.base import BaseStore, InvalidNamespaceError

from store_peers import Shelf

NAMES = [("a", "b", "c"), ("a", "b", "d", "e"), ("a", "b", "d", "i"), ("a", "b", "f"), ("a", "c", "f"), ("ab", "b")]


def test_impossible_namespaces_are_refused(stores: Shelf) -> None:
    store = stores.open().store
    bad: list[Any] = [(), ("a.b",), ("a", ""), ("langgraph", "a"), ("a\x00b",), ("a", 1)]
    for namespace in bad:
        with pytest.raises(InvalidNamespaceError):
            store.put(namespace, "k", {"n": 1})


def test_every_namespace_with_items_is_listed_once_and_sorted(stores: Shelf) -> None:
    store = stores.open().store
    for name in reversed(NAMES):
        store.put(name, "k", {"n": 1})
        store.put(name, "l", {"n": 1})

    assert store.list_namespaces() == sorted(NAMES)


def test_a_namespace_whose_items_are_all_deleted_is_not_listed(stores: Shelf) -> None:
    store = stores.open().store
    store.put(("a",), "k", {"n": 1})
    store.delete(("a",), "k")

    assert store.list_namespaces() == []


def test_looking_for_what_is_not_there_makes_no_namespace(stores: Shelf) -> None:
    store = stores.open().store
    store.get(("a",), "k")
    store.delete(("b",), "k")
    store.search(("c",))

    assert store.list_namespaces() == []


def test_a_prefix_ends_where_a_label_ends(stores: Shelf) -> None:
    store = filled(stores)

    assert store.list_namespaces(prefix=("a",)) == sorted(name for name in NAMES if name[0] == "a")
    assert store.list_namespaces(prefix=("ab",)) == [("ab", "b")]


def test_a_suffix_begins_where_a_label_begins(stores: Shelf) -> None:
    store = filled(stores)

    assert store.list_namespaces(suffix=("f",)) == [("a", "b", "f"), ("a", "c", "f")]
    assert store.list_namespaces(suffix=("b",)) == [("ab", "b")]


def test_prefix_and_suffix_hold_both(stores: Shelf) -> None:
    assert filled(stores).list_namespaces(prefix=("a", "b"), suffix=("f",)) == [("a", "b", "f")]


def test_a_star_stands_for_one_label(stores: Shelf) -> None:
    store = filled(stores)

    assert store.list_namespaces(prefix=("a", "*", "f")) == [("a", "b", "f"), ("a", "c", "f")]
    assert store.list_namespaces(suffix=("d", "*")) == [("a", "b", "d", "e"), ("a", "b", "d", "i")]


def test_max_depth_cuts_and_lists_what_is_left_once(stores: Shelf) -> None:
    found = filled(stores).list_namespaces(prefix=("a", "b"), max_depth=3)

    assert found == [("a", "b", "c"), ("a", "b", "d"), ("a", "b", "f")]


def test_listings_come_in_pages(stores: Shelf) -> None:
    store = filled(stores)

    pages = [store.list_namespaces(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [name for page in pages for name in page] == sorted(NAMES)
    assert [len(page) for page in pages] == [2, 2, 2, 0]


def test_a_search_reaches_all_below_its_prefix_and_nothing_beside_it(stores: Shelf) -> None:
    store = filled(stores)

    assert {item.namespace for item in store.search(("a", "b"), limit=99)} == {n for n in NAMES if n[:2] == ("a", "b")}


def test_a_search_by_meaning_reaches_as_far(stores: Shelf) -> None:
    store = filled(stores, indexed=True)

    assert {item.namespace for item in store.search(("a",), query="n", limit=99)} == {n for n in NAMES if n[0] == "a"}


def test_an_empty_prefix_reaches_everything(stores: Shelf) -> None:
    assert {item.namespace for item in filled(stores).search((), limit=99)} == {*NAMES}


def test_letters_that_mean_something_to_a_database_mean_nothing_in_a_label(stores: Shelf) -> None:
    store = stores.open().store
    for label in ("user_1", "userX1", "a%b", "axb", "star*", "starX", "Foo", "foo", "é", "x'--", "alice", "alice\n"):
        store.put((label, "in"), "k", {"label": label})

    for label in ("user_1", "a%b", "star*", "foo", "Foo", "é", "x'--", "alice", "alice\n"):
        assert [item.value["label"] for item in store.search((label,))] == [label]
        assert store.list_namespaces(prefix=(label,)) == [(label, "in")]


def filled(stores: Shelf, *, indexed: bool = False) -> BaseStore:
    store = stores.open(indexed=indexed).store
    for name in NAMES:
        store.put(name, "k", {"n": 1})
    return store
