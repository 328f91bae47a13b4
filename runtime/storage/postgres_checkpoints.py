"""Checkpoints in Postgres: LangGraph's saver on a connection that is made anew where it was lost."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import DictRow

from interlock.runtime.errors import HomeUnusable
from interlock.runtime.storage.checkpoints import Saver, serializer
from interlock.runtime.storage.folds import Folds
from interlock.runtime.storage.postgres_link import Connection, Given, Link, run


class PostgresHomeSaver(Saver, PostgresSaver):
    """LangGraph's Postgres saver for async and blocking graphs alike, with the strict serializer.

    What it writes may be written twice, so that a connection which was lost while nothing was asked does no harm.

    Args:
        link: a connection that savers of one home share.
        channels: those of the graph that uses it.

    Raises:
        HomeUnusable: the tables cannot be made.
    """

    def __init__(self, link: Link, channels: Mapping[str, Any] | None = None) -> None:
        self.folds = Folds(channels or {})
        self._link = link
        with self._usable():
            PostgresSaver.__init__(self, _as_rows_of_dicts(link), serde=serializer())
            self._set_up()

    def _set_up(self) -> None:
        """Make LangGraph's tables in one transaction: in its own way, a process that freezes there stops all others."""
        connection = self._link.connected()
        if self._made(connection) == len(self.MIGRATIONS):
            return
        with connection.transaction():
            run(connection, self._link.one_writer)
            run(connection, self.MIGRATIONS[0])
            for version in range(self._made(connection), len(self.MIGRATIONS)):
                run(connection, self.MIGRATIONS[version].replace(" CONCURRENTLY ", " "))
                run(connection, "INSERT INTO checkpoint_migrations (v) VALUES (%s)", (version,))

    def _made(self, connection: Connection) -> int:
        """Count the steps by which the tables were made."""
        if not self._link.has(connection, "checkpoint_migrations"):
            return 0
        ((last,),) = run(connection, "SELECT coalesce(max(v), -1) FROM checkpoint_migrations").fetchall()
        return int(last) + 1

    def erasures(self) -> int:
        return int(self._again(self._link.destroyed))

    def read_whole(self, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        return self._again(lambda: PostgresSaver.get_delta_channel_history(self, config=config, channels=channels))

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._again(lambda: PostgresSaver.get_tuple(self, config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        yield from self._again(lambda: [*PostgresSaver.list(self, config, filter=filter, before=before, limit=limit)])

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self.admit()
        return self._again(lambda: PostgresSaver.put(self, config, checkpoint, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.admit()
        self._again(lambda: PostgresSaver.put_writes(self, config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        self._again(lambda: PostgresSaver.delete_thread(self, thread_id))

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Generator[psycopg.Cursor[DictRow]]:
        with self._link.lock:
            self.conn = _as_rows_of_dicts(self._link)
            with super()._cursor(pipeline=pipeline) as cursor:
                yield cursor

    def _again(self, do: Callable[[], Given]) -> Given:
        with self._usable():
            return self._link.asked(lambda _connection: do())

    @contextmanager
    def _usable(self) -> Generator[None]:
        with self._link.lock:
            try:
                yield
            except psycopg.Error as error:
                fix = "see the server's log, and send the thread a message: what has happened stands in the journal"
                what = f"cannot use the checkpoints: {self._link.told(error)}"
                raise HomeUnusable(what=what, where=self._link.address.where, fix=fix) from error


def _as_rows_of_dicts(link: Link) -> psycopg.Connection[DictRow]:
    return cast(psycopg.Connection[DictRow], link.connected())  # each of the saver's cursors says which rows it wants
