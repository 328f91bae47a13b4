"""langchain's own tests of a store of documents and of a retriever, and what is ours beyond them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.retrievers import RetrieversIntegrationTests
from langchain_tests.integration_tests.vectorstores import EMBEDDING_SIZE, VectorStoreIntegrationTests

from interlock.memory import ChromaDocuments, ChromaRetriever, ChromaStore
from interlock.runtime.errors import BadInput
from store_peers import Letters


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChromaStore]:
    with ChromaStore(tmp_path, index={"embed": Letters(), "dims": Letters.dims, "fields": ["text"]}) as opened:
        yield opened


@pytest.fixture
def documents(store: ChromaStore) -> ChromaDocuments:
    made = ChromaDocuments(store)
    made.add_texts(["zebra", "quill", "quilt"], [{"n": 1}, {"n": 2}, {"n": 3}], ids=["a", "b", "c"])
    return made


class TestAsLangchainWantsIt(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:  # type: ignore[override]
        with ChromaStore(tmp_path, index={"embed": self.get_embeddings(), "dims": EMBEDDING_SIZE}) as store:
            yield ChromaDocuments(store)


class TestAsLangchainWantsRetrievers(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def fill(self, store: ChromaStore, documents: ChromaDocuments) -> None:
        self.store = store

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return ChromaRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"store": self.store}

    @property
    def retriever_query_example(self) -> str:
        return "quill"


def test_a_filter_is_on_the_metadata(documents: ChromaDocuments) -> None:
    found = documents.similarity_search("quill", filter={"n": {"$gte": 3}})

    assert [document.page_content for document in found] == ["quilt"]


def test_scores_are_cosines_and_relevance_lies_between_nought_and_one(documents: ChromaDocuments) -> None:
    assert documents.similarity_search_with_score("quill", 1)[0][1] == pytest.approx(1.0, abs=1e-5)
    assert all(0 <= score <= 1 for _, score in documents.similarity_search_with_relevance_scores("quill"))


def test_what_else_lies_in_the_namespace_is_no_document(store: ChromaStore, documents: ChromaDocuments) -> None:
    store.put(("documents",), "other", {"note": "quill"})

    assert {document.id for document in documents.similarity_search("quill", 9)} == {"a", "b", "c"}
    assert documents.get_by_ids(["other"]) == []


def test_deleting_everything_must_be_said_document_by_document(documents: ChromaDocuments) -> None:
    with pytest.raises(BadInput, match="no ids"):
        documents.delete()

    assert len(documents.similarity_search("quill", 9)) == 3


def test_a_retriever_takes_a_filter(store: ChromaStore, documents: ChromaDocuments) -> None:
    assert documents.embeddings is store.embeddings

    assert ChromaRetriever(store=store, filter={"n": 1}).invoke("quill") == [
        Document(id="a", page_content="zebra", metadata={"n": 1})
    ]


def test_a_store_without_an_index_holds_no_documents(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="without an index"):
        ChromaDocuments(ChromaStore(tmp_path))


def test_as_many_ids_as_texts_are_asked_for(documents: ChromaDocuments) -> None:
    with pytest.raises(BadInput, match="2 texts, 1 ids and 2 metadatas"):
        documents.add_texts(["one", "two"], ids=["1"])


def test_texts_make_a_store_of_their_own(tmp_path: Path) -> None:
    made = ChromaDocuments.from_texts(["zebra", "quill"], Letters(), path=tmp_path)

    assert [document.page_content for document in made.similarity_search("quill", 1)] == ["quill"]
