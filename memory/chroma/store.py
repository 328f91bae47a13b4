"""The store as LangGraph knows it."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, IndexConfig, Op, Result, TTLConfig

from interlock.memory.chroma.batches import Batch
from interlock.memory.chroma.encoding import Encoded, Encoder
from interlock.memory.chroma.engine import Engine
from interlock.memory.chroma.gathering import Gathering
from interlock.memory.chroma.sweeping import Sweeper
from interlock.memory.index import Server
from interlock.memory.layout import LOCK_WAIT_S, store_folder
from interlock.runtime.clock import Clock, SystemClock

SWEEP_MINUTES = 5.0


class ChromaStore(BaseStore):
    """A LangGraph store: items in SQLite, found by meaning through vectors in Chroma, in one folder.

    Nothing is opened or written before it is used. One process at a time writes to a folder: it holds the right to
    from its first write or search by meaning until `close`.
    """

    supports_ttl = True

    def __init__(
        self,
        path: Path | str,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        tenant: str = "",
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
        wait_s: float = LOCK_WAIT_S,
        clock: Clock | None = None,
    ) -> None:
        """Name a store.

        Args:
            path: the folder that it lies in, with those of other tenants.
            index: which fields are found by meaning, and by which embedder; without `embed` by MiniLM. None: nothing is
                found by meaning.
            ttl: how long items live if `put` does not say, and whether reading them prolongs it.
            tenant: whose store it is. Stores of two tenants have no file in common.
            url: a Chroma server that the vectors lie on, such as `https://chroma.example/path`. None: in the folder.
            headers: what every request to the server carries.
            wait_s: how long to wait for another process that writes to the folder.
        """
        self._folder = store_folder(Path(path).expanduser().absolute(), tenant)
        self._tenant = tenant
        self._encoder = None if index is None else Encoder(index)
        self._server = None if url is None else Server.at(url, headers or {})
        self._wait_s = wait_s
        self._clock = clock or SystemClock()
        self._opening = threading.Lock()
        self._engine: Engine | None = None
        self._gathering = Gathering(self._together)
        self._sweeper = Sweeper(self.sweep_ttl)
        self.ttl_config = None if ttl is None else ttl.copy()

    @property
    def index_config(self) -> dict[str, Any] | None:
        """What `index` said."""
        return None if self._encoder is None else self._encoder.config

    @property
    def embeddings(self) -> Embeddings | None:
        return None if self._encoder is None else self._encoder.embeddings

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do several operations: reads see what was there before the batch, writes are done all or none.

        Raises:
            InvalidNamespaceError, FilterRefused, ItemRefused, VectorsRefused: one of them cannot be done.
            MemoryBusy: another process writes to the folder.
            HomeUnusable, ServerUnreachable: files or server do not let it.
        """
        batch, engine = Batch.of(ops, self._encoder), self._opened()
        found = Encoded()
        if self._encoder and (batch.fields or batch.queries):
            found = self._encoder.encode(batch.fields, batch.queries, probe=not engine.knows_embedder)
        return engine.run(batch, found, omit_expired=self._omits_expired)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `batch` does, together with what else is asked at the same time."""
        given = list(ops)
        Batch.of(given, None)
        return await self._gathering.run(given)

    async def _together(self, ops: Sequence[Op]) -> list[Result]:
        batch, engine = Batch.of(ops, self._encoder), await asyncio.to_thread(self._opened)
        found = Encoded()
        if self._encoder and (batch.fields or batch.queries):
            found = await self._encoder.aencode(batch.fields, batch.queries, probe=not engine.knows_embedder)
        return await asyncio.to_thread(engine.run, batch, found, omit_expired=self._omits_expired)

    def sweep_ttl(self) -> int:
        """Delete what has expired; gives how many items that were."""
        return self._opened().sweep()

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """Sweep from time to time, in a thread. With `sweep_interval_minutes` in `ttl` it starts by itself."""
        self._sweeper.start(sweep_interval_minutes or self._interval or SWEEP_MINUTES)

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """End it; gives whether it has ended within that many seconds."""
        return self._sweeper.stop(timeout)

    def reindex(self, progress: Callable[[int, int], None] = lambda _made, _all: None) -> None:
        """Make all vectors anew, after another embedder was configured.

        Args:
            progress: hears how many of how many are made.
        """
        self._opened().reindex(progress)

    def close(self) -> None:
        """Let go of files, threads and the right to write. The next use opens again."""
        self._sweeper.stop()
        with self._opening:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    @property
    def _omits_expired(self) -> bool:
        return bool(self.ttl_config and self.ttl_config.get("omit_expired"))

    @property
    def _interval(self) -> float | None:
        return self.ttl_config.get("sweep_interval_minutes") if self.ttl_config else None

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                self._engine = Engine(
                    self._folder,
                    self._tenant,
                    encoder=self._encoder,
                    server=self._server,
                    clock=self._clock,
                    wait_s=self._wait_s,
                )
                if self._interval:
                    self.start_ttl_sweeper()
            return self._engine
