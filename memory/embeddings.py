"""MiniLM as langchain knows embedding models."""

from pathlib import Path

from langchain_core.embeddings import Embeddings

from interlock.runtime.models.embeddings import Embedder, minilm


class MiniLMEmbeddings(Embeddings):
    """all-MiniLM-L6-v2, without a network where its weights are at hand: 384 dimensions, unit length.

    Raises:
        ModelMissing: the weights are in none of the places where they are looked for. Raised at the first text.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        """Name a folder that holds the weights; None: look for them."""
        self._path = path

    @property
    def name(self) -> str:
        """Identify model and weights."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector.tolist() for vector in self._embedder.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    @property
    def _embedder(self) -> Embedder:
        return minilm(self._path)
