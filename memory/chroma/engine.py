"""Do what a batch asks of a store: reads first, as things stood before it, then the writes, all or none."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from langgraph.store.base import Result

from interlock.memory.chroma.batches import Batch, Put
from interlock.memory.chroma.encoding import Encoded, Encoder
from interlock.memory.chroma.items import Draft, Field, Items
from interlock.memory.chroma.reading import Reader
from interlock.memory.chroma.values import expiry
from interlock.memory.chroma.vectors import StoreVectors
from interlock.memory.index import Server
from interlock.memory.layout import WriterLock
from interlock.runtime.clock import Clock
from interlock.runtime.errors import HomeUnusable


class Engine:
    """An open store. Blocking; for any thread."""

    def __init__(
        self, folder: Path, tenant: str, *, encoder: Encoder | None, server: Server | None, clock: Clock, wait_s: float
    ) -> None:
        """Open the table; the lock is taken, and Chroma opened, when they are needed.

        Args:
            wait_s: how long to wait for another process to let go of the store.
        """
        self._items = Items(folder, tenant)
        self._clock = clock
        self._mutex = threading.RLock()
        self._writer = None if server else WriterLock(folder)
        self._wait_s = wait_s
        self._owns = server is not None
        self._vectors: StoreVectors | None = None
        if encoder is not None:
            self._vectors = StoreVectors(folder, self._items, encoder, server=server, clock=clock)

    @property
    def knows_embedder(self) -> bool:
        return self._vectors is None or self._vectors.admitted

    def run(self, batch: Batch, found: Encoded, *, omit_expired: bool) -> list[Result]:
        """Answer each operation.

        Raises:
            MemoryBusy: another process has the store open for writing.
            HomeUnusable: disk, files or Chroma do not let it, or another embedder made the vectors. Nothing of the
                batch was written.
        """
        now = self._clock.now()
        drafts = [_draft(put, found, now) for put in batch.puts if put.value is not None]
        with self._mutex:
            if batch.puts or batch.queries:
                self._own()
            if self._vectors and found.probe is not None and not self._vectors.admitted:
                self._vectors.admit(found.probe)
            reader = Reader(self._items, self._vectors, found.queries, now if omit_expired else None)
            results = [reader.answer(op) for op in batch.ops]
            self._refresh(reader.touched, now)
            if batch.puts:
                self._write(drafts, [put for put in batch.puts if put.value is None], now, found)
        return results

    def sweep(self) -> int:
        """Delete what has expired; gives how many items that were."""
        with self._mutex:
            if not self._items.expired(self._clock.now()):
                return 0
            self._own()
            with self._items.transaction() as db:
                rows = self._items.expired(self._clock.now())
                self._items.remove(db, [row["row"] for row in rows])
            if self._vectors:
                for row in rows:
                    self._vectors.dropped(row["namespace"], [row["row"]])
                self._vectors.settle()
            return len(rows)

    def reindex(self, told: Callable[[int, int], None]) -> None:
        """Make all vectors anew."""
        with self._mutex:
            self._own()
            if self._vectors:
                self._vectors.rebuild(told)

    def close(self) -> None:
        """Send Chroma what it lacks, and let go of files and lock.

        Raises:
            HomeUnusable: Chroma could not be written; what it lacks is kept for the next time.
        """
        with self._mutex:
            try:
                if self._vectors and self._owns:
                    self._vectors.flush()
            finally:
                if self._vectors:
                    self._vectors.close()
                self._items.close()
                if self._writer and self._owns:
                    self._writer.release()
                    self._owns = False

    def _own(self) -> None:
        """Take the right to write to this folder, and keep it until the store is closed."""
        if self._writer and not self._owns:
            self._writer.acquire(self._wait_s)
            self._owns = True

    def _refresh(self, touched: Mapping[int, float], now: datetime) -> None:
        """Put off when items expire that were read. A disk that cannot be written can still be read."""
        if touched:
            with suppress(HomeUnusable):
                self._items.refresh((row, now + timedelta(minutes=ttl)) for row, ttl in touched.items())

    def _write(self, drafts: Sequence[Draft], gone: Sequence[Put], now: datetime, found: Encoded) -> None:
        with self._items.transaction() as db:
            rows = self._items.places(db, [*drafts, *gone])
            self._items.remove(db, [rows[put.namespace, put.key] for put in gone if (put.namespace, put.key) in rows])
            made = [self._items.write(db, draft, now) for draft in drafts]
        if self._vectors is None:
            return
        for (namespace, _), row in rows.items():
            self._vectors.dropped(namespace, [row])
        for draft, fields in zip(drafts, made, strict=True):
            self._vectors.added(draft.namespace, fields, [field.vector for field in draft.fields])
        self._vectors.settle()


def _draft(put: Put, found: Encoded, now: datetime) -> Draft:
    return Draft(
        namespace=put.namespace,
        key=put.key,
        value=put.value or "",
        ttl=put.ttl,
        expires_at=expiry(now, put.ttl, put.where),
        fields=tuple(Field(path=p, place=n, vector=found.fields[text].tobytes()) for p, n, text in put.texts),
    )
