"""One user's memories: truth, words and vectors, kept in step. Blocking; the store calls it from threads."""

import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.memory.layout import folder_of
from interlock.memory.policies import ReadPolicy
from interlock.memory.projection import directions, packed, shrunk
from interlock.memory.ranking import Asked, Hit, rank, weights
from interlock.memory.recalling import (
    CANDIDATES,
    STOPWORDS,
    Condition,
    as_known,
    by_words,
    fetch,
    frequencies,
    latest,
    live,
    permitted,
    readable,
    seen_by,
)
from interlock.memory.records import Record
from interlock.memory.rows import Tokens, remove
from interlock.memory.truth import FILE, Truth, as_text
from interlock.memory.vectors import Point, Vectors
from interlock.memory.writing import Draft, place
from interlock.runtime.errors import HomeUnusable, MemoryBusy
from interlock.runtime.memories import Owner, Recall, Written
from interlock.runtime.models.embeddings import Embedder

if TYPE_CHECKING:
    from interlock.memory.cloud import Matrix


class Shelf:
    """One user's part of the store."""

    def __init__(self, home: Path, owner: Owner, embedder: Callable[[], Embedder]) -> None:
        self.truth = Truth(folder_of(home, owner.tenant, owner.user), owner)
        self._embedder = embedder
        self._vectors: Vectors | None = None
        self._mutex = threading.RLock()

    @staticmethod
    def exists(home: Path, owner: Owner) -> bool:
        return (folder_of(home, owner.tenant, owner.user) / FILE).exists()

    def close(self) -> None:
        with self._mutex:
            if self._vectors is not None:
                self._vectors.close()
            self.truth.close()

    def remember(self, drafts: Sequence[Draft]) -> list[Written]:
        """Write drafts, all or none. When this returns, they are found by words and by meaning."""
        read = self._tokens([draft.verdict.text for draft in drafts])
        with self._writing() as vectors:
            with self.truth.transaction() as db:
                written = [place(db, replace(d, tokens=tokens)) for d, tokens in zip(drafts, read, strict=True)]
            self._follow(vectors, [id for one in written for id in one.replaced])
        return written

    def foresee(self, draft: Draft) -> Written:
        """Tell what `remember` would do: do it, and take it back before anyone sees it."""
        try:
            with self.truth.transaction() as db:
                raise _TakenBack(place(db, draft))
        except _TakenBack as taken:
            return taken.written

    def recall(self, query: str, owner: Owner, policy: ReadPolicy, now: datetime) -> Recall:
        """Answer a query from the owner's rows, and put on record that they were of use."""
        seen = seen_by(owner)
        condition = live(seen, now) if policy.as_of is None else as_known(seen, policy.as_of)
        if not self.records(condition, 1):
            return Recall()
        found = permitted(self._hits(readable(query), condition), policy)
        self._touch([item.id for item in found.items], now)
        return found

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

    def _hits(self, query: str, condition: Condition) -> list[Hit]:
        """Rank the best candidates by words and by meaning; those that no vector stands for come by age."""
        words = by_words(self.truth, query, condition, CANDIDATES)
        near = self._near(query)
        numbers = set(words)
        if near is not None:
            numbers |= set(sorted(near, key=lambda row: -near[row])[:CANDIDATES])
        unseen = condition if near is None else condition.also("m.in_vectors = 0")
        numbers |= set(latest(self.truth, unseen, CANDIDATES))
        return rank(self._asked(query), fetch(self.truth, condition, numbers), words=words, near=near)

    def _asked(self, query: str) -> Asked:
        embedder = self._embedder()
        (found,) = embedder.tokens([query])
        rows, rows_with = frequencies(self.truth, set(found.words))
        return Asked(
            text=query,
            words=found.words,
            vectors=shrunk(found.vectors, directions(embedder.name, embedder.dimensions)),
            weights=weights(found.words, rows, rows_with, STOPWORDS),
        )

    def _near(self, query: str) -> dict[int, float] | None:
        """Compare the query with all vectors; None while another process is writing them."""
        (vector,) = self._embedder().embed([query])
        try:
            with self._mutex:
                return self._index().near(vector, stamp=self.truth.changes())
        except MemoryBusy:
            return None

    def _tokens(self, texts: Sequence[str]) -> list[Tokens]:
        embedder = self._embedder()
        kept = directions(embedder.name, embedder.dimensions)
        return [Tokens(pieces=t.words, vectors=packed(shrunk(t.vectors, kept))) for t in embedder.tokens(texts)]

    def _touch(self, ids: Sequence[str], now: datetime) -> None:
        """Count a use. A home that cannot be written can still be read."""
        with suppress(HomeUnusable), self.truth.transaction(durable=False) as db:
            values = [(as_text(now), id) for id in ids]
            db.executemany("UPDATE memories SET uses = uses + 1, last_used = ? WHERE id = ?", values)

    def _index(self) -> Vectors:
        if self._vectors is None:
            self._vectors = Vectors(self.truth.folder, self._embedder().name, on_open=self._mend)
        return self._vectors

    @contextmanager
    def _writing(self) -> Generator[Vectors]:
        """Hold the right to write to this user's memory."""
        with self._mutex, self._index().opened() as vectors:
            yield vectors

    def _mend(self, vectors: Vectors) -> None:
        """Finish what a crash left half done between truth and vectors."""
        self._finish_erasing(vectors)
        closed = self.truth.rows("SELECT id FROM memories WHERE in_vectors = 1 AND closed_at IS NOT NULL")
        self._follow(vectors, [row["id"] for row in closed])

    def _follow(self, vectors: Vectors, closed: Sequence[str]) -> None:
        """Bring the vectors to where the truth is: those of new rows in, those of closed rows out."""
        new = self.truth.rows("SELECT * FROM memories WHERE in_vectors = 0 AND closed_at IS NULL")
        if not new and not closed:
            return
        embedded = self._embedder().embed([row["text"] for row in new])
        vectors.put([_point(row, vector) for row, vector in zip(new, embedded, strict=True)])
        vectors.delete(closed)
        with self.truth.transaction() as db:
            db.executemany("UPDATE memories SET in_vectors = 1 WHERE id = ?", [(row["id"],) for row in new])
            db.executemany("UPDATE memories SET in_vectors = 0 WHERE id = ?", [(id,) for id in closed])

    def _finish_erasing(self, vectors: Vectors) -> None:
        doomed = [row["id"] for row in self.truth.rows("SELECT id FROM doomed")]
        if doomed:
            vectors.delete(doomed)
            with self.truth.transaction() as db:
                db.execute("DELETE FROM doomed")


def _point(row: sqlite3.Row, vector: "Matrix") -> Point:
    conversation = f"{row['agent']}\x00{row['run']}" if row["kind"] == "episode" and row["run"] else ""
    turn_of = sha256(conversation.encode()).hexdigest()[:16] if conversation else ""
    return Point(id=row["id"], row=row["row"], turn_of=turn_of, vector=vector)


class _TakenBack(Exception):
    """Ends a transaction that was only to be looked at."""

    def __init__(self, written: Written) -> None:
        self.written = written
