"""One user's vectors in Chroma, embedded. Open only while this process holds the writer's lock."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from interlock.memory.cloud import Cloud
from interlock.memory.layout import LOCK_WAIT_S, WriterLock, usable
from interlock.runtime.errors import HomeUnusable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

COLLECTION = "memories"
IDLE_S = 1.0
READ_WAIT_S = 0.2
PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Point:
    """A memory's place among the vectors."""

    id: str
    row: int
    turn_of: str
    """The conversation it is a turn of; empty where it stands for itself."""
    vector: "Matrix"


class Vectors:
    """One user's vectors.

    `opened` opens them; put, delete and ids are for inside. The lock is given back when nothing was asked for a
    while, so that other processes get their turn.
    """

    def __init__(
        self,
        folder: Path,
        embedder: str,
        *,
        on_open: "Callable[[Vectors], None]",
        idle_s: float = IDLE_S,
    ) -> None:
        self._folder = folder
        self._embedder = embedder
        self._on_open = on_open
        self._idle_s = idle_s
        self._writer = WriterLock(folder)
        self._mutex = threading.RLock()
        self._client: Any = None
        self._collection: Any = None
        self._timer: threading.Timer | None = None
        self._cloud: Cloud | None = None
        self._stamp = -1

    @contextmanager
    def opened(self, wait_s: float = LOCK_WAIT_S) -> Generator["Vectors"]:
        """Open for this thread alone, waiting for other processes.

        Raises:
            MemoryBusy: another process is writing.
            HomeUnusable: the vectors were made by another embedder, or cannot be opened.
        """
        with self._mutex:
            self._stop_timer()
            if self._client is None:
                self._open(wait_s)
            try:
                yield self
            finally:
                self._timer = threading.Timer(self._idle_s, self.close)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Let go of files and lock. The next use opens again."""
        with self._mutex:
            self._stop_timer()
            if self._client is not None:
                self._let_go()

    def put(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), PAGE):
            page = points[start : start + PAGE]
            self._collection.upsert(
                ids=[p.id for p in page],
                embeddings=[p.vector for p in page],
                metadatas=[{"row": p.row, "turn_of": p.turn_of} for p in page],
            )
        if points:
            self._cloud = None

    def delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), PAGE):
            self._collection.delete(ids=list(ids[start : start + PAGE]))
        if ids:
            self._cloud = None

    def ids(self) -> set[str]:
        return set(self._collection.get(include=[])["ids"])

    def near(self, vector: "Matrix", *, stamp: int) -> dict[int, float]:
        """Compare a vector with all, exactly: by row number, the cosine with a row and its neighbours.

        Args:
            vector: shape (d,), unit length.
            stamp: differs once another process may have changed the vectors.
        """
        with self._mutex:
            if self._cloud is None or stamp != self._stamp:
                with self.opened(READ_WAIT_S):
                    self._cloud = self._read()
                    self._stamp = stamp
            return self._cloud.near(vector)

    def _read(self) -> Cloud:
        found = self._collection.get(include=["embeddings", "metadatas"])
        return Cloud.of([(m["row"], m["turn_of"]) for m in found["metadatas"]], found["embeddings"])

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _let_go(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._collection = None
        self._writer.release()

    def _open(self, wait_s: float) -> None:
        with usable(self._folder):
            self._writer.acquire(wait_s)
            try:
                self._client = _client(self._folder / "vectors")
                self._collection = _collection(self._client, self._folder, self._embedder)
                self._on_open(self)
            except BaseException:
                self._let_go()
                raise


def _client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def _collection(client: Any, folder: Path, embedder: str) -> Any:
    """Open or make the collection, and refuse one that could run code or holds another model's vectors."""
    found = {c.name: c for c in client.list_collections()}
    if COLLECTION not in found:
        return client.create_collection(
            COLLECTION,
            embedding_function=None,
            metadata={"embedder": embedder},
            configuration={"hnsw": {"space": "cosine"}},
        )
    model = found[COLLECTION]._model  # the public property would build the function we look for
    if _names_a_function(model.configuration_json) or _names_a_function(model.serialized_schema):
        fix = "restore the folder from a copy you trust"
        raise HomeUnusable(what="the vectors name an embedding function to run", where=str(folder), fix=fix)
    made_by = cast(dict[str, Any], model.metadata or {}).get("embedder")
    if made_by != embedder:
        fix = "use that embedder, or rebuild the vectors (Store.reindex)"
        raise HomeUnusable(what=f"vectors of {made_by}, not of {embedder}", where=str(folder), fix=fix)
    return client.get_collection(COLLECTION, embedding_function=None)


def _names_a_function(configuration: Any) -> bool:
    """Tell whether a stored configuration names a function that Chroma would load and call."""
    if isinstance(configuration, dict):
        parts = cast(dict[str, Any], configuration)
        return parts.get("type") == "known" or any(_names_a_function(part) for part in parts.values())
    return False
