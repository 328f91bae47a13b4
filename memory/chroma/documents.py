"""A namespace of the store as langchain knows stores of documents, and a retriever on it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langgraph.store.base import GetOp, Item, Op, PutOp, Result, SearchItem, SearchOp

from interlock.memory.chroma.store import ChromaStore
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import BadInput

NAMESPACE = ("documents",)
TEXT, METADATA = "text", "metadata"
Filter = dict[str, Any]
Scored = list[tuple[Document, float]]


class ChromaDocuments(VectorStore):
    """Documents in one namespace of a store, found by meaning. Filters are the store's, on the metadata."""

    def __init__(self, store: ChromaStore, namespace: tuple[str, ...] = NAMESPACE) -> None:
        """Take a store.

        Raises:
            BadInput: nothing is found by meaning in that store.
        """
        if store.embeddings is None:
            fix = 'open it with an index, such as ChromaStore(path, index={"fields": ["text"]})'
            raise BadInput(what="a store without an index", where="ChromaDocuments", fix=fix)
        self._store = store
        self._namespace = namespace

    @property
    def embeddings(self) -> Embeddings | None:
        return self._store.embeddings

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **_: Any,
    ) -> list[str]:
        """Write texts, all or none, in place of those that have the same ids; gives their ids."""
        puts = self._puts(texts, metadatas, ids)
        self._store.batch(puts)
        return [put.key for put in puts]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **_: Any,
    ) -> list[str]:
        puts = self._puts(texts, metadatas, ids)
        await self._store.abatch(puts)
        return [put.key for put in puts]

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Delete documents.

        Raises:
            BadInput: no ids are given.
        """
        self._store.batch(self._deletions(ids))
        return True

    async def adelete(self, ids: list[str] | None = None, **_: Any) -> bool:
        await self._store.abatch(self._deletions(ids))
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        return _documents(self._store.batch(self._gets(ids)))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        return _documents(await self._store.abatch(self._gets(ids)))

    def similarity_search(self, query: str, k: int = 4, filter: Filter | None = None, **_: Any) -> list[Document]:
        return [document for document, _ in self.similarity_search_with_score(query, k, filter)]

    async def asimilarity_search(
        self, query: str, k: int = 4, filter: Filter | None = None, **_: Any
    ) -> list[Document]:
        return [document for document, _ in await self.asimilarity_search_with_score(query, k, filter)]

    def similarity_search_with_score(self, query: str, k: int = 4, filter: Filter | None = None, **_: Any) -> Scored:
        """Find the most alike documents, best first, each with its cosine."""
        (found,) = self._store.batch([self._search(query, k, filter)])
        return _scored(found)

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter | None = None, **_: Any
    ) -> Scored:
        (found,) = await self._store.abatch([self._search(query, k, filter)])
        return _scored(found)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: str | Path = ".interlock",
        **_: Any,
    ) -> "ChromaDocuments":
        """Open a store in a folder for an embedder, and write texts."""
        dims = len(embedding.embed_query("how many dimensions?"))
        made = cls(ChromaStore(path, index={"embed": embedding, "dims": dims, "fields": [TEXT]}))
        made.add_texts(texts, metadatas, ids=ids)
        return made

    def _select_relevance_score_fn(self) -> Any:
        return _relevance

    def _puts(
        self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None, ids: Sequence[str | None] | None
    ) -> list[PutOp]:
        given = list(texts)
        clock = SystemClock()
        keys = [id or clock.new_id() for id in (ids or [None] * len(given))]
        about: list[dict[str, Any]] = metadatas or [{} for _ in given]
        if not len(given) == len(keys) == len(about):
            what = f"{len(given)} texts, {len(keys)} ids and {len(about)} metadatas"
            raise BadInput(what=what, where="add_texts", fix="give as many of each")
        return [
            PutOp(self._namespace, key, {TEXT: text, METADATA: meta}, index=[TEXT])
            for text, key, meta in zip(given, keys, about, strict=True)
        ]

    def _deletions(self, ids: list[str] | None) -> list[Op]:
        if ids is None:
            raise BadInput(what="no ids", where="delete", fix="name what is to be deleted; nothing was")
        return [PutOp(self._namespace, id, None) for id in ids]

    def _gets(self, ids: Sequence[str]) -> list[Op]:
        return [GetOp(self._namespace, id) for id in ids]

    def _search(self, query: str, k: int, filter: Filter | None) -> SearchOp:
        return SearchOp(self._namespace, filter={METADATA: filter} if filter else None, limit=k, query=query)


class ChromaRetriever(BaseRetriever):
    """Finds documents in a namespace of a store for a chain or an agent."""

    store: ChromaStore
    namespace: tuple[str, ...] = NAMESPACE
    k: int = 4
    """How many documents, if a call does not say."""
    filter: Filter | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        return ChromaDocuments(self.store, self.namespace).similarity_search(query, k or self.k, self.filter)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        documents = ChromaDocuments(self.store, self.namespace)
        return await documents.asimilarity_search(query, k or self.k, self.filter)


def _documents(items: Iterable[Result]) -> list[Document]:
    return [_document(item) for item in items if isinstance(item, Item) and TEXT in item.value]


def _document(item: Item) -> Document:
    return Document(id=item.key, page_content=str(item.value[TEXT]), metadata=item.value.get(METADATA) or {})


def _scored(found: Result) -> Scored:
    """Leave out what was put into the namespace otherwise: it has no vector, or no text."""
    items = [item for item in (found if isinstance(found, list) else ()) if isinstance(item, SearchItem)]
    return [(_document(item), item.score) for item in items if item.score is not None and TEXT in item.value]


def _relevance(cosine: float) -> float:
    return min(max(cosine, 0.0), 1.0)
