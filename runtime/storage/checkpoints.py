"""Checkpoints in SQLite: written without a thread hop, read back by a serializer that makes only the classes listed."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from interlock.runtime.errors import HomeUnusable, InterlockError
from interlock.runtime.storage.folds import Folds
from interlock.runtime.storage.sqlite import to_wal


def serializer() -> JsonPlusSerializer:
    """Make the strict serializer (CVE-2026-28277): langchain's messages, plain data and our own errors; no pickle."""
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=[*_errors(InterlockError)])


def _errors(root: type[InterlockError]) -> Iterator[tuple[str, str]]:
    yield root.__module__, root.__name__
    for leaf in root.__subclasses__():
        yield from _errors(leaf)


class Saver(BaseCheckpointSaver[str], ABC):
    """What the checkpoints of every home can do: long threads need not be read from their beginning each time.

    What is asynchronous is done in a thread; a saver that is quicker than a thread hop does it in place.
    """

    folds: Folds
    """Of the channels of the graph that uses it."""
    admit: Callable[[], None] = staticmethod(lambda: None)
    """Raises what keeps a checkpoint from being written."""
    _erased = 0

    def close(self) -> None:
        """Close what was opened for this saver."""

    @abstractmethod
    def erasures(self) -> int:
        """Count the times that something was erased; what is kept in memory may hold it."""

    @abstractmethod
    def read_whole(self, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        """Read channels from the beginning of a thread."""

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what channels are made of: their value when the thread was last read, and what came after it."""
        return self.read_ahead(config, channels) or self._folded(config, channels)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        for found in await asyncio.to_thread(lambda: [*self.list(config, filter=filter, before=before, limit=limit)]):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await asyncio.to_thread(lambda: self.get_delta_channel_history(config=config, channels=channels))

    def read_ahead(self, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory] | None:
        """Read on from where the thread was last read; None where it must be read from its beginning."""
        if (erasures := self.erasures()) != self._erased:
            self.folds.forget()
            self._erased = erasures
        return self.folds.ahead(self, config, channels) if self.folds.covers(config, channels) else None

    def _folded(self, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        found = self.read_whole(config, channels)
        return self.folds.folded(config, found) if self.folds.covers(config, channels) else found


class HomeSaver(Saver, SqliteSaver):
    """LangGraph's SQLite saver for async and blocking graphs alike.

    A write, or the reading of one checkpoint, takes tens of microseconds, less than handing it to a thread and back
    (docs/decisions/0005), so it is done where it is asked for; reads that may be long go to a thread. WAL with
    synchronous=NORMAL: a checkpoint may be lost in a power cut, an effect may not, because its intent in the journal is
    written through.

    Args:
        channels: those of the graph that uses it, so that long threads need not be read from their beginning each time.

    Raises:
        HomeUnusable: the file cannot be used.
    """

    def __init__(self, path: Path, channels: Mapping[str, Any] | None = None) -> None:
        self.folds = Folds(channels or {})
        self._path = path
        try:
            connection = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
            to_wal(connection, path)
            connection.execute("PRAGMA synchronous=NORMAL")
            super().__init__(connection, serde=serializer())
            self.setup()
        except sqlite3.Error as error:
            raise HomeUnusable(
                what=f"cannot use the checkpoints: {error}", where=str(path), fix="give a folder that can be written"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self.conn.close()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self.admit()
        with self._written():
            return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.admit()
        with self._written():
            super().put_writes(config, writes, task_id, task_path)

    @contextmanager
    def _written(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise HomeUnusable(
                what=f"cannot write the checkpoints: {error}",
                where=str(self._path),
                fix="free space, and send the thread a message: what has happened stands in the journal",
            ) from error

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.put_writes(config, writes, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self.get_tuple(config)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        if (found := self.read_ahead(config, channels)) is not None:
            return found
        return await super().aget_delta_channel_history(config=config, channels=channels)

    def erasures(self) -> int:
        return int(self.conn.execute("PRAGMA user_version").fetchone()[0])

    def read_whole(self, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        return SqliteSaver.get_delta_channel_history(self, config=config, channels=channels)
