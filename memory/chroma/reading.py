"""Answer what only reads: one item, items that are searched for, namespaces."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp

from interlock.memory.chroma.batches import key_of
from interlock.memory.chroma.filters import matches
from interlock.memory.chroma.items import Items
from interlock.memory.chroma.namespaces import decoded, encoded, listed, span
from interlock.memory.chroma.pieces import ranked
from interlock.memory.chroma.values import unpacked
from interlock.memory.chroma.vectors import StoreVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

CHUNK = 64
MOST = 1 << 62


class Reader:
    """Answers one batch, and notes which items with a time to live were read."""

    def __init__(
        self, items: Items, vectors: StoreVectors | None, queries: "Mapping[str, Matrix]", alive: datetime | None
    ) -> None:
        """Prepare to read.

        Args:
            queries: the vectors of the queries.
            alive: leave out what has expired by then; None: leave out nothing.
        """
        self._items = items
        self._vectors = vectors
        self._queries = queries
        self._alive = alive
        self.touched: dict[int, float] = {}
        """Minutes to live by row."""

    def answer(self, op: Op) -> Result:
        match op:
            case GetOp():
                return self._get(op)
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return self._list(op)
            case _:
                return None

    def _get(self, op: GetOp) -> Item | None:
        row = self._items.find(encoded(op.namespace), key_of(op.key), self._alive)
        if row is None:
            return None
        self._touch(row, op.refresh_ttl)
        return Item(value=unpacked(row["value"]), **_fields(row))

    def _list(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        plain = [c.path for c in op.match_conditions or () if c.match_type == "prefix" and "*" not in c.path]
        return listed(map(decoded, self._items.namespaces(span(plain[0] if plain else ()), self._alive)), op)

    def _search(self, op: SearchOp) -> list[SearchItem]:
        """Take a page of what matches: by likeness where there is a query, then what was written last."""
        scores: Mapping[int, float] = {}
        if self._vectors is not None and op.query:
            scores = self._near(op, self._queries[op.query], self._vectors)
        found = list(self._page(self._rows(op, scores), op))
        for row, _ in found:
            self._touch(row, op.refresh_ttl)
        return [SearchItem(value=value, score=scores.get(row["row"]), **_fields(row)) for row, value in found]

    def _near(self, op: SearchOp, query: "Matrix", vectors: StoreVectors) -> Mapping[int, float]:
        names = self._items.namespaces(span(op.namespace_prefix))
        return ranked(vectors.piece(name).near(query) for name in names)

    def _rows(self, op: SearchOp, scores: Mapping[int, float]) -> Iterator[Sequence[int]]:
        """Give rows in the order in which they are wanted, a few at a time."""
        best = list(scores)
        for start in range(0, len(best), CHUNK):
            yield best[start : start + CHUNK]
        enough = -1 if op.filter else min(op.offset + op.limit, MOST)
        rest = self._items.latest(span(op.namespace_prefix), self._alive, enough, unseen=bool(scores))
        for start in range(0, len(rest), CHUNK):
            yield rest[start : start + CHUNK]

    def _page(self, chunks: Iterator[Sequence[int]], op: SearchOp) -> Iterator[tuple[sqlite3.Row, dict[str, Any]]]:
        left, passed = op.limit, 0
        while left > 0 and (chunk := next(chunks, None)) is not None:
            rows = self._items.fetch(chunk, self._alive)
            for row in (rows[number] for number in chunk if number in rows):
                value = unpacked(row["value"])
                if not matches(value, op.filter):
                    continue
                passed += 1
                if passed > op.offset and left > 0:
                    left -= 1
                    yield row, value

    def _touch(self, row: sqlite3.Row, refresh: bool) -> None:
        if refresh and row["ttl"] is not None:
            self.touched[row["row"]] = row["ttl"]


def _fields(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "key": row["key"].decode("utf-8", "surrogatepass"),
        "namespace": decoded(row["namespace"]),
        "created_at": datetime.fromisoformat(row["created_at"]),
        "updated_at": datetime.fromisoformat(row["updated_at"]),
    }
