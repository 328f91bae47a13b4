"""Which vectors a store has: taken from the table until Chroma has them, from Chroma after that, made anew if lost."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.memory.chroma.encoding import Encoder, texts_at
from interlock.memory.chroma.items import Items
from interlock.memory.chroma.pieces import Piece, Pieces
from interlock.memory.chroma.values import unpacked
from interlock.memory.files import NAME, settle, wipe
from interlock.memory.index import Index, IndexDamaged, Server
from interlock.memory.layout import usable
from interlock.runtime.clock import Clock
from interlock.runtime.errors import HomeUnusable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

Told = Callable[[int, int], None]
"""Hears how many of how many vectors are made."""
AT_ONCE = 256
"""So many vectors go to Chroma together: one at a time costs it as long as all of them."""
ALIKE = 0.99
"""Cosine of two vectors of one sentence that are one embedder's, though a service may round differently each time."""


class StoreVectors:
    """The vectors of a store. To be used by one thread at a time, with the right to write where it writes."""

    def __init__(self, folder: Path, items: Items, encoder: Encoder, *, server: Server | None, clock: Clock) -> None:
        self._folder = folder
        self._items = items
        self._encoder = encoder
        self._server = server
        self._clock = clock
        self._index: Index | None = None
        self._pieces = Pieces()
        self._stamp = items.changes()
        self._admitted = False

    @property
    def admitted(self) -> bool:
        """Whether the embedder was found to be the one that made the vectors."""
        return self._admitted

    def admit(self, probe: "Matrix") -> None:
        """Hold the embedder's vector of a known sentence to the one that is on record, or put it there.

        Raises:
            HomeUnusable: another embedder made the vectors.
        """
        import numpy as np

        recorded = self._items.meta("probe")
        if recorded is None:
            with self._items.transaction() as db:
                self._items.set_meta(db, self._about(probe))
        else:
            known = np.frombuffer(bytes.fromhex(recorded), dtype=np.float32)
            if known.shape != probe.shape or float(known @ probe) < ALIKE:
                what = f"vectors of {self._items.meta('embedder')}, not of {self._encoder.label}"
                fix = "use that embedder, or make them again with this one (ChromaStore.reindex)"
                raise HomeUnusable(what=what, where=str(self._folder), fix=fix)
        self._admitted = True

    def piece(self, namespace: bytes) -> Piece:
        """Give the vectors of a namespace, as the table says now."""
        if (stamp := self._items.changes()) != self._stamp:
            self._pieces.doubt()
            self._stamp = stamp
        if (held := self._pieces.fresh(namespace)) is None:
            held = self._pieces.get(namespace) or Piece(self._encoder.dims)
            self._update(held, namespace)
            self._pieces.keep(namespace, held)
            self._pieces.trim()
        return held

    def added(self, namespace: bytes, fields: Iterable[tuple[int, int]], vectors: Iterable[bytes]) -> None:
        """Follow the table after a write: each field's item and id."""
        if (held := self._pieces.get(namespace)) is not None:
            for (item, id), vector in zip(fields, vectors, strict=True):
                held.put(id, item, _vector(vector))

    def dropped(self, namespace: bytes, rows: Iterable[int]) -> None:
        if (held := self._pieces.get(namespace)) is not None:
            held.drop_items(rows)

    def settle(self) -> None:
        """Send to Chroma what has gathered, if it is much."""
        if self._items.waiting() >= AT_ONCE:
            # What is not sent is safe in the table, is found all the same, and is sent with a later write.
            with suppress(HomeUnusable):
                self.flush()

    def flush(self) -> None:
        """Bring Chroma to where the table is.

        Raises:
            HomeUnusable, ServerUnreachable: Chroma cannot be written. Nothing is lost.
        """
        if self._items.waiting():
            self._send(self._opened())

    def rebuild(self, told: Told) -> None:
        """Make all vectors anew with this embedder. Interrupted, it goes on when the vectors are needed next."""
        probe = self._encoder.encode([], [], probe=True).probe
        assert probe is not None  # noqa: S101  # it was asked for
        self.close()
        with self._items.transaction() as db:
            # From here on the old collection is nobody's: vectors of two embedders can at no time mix.
            old, new = self._items.meta("collection"), self._new_name()
            self._items.set_meta(db, self._about(probe) | {"collection": new, "abandoned": old or new})
            db.execute("UPDATE fields SET vector = NULL")
        self._admitted = True
        self._opened(told)

    def close(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None
        self._pieces.clear()

    def _update(self, held: Piece, namespace: bytes) -> None:
        """Bring a piece to where the table is."""
        rows = {row["id"]: row for row in self._items.fields(namespace)}
        held.drop(held.ids - rows.keys())
        missing = [id for id in rows if id not in held.ids]
        for id, vector in self._vectors({id: rows[id]["vector"] for id in missing}).items():
            held.put(id, rows[id]["item"], vector)

    def _vectors(self, waiting: dict[int, bytes | None]) -> "dict[int, Matrix]":
        """Give vectors from the table and, where they are not there, from Chroma, which may have to be mended."""
        found = {id: _vector(raw) for id, raw in waiting.items() if raw is not None}
        absent = [id for id in waiting if id not in found]
        if absent:
            found |= self._opened().read(absent)
        if lost := [id for id in absent if id not in found]:
            self._remake(lost)
            again = {row["id"]: row["vector"] for row in self._items.pending(lost)}
            found |= {id: _vector(raw) for id, raw in again.items()}
        return found

    def _opened(self, told: Told = lambda _made, _of: None) -> Index:
        if self._index is None:
            if self._server is None:
                with usable(self._folder):
                    settle(self._folder)
            try:
                self._index = self._started(told)
            except IndexDamaged:
                wipe(self._folder / NAME)
                self._index = self._started(told)
        return self._index

    def _started(self, told: Told) -> Index:
        name = self._items.named_once("collection", self._new_name())
        index = Index(self._server or self._folder / NAME, name=name, embedder=self._label())
        try:
            self._abandon(index, name)
            self._mend(index, told)
        except BaseException:
            index.close()
            raise
        return index

    def _abandon(self, index: Index, name: str) -> None:
        """Delete the collection of an embedder that is no longer used."""
        if (old := self._items.meta("abandoned")) is None:
            return
        if old != name:
            index.delete(old)
        with self._items.transaction() as db:
            db.execute("DELETE FROM meta WHERE name = 'abandoned'")

    def _mend(self, index: Index, told: Told) -> None:
        """Make good what a crash, a lost folder or a lost collection left."""
        self._send(index)
        known = self._items.field_ids()
        if index.count() != len(known):
            there = index.ids()
            index.drop(sorted(there - known))
            lost = sorted(known - there)
            for start in range(0, len(lost), AT_ONCE):
                self._remake(lost[start : start + AT_ONCE])
                self._send(index)
                told(min(start + AT_ONCE, len(lost)), len(lost))

    def _send(self, index: Index) -> None:
        """Give Chroma what it lacks, take from it what is gone, and note both."""
        more = True
        while more:
            # The table is held meanwhile, so that no other process changes what is being sent.
            with self._items.transaction(durable=False) as db:
                waiting = self._items.pending(None, AT_ONCE)
                doomed = [row["id"] for row in self._items.rows("SELECT id FROM doomed LIMIT ?", (AT_ONCE,))]
                index.put({row["id"]: _vector(row["vector"]) for row in waiting})
                index.drop(doomed)
                self._items.set_vectors(db, [(row["id"], None) for row in waiting])
                db.executemany("DELETE FROM doomed WHERE id = ?", [(id,) for id in doomed])
            more = bool(waiting or doomed)

    def _remake(self, ids: Sequence[int]) -> None:
        """Embed fields again and put their vectors into the table."""
        rows = self._items.texts(ids)
        found: dict[int, str] = {row["id"]: texts_at(unpacked(row["value"]), row["path"])[row["place"]] for row in rows}
        vectors = self._encoder.encode(list(dict.fromkeys(found.values())), [], probe=False).fields
        with self._items.transaction() as db:
            self._items.set_vectors(db, [(id, vectors[text].tobytes()) for id, text in found.items()])

    def _about(self, probe: "Matrix") -> dict[str, str]:
        return {"probe": probe.tobytes().hex(), "embedder": self._encoder.label}

    def _label(self) -> str:
        return self._items.meta("embedder") or self._encoder.label

    def _new_name(self) -> str:
        """Make a name for a collection: on a server no other store may have the same."""
        return f"store-{self._clock.new_id()}"


def _vector(raw: bytes) -> "Matrix":
    import numpy as np

    return np.frombuffer(raw, dtype=np.float32)
