"""One user's vectors in Chroma, embedded. Open only while this process holds the writer's lock."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock.memory.cloud import Cloud, Near
from interlock.memory.collection import collection_of, connect, overwrite
from interlock.memory.files import NAME, NEW, OLD, blank_unused, settle, wipe
from interlock.memory.layout import LOCK_WAIT_S, WriterLock, usable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

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
        self._depth = 0
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
            self._depth += 1
            try:
                yield self
            finally:
                self._depth -= 1
                if not self._depth:
                    self._start_timer()

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

    def erase(self, ids: Sequence[str]) -> None:
        """Delete, and leave nothing of it in the files once they are closed."""
        if not ids:
            return
        self._cloud = None
        if 2 * len(ids) > self.count():
            self.rebuild(without=frozenset(ids))
            return
        self._client.close()
        overwrite(self._folder / NAME, self._embedder, ids)
        self._client = connect(self._folder / NAME)
        self._collection = collection_of(self._client, self._folder, self._embedder)

    def ids(self) -> set[str]:
        return set(self._collection.get(include=[])["ids"])

    def raw(self, ids: Sequence[str]) -> list[bytes]:
        """Give vectors as they lie on disk: as they were given, and scaled to unit length as the graph holds them."""
        import numpy as np

        if not ids:
            return []
        vectors = np.asarray(self._collection.get(ids=list(ids), include=["embeddings"])["embeddings"], dtype="<f4")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return [vector.tobytes() for vector in (*vectors, *(vectors / lengths).astype("<f4"))]

    def of(self, ids: Sequence[str]) -> "Matrix":
        """Give vectors, a row for each id."""
        import numpy as np

        found = self._collection.get(ids=list(ids), include=["embeddings"])
        places = {id: place for place, id in enumerate(found["ids"])}
        matrix = np.asarray(found["embeddings"], dtype=np.float32)
        return matrix[[places[id] for id in ids]]

    def count(self) -> int:
        return int(self._collection.count())

    def rebuild(self, without: frozenset[str] = frozenset()) -> None:
        """Move what is kept into new files and overwrite the old ones."""
        self._cloud = None
        found = self._collection.get(include=["embeddings", "metadatas"])
        kept = [i for i, id in enumerate(found["ids"]) if id not in without]
        points = [
            Point(id=found["ids"][i], vector=found["embeddings"][i], **found["metadatas"][i])  # row and turn_of
            for i in kept
        ]
        self._client.close()
        with usable(self._folder):
            wipe(self._folder / NEW)
            self._client = connect(self._folder / NEW)
            self._collection = collection_of(self._client, self._folder, self._embedder)
            self.put(points)
            self._client.close()
            (self._folder / NAME).rename(self._folder / OLD)
            settle(self._folder)
            self._client = connect(self._folder / NAME)
            self._collection = collection_of(self._client, self._folder, self._embedder)

    def near(self, vector: "Matrix", *, stamp: int) -> Near:
        """Compare a vector with all, exactly.

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

    def _start_timer(self) -> None:
        self._timer = threading.Timer(self._idle_s, self.close)
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _let_go(self) -> None:
        if self._client is not None:
            self._client.close()
            blank_unused(self._folder / NAME)
        self._client = self._collection = None
        self._writer.release()

    def _open(self, wait_s: float) -> None:
        with usable(self._folder):
            self._writer.acquire(wait_s)
            try:
                settle(self._folder)
                self._client = connect(self._folder / NAME)
                self._collection = collection_of(self._client, self._folder, self._embedder)
                self._on_open(self)
            except BaseException:
                self._let_go()
                raise
