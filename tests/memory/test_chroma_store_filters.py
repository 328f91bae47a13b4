"""What any LangGraph store does with filters."""

from typing import Any

import pytest
from langgraph.store.base import BaseStore

from store_peers import Shelf

NS = ("docs",)
VALUES: dict[str, dict[str, Any]] = {
    "a": {"n": 1, "flag": True, "tags": ["x", "y"], "at": "2026-01-01", "deep": {"er": "u", "n": 5}, "none": None},
    "b": {"n": 2.5, "flag": False, "tags": ["x"], "at": "2026-02-01", "deep": {"er": "v", "n": 6}, "access-level": "p"},
    "c": {"n": -3, "tags": [], "text": "O'Brien' OR '1'='1", "7up": 1},
}


@pytest.fixture
def store(stores: Shelf) -> BaseStore:
    opened = stores.open().store
    for key, value in VALUES.items():
        opened.put(NS, key, value)
    return opened


def keys(store: BaseStore, wanted: dict[str, Any], **more: Any) -> set[str]:
    return {item.key for item in store.search(NS, filter=wanted, **more)}


def test_a_plain_value_must_be_equal(store: BaseStore) -> None:
    assert keys(store, {"n": 1}) == {"a"}
    assert keys(store, {"at": "2026-02-01"}) == {"b"}
    assert keys(store, {"at": "nothing"}) == set()


def test_several_conditions_must_all_hold(store: BaseStore) -> None:
    assert keys(store, {"flag": True, "n": {"$gte": 1}}) == {"a"}
    assert keys(store, {"flag": True, "n": {"$gt": 1}}) == set()


def test_eq_and_ne_are_each_others_opposite(store: BaseStore) -> None:
    assert keys(store, {"n": {"$eq": 1}}) == {"a"}
    assert keys(store, {"n": {"$ne": 1}}) == {"b", "c"}


def test_what_lacks_the_field_is_not_equal_to_anything(store: BaseStore) -> None:
    assert keys(store, {"flag": {"$ne": True}}) == {"b", "c"}


def test_numbers_are_ordered_as_numbers(store: BaseStore) -> None:
    assert keys(store, {"n": {"$gt": 1}}) == {"b"}
    assert keys(store, {"n": {"$gte": 1}}) == {"a", "b"}
    assert keys(store, {"n": {"$lt": 1}}) == {"c"}
    assert keys(store, {"n": {"$lte": 1}}) == {"a", "c"}


def test_two_operators_make_a_range(store: BaseStore) -> None:
    assert keys(store, {"n": {"$gt": -3, "$lt": 2.5}}) == {"a"}


def test_texts_are_ordered_as_texts(store: BaseStore) -> None:
    assert keys(store, {"at": {"$gte": "2026-01-15"}}) == {"b"}


def test_what_lacks_the_field_is_in_no_order(store: BaseStore) -> None:
    assert keys(store, {"deep": {"n": {"$gt": 0}}}) == {"a", "b"}
    assert keys(store, {"7up": {"$gt": 0}}) == {"c"}


def test_numbers_and_texts_are_in_no_order_with_each_other(store: BaseStore) -> None:
    assert keys(store, {"n": {"$gt": "0"}}) == set()
    assert keys(store, {"at": {"$lt": 5}}) == set()


def test_true_is_not_one(store: BaseStore) -> None:
    assert keys(store, {"flag": True}) == {"a"}
    assert keys(store, {"flag": 1}) == set()
    assert keys(store, {"n": True}) == set()


def test_none_matches_what_is_none_or_not_there(store: BaseStore) -> None:
    assert keys(store, {"flag": None}) == {"c"}
    assert keys(store, {"none": None}) == {"a", "b", "c"}


def test_lists_must_be_equal_as_a_whole(store: BaseStore) -> None:
    assert keys(store, {"tags": ["x", "y"]}) == {"a"}
    assert keys(store, {"tags": ["y", "x"]}) == set()
    assert keys(store, {"tags": []}) == {"c"}


def test_a_filter_reaches_into_nested_values(store: BaseStore) -> None:
    assert keys(store, {"deep": {"er": "u"}}) == {"a"}
    assert keys(store, {"deep": {"n": {"$gte": 6}}}) == {"b"}


def test_a_filters_value_is_never_a_command(store: BaseStore) -> None:
    for text in ["public' OR '1'='1", "x'; --", "' UNION SELECT * FROM store --", "''''", "a\x00b"]:
        assert keys(store, {"text": text}) == set()
    assert keys(store, {"text": "O'Brien' OR '1'='1"}) == {"c"}


def test_infinity_is_beyond_every_number_and_nan_beside_them(store: BaseStore) -> None:
    assert keys(store, {"n": {"$lt": float("inf")}}) == {"a", "b", "c"}
    assert keys(store, {"n": {"$lt": 10**100}}) == {"a", "b", "c"}
    assert keys(store, {"n": {"$eq": float("nan")}}) == set()


def test_keys_need_not_be_names(store: BaseStore) -> None:
    assert keys(store, {"access-level": "p"}) == {"b"}
    assert keys(store, {"7up": 1}) == {"c"}


def test_an_unknown_operator_is_refused(store: BaseStore) -> None:
    unknown: list[dict[str, Any]] = [{"n": {"$regex": "."}}, {"n": {"$gt": 0, "$in": [1]}}, {"n": {"$GT": 1}}]
    for wanted in unknown:
        with pytest.raises(ValueError, match="operator"):
            store.search(NS, filter=wanted)


def test_pages_are_cut_from_what_matches(store: BaseStore) -> None:
    pages = [store.search(NS, filter={"n": {"$gt": -5}}, limit=2, offset=offset) for offset in (0, 2)]

    assert [len(page) for page in pages] == [2, 1]
    assert {item.key for page in pages for item in page} == {"a", "b", "c"}
