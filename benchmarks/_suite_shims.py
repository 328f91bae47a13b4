"""A pytest plugin: where LangGraph's own tests import LangGraph's stores they get ours, made in the same ways.

Nothing of the tests is changed. Postgres, which is not needed, is answered for by an object that does nothing.
"""

import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.store.base import BaseStore, Op, Result

from interlock.memory import ChromaStore


class Store(ChromaStore):
    """Made as InMemoryStore, SqliteStore and PostgresStore are."""

    MIGRATIONS = ("none",)

    def __init__(self, *, index: Any = None, ttl: Any = None) -> None:
        # SqliteStore says text_fields where LangGraph says fields.
        fields = index and (index.get("fields") or index.get("text_fields"))
        folder = tempfile.mkdtemp()
        configured: Any = None if index is None else {**index, "fields": fields}
        super().__init__(folder, index=configured, ttl=ttl)
        self._made = Path(folder)

    @classmethod
    @contextmanager
    def from_conn_string(cls, _conn: str, *, index: Any = None, ttl: Any = None, **_: Any) -> Generator["Store"]:
        store = cls(index=index, ttl=ttl)
        try:
            yield store
        finally:
            store.close()
            shutil.rmtree(store._made)

    def setup(self) -> None: ...

    def _cursor(self) -> "Nothing":
        return Nothing()


class AsyncStore(BaseStore):
    """Made and swept as AsyncSqliteStore and AsyncPostgresStore are."""

    supports_ttl = True

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.ttl_config = inner.ttl_config

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @classmethod
    @asynccontextmanager
    async def from_conn_string(cls, conn: str, **options: Any) -> AsyncGenerator["AsyncStore"]:
        with Store.from_conn_string(conn, **options) as inner:
            yield cls(inner)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return self._inner.batch(ops)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await self._inner.abatch(ops)

    async def setup(self) -> None: ...

    async def start_ttl_sweeper(self) -> None:
        self._inner.start_ttl_sweeper()

    async def stop_ttl_sweeper(self) -> None:
        self._inner.stop_ttl_sweeper()

    async def sweep_ttl(self) -> int:
        return self._inner.sweep_ttl()

    def _cursor(self) -> "Nothing":
        return Nothing()


class Nothing:
    """Stands for a connection to Postgres, in every form it is asked for."""

    def __class_getitem__(cls, _: Any) -> "type[Nothing]":
        return cls

    @classmethod
    def connect(cls, *_: Any, **__: Any) -> "Nothing":
        return cls()

    def execute(self, *_: Any) -> "Nothing":
        return self

    def __await__(self) -> Generator[None, None, "Nothing"]:
        yield from ()
        return self

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *_: object) -> None: ...

    async def __aenter__(self) -> "Nothing":
        return self

    async def __aexit__(self, *_: object) -> None: ...


def stand_in(name: str, **values: Any) -> None:
    module = ModuleType(name)
    vars(module).update(values)
    sys.modules[name] = module


PRIVATE = ("NS_MATCH_FUNCTION", "BaseSqliteStore", "_escape_glob_literal", "_escape_like_literal")
INTERNAL = dict.fromkeys((*PRIVATE, "_namespace_match_pattern", "_ainternal", "SqliteIndexConfig"), dict)
stand_in("langgraph.store.memory", InMemoryStore=Store)
stand_in("langgraph.store.sqlite", SqliteStore=Store, AsyncSqliteStore=AsyncStore)
stand_in("langgraph.store.sqlite.aio", AsyncSqliteStore=AsyncStore)
stand_in("langgraph.store.sqlite.base", **INTERNAL)
stand_in("langgraph.store.postgres", PostgresStore=Store, AsyncPostgresStore=AsyncStore)
stand_in("langgraph.store.postgres.base", **INTERNAL)
stand_in("langgraph.checkpoint.postgres", **INTERNAL)
stand_in("psycopg", Connection=Nothing, AsyncConnection=Nothing)
stand_in("psycopg.errors", UndefinedTable=Exception)
stand_in("psycopg.rows", DictRow=dict, dict_row=None)
