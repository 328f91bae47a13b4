"""What any LangGraph store does with searches by meaning."""

import pytest
from langgraph.store.base import PutOp

from store_peers import Shelf, cosine

NS = ("docs",)


def test_what_is_most_alike_comes_first_with_its_cosine(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    for key, text in (("a", "banana"), ("b", "kiwi"), ("c", "bandana")):
        store.put(NS, key, {"text": text})

    found = store.search(NS, query="bandana")

    assert [item.key for item in found] == ["c", "a", "b"]
    assert found[0].score == pytest.approx(1.0, abs=1e-5)
    assert found[1].score == pytest.approx(cosine("bandana", "banana"), abs=1e-5)


def test_without_a_query_there_are_no_scores_and_the_latest_come_first(stores: Shelf) -> None:
    opened = stores.open()
    for key in ("a", "b", "c"):
        opened.store.put(NS, key, {"text": key})
        opened.advance(1)

    assert [(item.key, item.score) for item in opened.store.search(NS)] == [("c", None), ("b", None), ("a", None)]


def test_an_empty_query_is_none(stores: Shelf) -> None:
    store = stores.open(indexed=True).store
    store.put(NS, "a", {"text": "tea"})

    assert [(item.key, item.score) for item in store.search(NS, query="")] == [("a", None)]


def test_a_store_without_an_index_ignores_queries(stores: Shelf) -> None:
    store = stores.open().store
    store.put(NS, "a", {"text": "tea"}, index=["text"])

    assert [(item.key, item.score) for item in store.search(NS, query="tea")] == [("a", None)]


def test_an_item_counts_by_its_most_alike_field(stores: Shelf) -> None:
    store = stores.open(fields=["title", "body"]).store
    store.put(NS, "a", {"title": "zebra", "body": "quill"})
    store.put(NS, "b", {"title": "quill"})

    found = store.search(NS, query="quill")

    assert len(found) == 2
    assert [item.score for item in found] == pytest.approx([1.0, 1.0], abs=1e-5)


def test_every_text_that_a_path_leads_to_is_found(stores: Shelf) -> None:
    store = stores.open(fields=["parts[*].text", "authors[-1]", "meta.title"]).store
    value = {"parts": [{"text": "zebra"}, {"text": "quill"}], "authors": ["ann", "bob"], "meta": {"title": "fjord"}}
    store.put(NS, "a", value)

    scores = {query: store.search(NS, query=query)[0].score or 0 for query in ("zebra", "quill", "bob", "fjord", "ann")}
    assert all(scores[query] > 0.999 for query in ("zebra", "quill", "bob", "fjord"))
    assert scores["ann"] < 0.9


def test_a_put_may_name_its_own_fields(stores: Shelf) -> None:
    store = stores.open(fields=["title"]).store
    store.put(NS, "a", {"title": "zebra", "body": "quill"}, index=["body"])

    assert (store.search(NS, query="quill")[0].score or 0) > 0.999
    assert (store.search(NS, query="zebra")[0].score or 0) < 0.9


def test_what_is_not_indexed_comes_last_and_without_a_score(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    store.put(NS, "a", {"text": "quill"}, index=False)
    store.put(NS, "b", {"text": "zebra"})
    store.put(NS, "c", {"other": "quill"})

    found = store.search(NS, query="quill")

    assert found[0].key == "b"
    assert {item.key: item.score for item in found[1:]} == {"a": None, "c": None}


def test_an_update_is_found_by_what_it_says_now(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    store.put(NS, "a", {"text": "zebra"})
    store.put(NS, "a", {"text": "quill"})

    assert (store.search(NS, query="quill")[0].score or 0) > 0.999
    assert (store.search(NS, query="zebra")[0].score or 0) < 0.9


def test_an_update_without_index_takes_the_old_vector_away(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    store.put(NS, "a", {"text": "quill"})
    store.put(NS, "a", {"text": "zebra"}, index=False)

    assert [(item.key, item.score) for item in store.search(NS, query="quill")] == [("a", None)]


def test_an_update_with_fewer_texts_leaves_none_of_the_old(stores: Shelf) -> None:
    store = stores.open(fields=["tags[*]"]).store
    store.put(NS, "a", {"tags": ["zebra", "quill", "fjord"]})
    store.put(NS, "a", {"tags": ["zebra"]})

    assert (store.search(NS, query="fjord")[0].score or 0) < 0.9


def test_items_with_the_same_text_in_one_batch_are_all_found(stores: Shelf) -> None:
    store = stores.open(fields=["text", "also"]).store
    store.batch([PutOp(NS, key, {"text": "quill", "also": "quill"}) for key in ("a", "b", "c")])

    found = store.search(NS, query="quill")
    assert {item.key for item in found} == {"a", "b", "c"}
    assert all((item.score or 0) > 0.999 for item in found)


def test_pages_by_likeness_follow_each_other(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    for n in range(5):
        store.put(NS, f"k{n}", {"text": "quill" + "z" * n})
    store.put(NS, "unseen", {"text": "quill"}, index=False)

    whole = [item.key for item in store.search(NS, query="quill")]
    pages = [[i.key for i in store.search(NS, query="quill", limit=2, offset=offset)] for offset in (0, 2, 4, 6)]
    assert [key for page in pages for key in page] == whole
    assert [len(page) for page in pages] == [2, 2, 2, 0]


def test_a_filter_goes_before_the_page_is_cut(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    for n in range(100):
        store.put(NS, f"k{n}", {"text": "quill", "n": n})
    store.put(NS, "rare", {"text": "zebra", "n": -1})

    assert [item.key for item in store.search(NS, query="quill", filter={"n": {"$lt": 0}}, limit=3)] == ["rare"]


def test_many_fields_of_one_item_do_not_crowd_out_the_others(stores: Shelf) -> None:
    store = stores.open(fields=["tags[*]"]).store
    store.put(NS, "a", {"tags": ["quill" + "l" * n for n in range(50)]})
    store.put(NS, "b", {"tags": ["zebra"]})

    assert [item.key for item in store.search(NS, query="quill", limit=2)] == ["a", "b"]


def test_any_script_is_found(stores: Shelf) -> None:
    store = stores.open(fields=["text"]).store
    for key, text in enumerate(("这是中文", "これは日本語です", "이건 한국어야", "Это русский", "यह रूसी है")):
        store.put(NS, str(key), {"text": text})

    assert store.search(NS, query="Это русский")[0].score == pytest.approx(1.0, abs=1e-5)
    assert len(store.search(NS, query="यह रूसी है")) == 5
