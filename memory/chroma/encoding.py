"""Texts to vectors by whatever embedder a LangGraph app brings, checked before anything is done with them."""

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from langchain_core.embeddings import Embeddings
from langgraph.store.base import IndexConfig, PutOp, ensure_embeddings, get_text_at_path, tokenize_path

from interlock.memory.embeddings import MiniLMEmbeddings
from interlock.runtime.errors import BadInput, VectorsRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

PROBE = "The embedder that makes this vector of this sentence makes the others too."
NAMES = ("name", "model", "model_name", "model_id")
UNREADABLE = re.compile("[\x00\ud800-\udfff]")
WHOLE = "$"


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Vectors by text: those of fields, and those of queries."""

    fields: "Mapping[str, Matrix]" = field(default_factory=dict[str, Any])
    queries: "Mapping[str, Matrix]" = field(default_factory=dict[str, Any])
    probe: "Matrix | None" = None


class Encoder:
    """An embedder, and what of an item it is shown."""

    def __init__(self, index: IndexConfig) -> None:
        """Take LangGraph's configuration. Without `embed` MiniLM is used, without `fields` the item as a whole.

        Raises:
            BadInput: there is an embedder but no number of dimensions.
        """
        self.embeddings: Embeddings = ensure_embeddings(index["embed"]) if "embed" in index else MiniLMEmbeddings()
        self.config: dict[str, Any] = {"embed": self.embeddings, **index}
        self._default = list(index.get("fields") or [WHOLE])
        if "dims" not in index and not isinstance(self.embeddings, MiniLMEmbeddings):
            fix = "give the size of the embedder's vectors"
            raise BadInput(what="an embedder without `dims`", where="index=", fix=fix)

    @property
    def dims(self) -> int:
        if "dims" not in self.config:
            self.config["dims"] = cast(MiniLMEmbeddings, self.embeddings).dimensions
        return int(self.config["dims"])

    @property
    def label(self) -> str:
        """Name the embedder for people; what it is shows by its vectors."""
        embeddings = getattr(self.embeddings, "func", None) or getattr(self.embeddings, "afunc", self.embeddings)
        kind = getattr(embeddings, "__qualname__", type(embeddings).__qualname__)
        named = next((str(getattr(embeddings, n)) for n in NAMES if isinstance(getattr(embeddings, n, None), str)), "")
        return " ".join(filter(None, (kind, named, f"of {self.dims} dimensions")))

    def texts(self, op: PutOp) -> list[tuple[str, int, str]]:
        """List what is embedded of an item: path, which of the texts there, and the text."""
        if op.value is None or op.index is False:
            return []
        paths = self._default if op.index is None else list(op.index)
        return [(path, place, text) for path in paths for place, text in enumerate(texts_at(op.value, path))]

    def encode(self, fields: Sequence[str], queries: Sequence[str], *, probe: bool) -> Encoded:
        """Embed, each text once; with `probe` also the sentence by which embedders are told apart.

        Raises:
            VectorsRefused: what came back is not one vector of the right size for each, all of numbers.
        """
        asked = self._asked(fields, probe)
        found = _now(self.embeddings, asked) if asked else []
        answers = [_now(self.embeddings, [text], query=True)[0] for text in queries]
        return self._encoded(fields, found, queries, answers, probe)

    async def aencode(self, fields: Sequence[str], queries: Sequence[str], *, probe: bool) -> Encoded:
        """Do what `encode` does, without blocking where the embedder need not."""
        asked = self._asked(fields, probe)
        found = await self.embeddings.aembed_documents(asked) if asked else []
        answers = await asyncio.gather(*(self.embeddings.aembed_query(legible(text)) for text in queries))
        return self._encoded(fields, found, queries, answers, probe)

    def _asked(self, fields: Sequence[str], probe: bool) -> list[str]:
        return [*([PROBE] if probe else []), *map(legible, fields)]

    def _encoded(
        self, fields: Sequence[str], found: Sequence[Any], queries: Sequence[str], answers: Sequence[Any], probe: bool
    ) -> Encoded:
        vectors = list(self._checked(found, len(fields) + probe))
        return Encoded(
            probe=vectors.pop(0) if probe else None,
            fields=dict(zip(fields, vectors, strict=True)),
            queries=dict(zip(queries, self._checked(answers, len(queries)), strict=True)),
        )

    def _checked(self, vectors: Sequence[Any], count: int) -> "Matrix":
        """Bring vectors to unit length. Those of length nought stay as they are: they are like nothing."""
        import numpy as np

        if not count and not len(vectors):
            return np.zeros((0, self.dims), dtype=np.float32)
        try:
            rows = np.asarray(vectors, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise self._refused(f"no vectors: {error}") from error
        if rows.shape != (count, self.dims):
            raise self._refused(f"vectors of shape {rows.shape}, not ({count}, {self.dims})")
        if not np.isfinite(rows).all():
            raise self._refused("vectors that hold NaN or infinity")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)

    def _refused(self, what: str) -> VectorsRefused:
        fix = "mend the embedder, or give the `dims` it has; nothing was written"
        return VectorsRefused(what=f"the embedder gave {what}", where=self.label, fix=fix)


def legible(text: str) -> str:
    """Take out of a text what no tokenizer can read."""
    return UNREADABLE.sub(" ", text)


def texts_at(value: Any, path: str) -> list[str]:
    return get_text_at_path(value, path if path == WHOLE else tokenize_path(path))


def _now(embeddings: Embeddings, texts: list[str], *, query: bool = False) -> list[list[float]]:
    """Embed and wait for it, also by a function that is asynchronous only."""
    texts = [legible(text) for text in texts]
    if hasattr(embeddings, "afunc"):
        return _awaited(embeddings.aembed_documents(texts))
    return [embeddings.embed_query(texts[0])] if query else embeddings.embed_documents(texts)


def _awaited(coroutine: Coroutine[Any, Any, list[list[float]]]) -> list[list[float]]:
    # In a thread of its own: the caller's may be running a loop already.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
