"""Vectors in main memory, one piece for each namespace: compared exactly, and changed without being read again."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Numbers = NDArray[np.int64]

ROOM = 16
MOST = 1_000_000


class Piece:
    """The vectors of one namespace's fields."""

    def __init__(self, dims: int) -> None:
        import numpy as np

        self._vectors: Matrix = np.zeros((ROOM, dims), dtype=np.float32)
        self._items: Numbers = np.zeros(ROOM, dtype=np.int64)
        self._ids: list[int] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> frozenset[int]:
        return frozenset(self._places)

    def put(self, id: int, item: int, vector: "Matrix") -> None:
        """Add a field's vector; its item is the row that it stands for."""
        import numpy as np

        place = len(self._ids)
        if place == len(self._items):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
            self._items = np.concatenate([self._items, np.zeros_like(self._items)])
        self._vectors[place], self._items[place] = vector, item
        self._ids.append(id)
        self._places[id] = place

    def drop(self, ids: Iterable[int]) -> None:
        """Take vectors out; the last one moves to where one is missing."""
        for id in ids:
            if (place := self._places.pop(id, None)) is None:
                continue
            last = self._ids.pop()
            if last != id:
                self._vectors[place], self._items[place] = self._vectors[len(self._ids)], self._items[len(self._ids)]
                self._ids[place], self._places[last] = last, place

    def drop_items(self, rows: Iterable[int]) -> None:
        """Take out all that stand for some items."""
        import numpy as np

        held = np.isin(self._items[: len(self._ids)], np.fromiter(rows, dtype=np.int64))
        self.drop([self._ids[place] for place in np.flatnonzero(held)])

    def near(self, vector: "Matrix") -> "tuple[Numbers, Matrix]":
        """Compare a vector with all: each field's item, and the cosine."""
        import numpy as np

        count = len(self._ids)
        # einsum stays on this thread; BLAS would wake others, which spin where cores are few.
        return self._items[:count], np.einsum("nd,d->n", self._vectors[:count], vector)


class Pieces:
    """The pieces that are in main memory: those asked for last, up to so many vectors."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held: OrderedDict[bytes, Piece] = OrderedDict()
        self._stale: set[bytes] = set()

    def get(self, namespace: bytes) -> Piece | None:
        return self._held.get(namespace)

    def fresh(self, namespace: bytes) -> Piece | None:
        """Give a piece if it is known to be what the table says."""
        if namespace in self._stale or namespace not in self._held:
            return None
        self._held.move_to_end(namespace)
        return self._held[namespace]

    def keep(self, namespace: bytes, piece: Piece) -> None:
        self._held[namespace] = piece
        self._stale.discard(namespace)

    def doubt(self) -> None:
        """Note that another process may have changed anything."""
        self._stale.update(self._held)

    def trim(self) -> None:
        """Let go of what was asked for longest ago, where there is too much."""
        size = sum(map(len, self._held.values()))
        while size > self._most and len(self._held) > 1:
            _, gone = self._held.popitem(last=False)
            size -= len(gone)

    def clear(self) -> None:
        self._held.clear()
        self._stale.clear()


def ranked(near: "Iterable[tuple[Numbers, Matrix]]") -> Mapping[int, float]:
    """Order items by the best of their fields, best first."""
    import numpy as np

    found = [*near]
    if not found:
        return {}
    items = np.concatenate([item for item, _ in found])
    cosines = np.concatenate([cosine for _, cosine in found])
    order = np.argsort(-cosines, kind="stable")
    best: dict[int, float] = {}
    for item, cosine in zip(items[order].tolist(), cosines[order].tolist(), strict=True):
        best.setdefault(item, cosine)
    return best
