"""One tenant's memories: truth, words and vectors, kept in step. Blocking; the store calls it from threads."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from interlock.memory.layout import tenant_folder
from interlock.memory.policies import ReadPolicy, WritePolicy
from interlock.memory.recalling import (
    CANDIDATES,
    Condition,
    Hit,
    as_known,
    by_words,
    fetch,
    live,
    permitted,
    readable,
    seen_by,
)
from interlock.memory.records import Record
from interlock.memory.truth import FILE, Truth, as_text, owner_word, remove
from interlock.memory.vectors import Point, Vectors
from interlock.memory.writing import Verdict, place
from interlock.runtime.errors import HomeUnusable, MemoryBusy
from interlock.runtime.memories import Note, Owner, Recall, Written
from interlock.runtime.models.embeddings import Embedder


class Shelf:
    """One tenant's part of the store."""

    def __init__(self, home: Path, tenant: str, embedder: Callable[[], Embedder]) -> None:
        self.truth = Truth(tenant_folder(home, tenant), tenant)
        self._embedder = embedder
        self._vectors: Vectors | None = None
        self._mutex = threading.RLock()

    @staticmethod
    def exists(home: Path, tenant: str) -> bool:
        return (tenant_folder(home, tenant) / FILE).exists()

    def close(self) -> None:
        with self._mutex:
            if self._vectors is not None:
                self._vectors.close()
            self.truth.close()

    def remember(
        self, note: Note, verdict: Verdict, *, id: str, owner: Owner, policy: WritePolicy, now: datetime
    ) -> Written:
        """Write a note that was judged fit. When this returns, it is found by words and by meaning."""
        (vector,) = self._embedder().embed([verdict.text])
        with self._writing() as vectors:
            with self.truth.transaction() as db:
                written = place(db, note, verdict, id=id, owner=owner, policy=policy, now=now)
            if written.id == id:
                point = Point(id=id, user=owner_word(owner.user), vector=vector)
                self._follow(vectors, [point] if written.code != "kept-as-past" else [], written.replaced)
        return written

    def recall(self, query: str, owner: Owner, policy: ReadPolicy, now: datetime) -> Recall:
        """Answer a query from the owner's rows, and put on record that they were of use."""
        seen = seen_by(owner)
        condition = live(seen, now) if policy.as_of is None else as_known(seen, policy.as_of)
        if not self.records(condition, 1):
            return Recall()
        query = readable(query)
        words = by_words(self.truth, query, condition, CANDIDATES)
        meaning = self._by_meaning(query, owner)
        found = permitted(self._hits(condition, words, meaning), policy)
        self._touch([item.id for item in found.items], now)
        return found

    def foresee(self, note: Note, verdict: Verdict, *, owner: Owner, policy: WritePolicy, now: datetime) -> Written:
        """Tell what `remember` would do: do it, and take it back before anyone sees it."""
        try:
            with self.truth.transaction() as db:
                raise _TakenBack(place(db, note, verdict, id="", owner=owner, policy=policy, now=now))
        except _TakenBack as taken:
            return taken.written

    def records(self, condition: Condition, limit: int) -> tuple[Record, ...]:
        """Fetch records, newest first; a negative limit means all."""
        rows = self.truth.rows(
            f"SELECT m.* FROM memories m WHERE {condition.sql} ORDER BY m.learned_at DESC, m.row DESC LIMIT :limit",  # noqa: S608
            condition.values | {"limit": limit},
        )
        return tuple(self.truth.record(row) for row in rows)

    def forget(self, ids: Sequence[str]) -> None:
        """Erase rows, words and vectors. Interrupted, it goes on when the vectors are opened next."""
        with self._writing() as vectors:
            with self.truth.transaction() as db:
                db.executemany("INSERT OR IGNORE INTO doomed VALUES (?)", [(id,) for id in ids])
                remove(db, ids)
            self._finish_erasing(vectors)

    def _hits(self, condition: Condition, words: dict[int, float], meaning: dict[str, float] | None) -> list[Hit]:
        """Fetch the union of both candidates' lists with the evidence for each."""
        best = sorted(meaning or {}, key=lambda id: -(meaning or {})[id])[:CANDIDATES]
        rows = fetch(self.truth, condition, numbers=sorted(words), ids=best)
        return [
            Hit(
                row=row,
                words=words.get(row["row"], 0.0),
                meaning=None if meaning is None else meaning.get(row["id"]),
            )
            for row in rows
        ]

    def _by_meaning(self, query: str, owner: Owner) -> dict[str, float] | None:
        """Compare the query with all the owner's vectors; None while another process is writing them."""
        (vector,) = self._embedder().embed([query])
        try:
            with self._mutex:
                return self._index().likeness(owner_word(owner.user), vector, stamp=self.truth.changes())
        except MemoryBusy:
            return None

    def _touch(self, ids: Sequence[str], now: datetime) -> None:
        """Count a use. A home that cannot be written can still be read."""
        with suppress(HomeUnusable), self.truth.transaction() as db:
            values = [(as_text(now), id) for id in ids]
            db.executemany("UPDATE memories SET uses = uses + 1, last_used = ? WHERE id = ?", values)

    def _index(self) -> Vectors:
        if self._vectors is None:
            self._vectors = Vectors(self.truth.folder, self._embedder().name, on_open=self._mend)
        return self._vectors

    @contextmanager
    def _writing(self) -> Generator[Vectors]:
        """Hold the right to write to this tenant's memory."""
        with self._mutex, self._index().opened() as vectors:
            yield vectors

    def _follow(self, vectors: Vectors, added: Sequence[Point], closed: Sequence[str]) -> None:
        """Bring the vectors to where the truth is."""
        vectors.put(added)
        vectors.delete(closed)
        with self.truth.transaction() as db:
            db.executemany("UPDATE memories SET in_vectors = 1 WHERE id = ?", [(point.id,) for point in added])
            db.executemany("UPDATE memories SET in_vectors = 0 WHERE id = ?", [(id,) for id in closed])

    def _mend(self, vectors: Vectors) -> None:
        """Finish what a crash left half done between truth and vectors."""
        self._finish_erasing(vectors)
        missing = self.truth.rows("SELECT id, user, text FROM memories WHERE in_vectors = 0 AND closed_at IS NULL")
        closed = self.truth.rows("SELECT id FROM memories WHERE in_vectors = 1 AND closed_at IS NOT NULL")
        if not missing and not closed:
            return
        rows = self._embedder().embed([row["text"] for row in missing])
        points = [
            Point(id=row["id"], user=owner_word(row["user"]), vector=vector)
            for row, vector in zip(missing, rows, strict=True)
        ]
        self._follow(vectors, points, [row["id"] for row in closed])

    def _finish_erasing(self, vectors: Vectors) -> None:
        doomed = [row["id"] for row in self.truth.rows("SELECT id FROM doomed")]
        if doomed:
            vectors.delete(doomed)
            with self.truth.transaction() as db:
                db.execute("DELETE FROM doomed")


class _TakenBack(Exception):  # no error
    """Ends a transaction that was only to be looked at."""

    def __init__(self, written: Written) -> None:
        self.written = written
