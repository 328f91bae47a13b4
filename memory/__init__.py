"""Long-term memory with rules: what is written, what is read, and what is forgotten. And a store for any graph."""

from importlib import import_module
from typing import TYPE_CHECKING

from interlock.memory.memory import Memory
from interlock.memory.policies import ExtractPolicy, PrunePolicy, ReadPolicy, WritePolicy, WriteRule
from interlock.memory.ranker import Ranker, learn_ranker
from interlock.runtime.memories import FactRule

if TYPE_CHECKING:
    from interlock.memory.chroma.documents import ChromaDocuments, ChromaRetriever
    from interlock.memory.chroma.store import ChromaStore
    from interlock.memory.embeddings import MiniLMEmbeddings
else:
    # They need LangGraph's store and langchain, which an agent's memory does not.
    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module 'interlock.memory' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


__all__ = [
    "ChromaDocuments",
    "ChromaRetriever",
    "ChromaStore",
    "ExtractPolicy",
    "FactRule",
    "Memory",
    "MiniLMEmbeddings",
    "PrunePolicy",
    "Ranker",
    "ReadPolicy",
    "WritePolicy",
    "WriteRule",
    "learn_ranker",
]

_HOMES = {
    "ChromaDocuments": "interlock.memory.chroma.documents",
    "ChromaRetriever": "interlock.memory.chroma.documents",
    "ChromaStore": "interlock.memory.chroma.store",
    "MiniLMEmbeddings": "interlock.memory.embeddings",
}
