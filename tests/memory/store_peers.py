"""Stores that the behaviours of a LangGraph store are tried on: ours, and for comparison LangGraph's own."""

import math
import os
import sqlite3
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from interlock.memory import ChromaStore
from interlock.runtime.clock import ManualClock

VARIABLE = "STORE_UNDER_TEST"
MINUTE = 60.0


class Letters(Embeddings):
    """Vectors that count letters: alike for texts that are spelt alike."""

    dims = 27

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked.append(texts)
        return [self._counted(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self._counted(text)

    def _counted(self, text: str) -> list[float]:
        counts = Counter(ord(c) % 32 for c in text.lower())
        return [float(counts[i]) for i in range(1, 27)] + [
            float(sum(counts.values()) - sum(counts[i] for i in range(1, 27)))
        ]


def cosine(one: str, other: str) -> float:
    a, b = Letters().embed_documents([one, other])
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


class Opened(Protocol):
    """What can be done with a store whose clock stands still until told otherwise."""

    store: BaseStore

    def advance(self, minutes: float) -> None: ...
    def sweep(self) -> int: ...


class Chroma:
    def __init__(self, folder: Path, index: Any, ttl: Any) -> None:
        self.clock = ManualClock()
        self.store = ChromaStore(folder, index=index, ttl=ttl, clock=self.clock)

    def advance(self, minutes: float) -> None:
        self.clock.advance(MINUTE * minutes)

    def sweep(self) -> int:
        return self.store.sweep_ttl()

    def close(self) -> None:
        self.store.close()


class Memory:
    """LangGraph's in main memory. It knows no time to live."""

    def __init__(self, _folder: Path, index: Any, _ttl: Any) -> None:
        self.store = InMemoryStore(index=index)

    def advance(self, minutes: float) -> None: ...

    def sweep(self) -> int:
        raise NotImplementedError

    def close(self) -> None: ...


class Sqlite:
    """LangGraph's in SQLite. Its clock is SQLite's: what lies in the table is moved into the past instead."""

    def __init__(self, folder: Path, index: Any, ttl: Any) -> None:
        if index is not None and not hasattr(sqlite3.Connection, "enable_load_extension"):
            pytest.skip("this Python's sqlite3 loads no extensions, so that SqliteStore has no vectors")
        renamed = None if index is None else {**index, "text_fields": index.get("fields")}
        folder.mkdir(exist_ok=True)
        self._opened = SqliteStore.from_conn_string(str(folder / "store.db"), index=cast(Any, renamed), ttl=ttl)
        self.store = self._opened.__enter__()
        self.store.setup()

    def advance(self, minutes: float) -> None:
        sql = "UPDATE store SET expires_at = DATETIME(expires_at, ?), created_at = DATETIME(created_at, ?)"
        self.store.conn.execute(sql, (f"-{minutes} minutes", f"-{minutes} minutes"))
        self.store.conn.execute("UPDATE store SET updated_at = DATETIME(updated_at, ?)", (f"-{minutes} minutes",))

    def sweep(self) -> int:
        return self.store.sweep_ttl()

    def close(self) -> None:
        self._opened.__exit__(None, None, None)


KINDS: Mapping[str, Any] = {"ChromaStore": Chroma, "InMemoryStore": Memory, "SqliteStore": Sqlite}


class Shelf:
    """Opens stores for one test, and closes them after it."""

    def __init__(self, folder: Path) -> None:
        self._kind = KINDS[os.environ.get(VARIABLE, "ChromaStore")]
        self._folder = folder
        self._open: list[Any] = []

    def open(self, *, fields: list[str] | None = None, indexed: bool = False, ttl: Any = None) -> Opened:
        """Open the test's store: found by meaning by these fields, or with `indexed` as a whole."""
        index = {"dims": Letters.dims, "embed": Letters(), **({"fields": fields} if fields else {})}
        opened = self._kind(self._folder, index if indexed or fields else None, ttl)
        self._open.append(opened)
        return cast(Opened, opened)

    def close(self) -> None:
        for opened in self._open:
            opened.close()
        self._open.clear()


@contextmanager
def shelf(folder: Path) -> Generator[Shelf]:
    made = Shelf(folder)
    try:
        yield made
    finally:
        made.close()
