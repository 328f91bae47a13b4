"""One tenant's vectors in Chroma, embedded. Open only while this process holds the writer's lock."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from interlock.memory.layout import LOCK_WAIT_S, WriterLock, usable
from interlock.runtime.errors import HomeUnusable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

COLLECTION = "memories"
IDLE_S = 1.0
READ_WAIT_S = 0.2
CACHED_USERS = 64
PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Point:
    """A memory's place among the vectors."""

    id: str
    user: str
    """The user's word, not the user's name."""
    vector: "Matrix"


class Vectors:
    """One tenant's vectors.

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
        self._users: OrderedDict[str, tuple[list[str], Matrix]] = OrderedDict()
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
                metadatas=[{"user": p.user} for p in page],
            )
        for user in {p.user for p in points}:
            self._users.pop(user, None)

    def delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), PAGE):
            self._collection.delete(ids=list(ids[start : start + PAGE]))
        if ids:
            self._users.clear()

    def ids(self) -> set[str]:
        return set(self._collection.get(include=[])["ids"])

    def likeness(self, user: str, vector: "Matrix", *, stamp: int) -> dict[str, float]:
        """Compare a vector with all of one user's, exactly: cosines by id.

        Args:
            user: the user's word.
            vector: shape (d,), unit length.
            stamp: differs once another process may have changed the vectors.
        """
        with self._mutex:
            if stamp != self._stamp:
                self._users.clear()
                self._stamp = stamp
            if user not in self._users:
                with self.opened(READ_WAIT_S):
                    self._users[user] = self._of(user)
            self._users.move_to_end(user)
            while len(self._users) > CACHED_USERS:
                self._users.popitem(last=False)
            ids, rows = self._users[user]
            return dict(zip(ids, (rows @ vector).tolist(), strict=True)) if ids else {}

    def _of(self, user: str) -> "tuple[list[str], Matrix]":
        import numpy as np

        found = self._collection.get(where={"user": user}, include=["embeddings"])
        return list(found["ids"]), np.asarray(found["embeddings"], dtype=np.float32)

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
