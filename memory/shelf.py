"""One user's memories: truth, words and vectors, kept in step. Blocking; the store calls it from threads."""

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.memory.cloud import Near
from interlock.memory.evidence import Candidates, candidates
from interlock.memory.layout import folder_of
from interlock.memory.naming import dense, lifted, named_in, slots_of, unnamed
from interlock.memory.policies import ReadPolicy
from interlock.memory.projection import directions, packed, shrunk
from interlock.memory.ranking import Asked, Hit, aged, rank, weights
from interlock.memory.recalling import (
    CANDIDATES,
    STOPWORDS,
    Condition,
    by_words,
    fetch,
    frequencies,
    latest,
    live,
    meeting,
    permitted,
    readable,
    readable_rows,
    seen_by,
)
from interlock.memory.records import Record
from interlock.memory.rows import CONFLICTS, MADE_FROM, Tokens, remove
from interlock.memory.truth import FILE, NEWEST, Truth, held
from interlock.memory.uses import Uses
from interlock.memory.vectors import Point, Vectors
from interlock.memory.writing import Draft, place
from interlock.runtime.errors import MemoryBusy
from interlock.runtime.memories import Owner, Recall, Written
from interlock.runtime.models.embeddings import Embedder

if TYPE_CHECKING:
    from interlock.memory.cloud import Matrix

PAGE = 500
LINKED = ", ".join(
    f"(SELECT json_group_array(other) FROM links WHERE id = m.id AND kind = '{kind}') AS {name}"  # noqa: S608
    for kind, name in ((CONFLICTS, "conflicts_with"), (MADE_FROM, "made_from"))
)


class Shelf:
    """One user's part of the store."""

    def __init__(self, home: Path, owner: Owner, embedder: Callable[[], Embedder]) -> None:
        self.truth = Truth(folder_of(home, owner.tenant, owner.user), owner)
        self._embedder = embedder
        self._vectors: Vectors | None = None
        self._uses = Uses(self.truth)
        self._mutex = threading.RLock()
        self._told: Callable[[int], None] = _nobody

    @staticmethod
    def exists(home: Path, owner: Owner) -> bool:
        return (folder_of(home, owner.tenant, owner.user) / FILE).exists()

    def close(self) -> None:
        with self._mutex:
            self.rest()
            self.truth.close()

    def rest(self) -> None:
        """Close the vectors until they are needed next: only then are their files free of what lies in memory."""
        with self._mutex:
            self._uses.write()
            if self._vectors is not None:
                self._vectors.close()

    def remember(self, drafts: Sequence[Draft]) -> list[Written]:
        """Write drafts, all or none. When this returns, they are found by words and by meaning."""
        read = self.tokens_of([draft.sought for draft in drafts])
        self._uses.write()  # whether a text was recalled before decides whether it is learned
        with self._writing() as vectors:
            with self.truth.transaction() as db:
                written = [place(db, replace(d, tokens=tokens)) for d, tokens in zip(drafts, read, strict=True)]
            self._follow(vectors)
        return written

    def foresee(self, draft: Draft) -> Written:
        """Tell what `remember` would do: do it, and take it back before anyone sees it."""
        self._uses.write()
        try:
            with self.truth.transaction() as db:
                raise _TakenBack(place(db, draft))
        except _TakenBack as taken:
            return taken.written

    def recall(
        self, query: str, owner: Owner, policy: ReadPolicy, now: datetime, *, roles: Sequence[str] = ()
    ) -> Recall:
        """Answer a query from the owner's rows, and put on record that they were of use."""
        condition = readable_rows(seen_by(owner), policy, self.moment(now))
        if not latest(self.truth, condition, 1):
            return Recall()
        hits = self._hits(readable(query), condition)
        if policy.ranker is not None:
            hits = policy.ranker.ranked(query, hits)
        if policy.recency:
            hits = aged(hits, policy.recency, now)
        found = permitted(hits, policy, roles)
        self._uses.count([item.id for item in found.items], now)
        return found

    def candidates(self, query: str, owner: Owner, now: datetime) -> Candidates:
        """Tell what speaks for each memory that may answer a query."""
        return candidates(query, self._hits(readable(query), live(seen_by(owner), self.moment(now))))

    def moment(self, now: datetime) -> datetime:
        """Give the time, but none before the last that is on record."""
        return held(now, self.truth.rows(NEWEST)[0][0])

    def records(self, condition: Condition, limit: int) -> tuple[Record, ...]:
        """Fetch records, newest first; a negative limit means all."""
        self._uses.write()
        rows = self.truth.rows(
            f"SELECT m.*, {LINKED} FROM memories m WHERE {condition.sql}"  # noqa: S608
            " ORDER BY m.learned_at DESC, m.row DESC LIMIT :limit",
            condition.values | {"limit": limit},
        )
        return tuple(self.truth.record(row) for row in rows)

    @contextmanager
    def changing(self) -> Generator[None]:
        """Hold the right to write; in the end the vectors follow the table."""
        with self._writing() as vectors:
            yield
            self._follow(vectors)

    def follow(self, told: Callable[[int], None]) -> None:
        """Bring the vectors to where the table is; tells how many, page by page."""
        with self._mutex:
            self._told = told
            try:
                with self.changing():
                    pass
            finally:
                self._told = _nobody

    def vectors_of(self, ids: Sequence[str]) -> "Matrix":
        """Give the vectors of memories, a row for each."""
        with self._writing() as vectors:
            return vectors.of(ids)

    def derived_from(self, ids: Sequence[str]) -> list[str]:
        """Name memories together with all that was made from them: what was merged into others, or summed up."""
        rows = self.truth.rows(
            "WITH RECURSIVE made(id) AS (SELECT value FROM json_each(?) UNION"
            " SELECT l.id FROM links l JOIN made ON l.other = made.id WHERE l.kind = ?) SELECT id FROM made",
            (json.dumps(list(ids)), MADE_FROM),
        )
        return [row["id"] for row in rows]

    def forget(self, ids: Sequence[str]) -> None:
        """Erase rows, words and vectors, and overwrite where they lay.

        Interrupted, it goes on when the vectors are opened next.
        """
        with self._writing() as vectors:
            with self.truth.transaction() as db:
                db.executemany("INSERT OR IGNORE INTO doomed VALUES (?)", [(id,) for id in ids])
                remove(db, ids)
            self._finish_erasing(vectors)
        self.rest()

    def rebuild(self) -> None:
        """Write all vectors to new files, and scrub the table once more."""
        with self._writing() as vectors:
            vectors.rebuild()
            self.truth.scrub()
        self.rest()

    def held(self, windows: Mapping[bytes, bytes], *, but: Collection[str] = ()) -> frozenset[bytes]:
        """Find which windows belong to what is rightly here, such as another memory with the same words.

        Args:
            windows: what to look for, by digest.
            but: memories that have no right to be here any more.
        """
        with self._writing() as vectors:
            rows = self.truth.rows("SELECT m.id, m.text, t.vectors FROM memories m JOIN tokens t USING (row)")
            rows = [row for row in rows if row["id"] not in but]
            there = b"\x00".join(part for row in rows for part in (row["text"].encode(), row["vectors"]))
            found = {digest for digest, window in windows.items() if window in there}
            if len(found) < len(windows):  # to read all vectors costs most
                there = b"".join(vectors.raw([row["id"] for row in rows]))
                found |= {digest for digest, window in windows.items() if window in there}
        self.rest()
        return frozenset(found)

    def added(self) -> int:
        """Count the memories that were added since `count_anew`."""
        (newest,) = self.truth.rows("SELECT max(row) FROM memories")[0]
        return int(newest or 0) - int(self.truth.meta("counted") or 0)

    def count_anew(self) -> None:
        """Begin to count at what was added last."""
        with self.truth.transaction(durable=False) as db:
            db.execute("INSERT OR REPLACE INTO meta SELECT 'counted', coalesce(max(row), 0) FROM memories")

    def hold(self, reason: str) -> None:
        """Forbid erasing, for a reason; an empty one allows it again."""
        with self.truth.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('hold', ?)", (reason,))

    def files(self) -> list[Path]:
        """List the files that hold what is known of the user."""
        return sorted(path for path in self.truth.folder.rglob("*") if path.is_file())

    def material(self, ids: Collection[str]) -> tuple[list[str], list[bytes]]:
        """Give all that memories consist of: their texts, and their token and sentence vectors as they lie on disk."""
        with self._writing() as vectors:
            rows = self.truth.rows(
                "SELECT m.text, t.vectors FROM json_each(?) j CROSS JOIN memories m ON m.id = j.value"
                " JOIN tokens t USING (row)",
                (json.dumps(list(ids)),),
            )
            return [row["text"] for row in rows], [*(row["vectors"] for row in rows), *vectors.raw(list(ids))]

    def _hits(self, query: str, condition: Condition) -> list[Hit]:
        """Rank the best candidates by words and by meaning; those that no vector stands for come by age."""
        named = named_in(self.truth, query)
        words = by_words(self.truth, query, condition, CANDIDATES)
        near = self._near(unnamed(query, named))
        numbers = set(words) | set(slots_of(self.truth, named, condition, CANDIDATES))
        if near is not None:
            numbers |= self._nearest(near, condition)
        unseen = condition if near is None else condition.also("m.in_vectors = 0")
        numbers |= set(latest(self.truth, unseen, CANDIDATES))
        ranked = rank(self._asked(query), fetch(self.truth, condition, numbers), words=words, near=near)
        return lifted(ranked, named) if named else ranked

    def _nearest(self, near: Near, condition: Condition) -> set[int]:
        """Find the nearest rows that meet the condition."""
        asked = CANDIDATES
        found = meeting(self.truth, condition, near.best(asked))
        while len(found) < CANDIDATES and asked < len(near.rows):
            asked *= 4
            found = meeting(self.truth, condition, near.best(asked))
        return set(found[:CANDIDATES])

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

    def _near(self, query: str) -> Near | None:
        """Compare the query with all vectors; None while another process is writing them."""
        (vector,) = self._embedder().embed([query])
        try:
            with self._mutex:
                return self._index().near(vector, stamp=self.truth.changes())
        except MemoryBusy:
            return None

    def tokens_of(self, texts: Sequence[str]) -> list[Tokens]:
        """Read what is kept of texts' tokens."""
        embedder = self._embedder()
        kept = directions(embedder.name, embedder.dimensions)
        return [Tokens(pieces=t.words, vectors=packed(shrunk(t.vectors, kept))) for t in embedder.tokens(texts)]

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
        """Finish what a crash left half done, and make good what the vectors lost."""
        self._finish_erasing(vectors)
        known = {row["id"] for row in self.truth.rows("SELECT id FROM memories WHERE in_vectors = 1")}
        if vectors.count() != len(known):
            there = vectors.ids()
            vectors.erase(sorted(there - known))
            self._mark(known - there, 0)
        self._follow(vectors)

    def _follow(self, vectors: Vectors) -> None:
        """Bring the vectors to where the truth is."""
        while new := self.truth.rows("SELECT * FROM memories WHERE in_vectors = 0 LIMIT ?", (PAGE,)):
            embedded = self._embedder().embed([dense(row["text"], row["subject"], row["attribute"]) for row in new])
            vectors.put([_point(row, vector) for row, vector in zip(new, embedded, strict=True)])
            self._mark([row["id"] for row in new], 1)
            self._told(len(new))

    def _mark(self, ids: Iterable[str], there: int) -> None:
        # A mark that is lost with the machine's power is made again: the vector is only written twice.
        with self.truth.transaction(durable=False) as db:
            db.executemany("UPDATE memories SET in_vectors = ? WHERE id = ?", [(there, id) for id in ids])

    def _finish_erasing(self, vectors: Vectors) -> None:
        doomed = [row["id"] for row in self.truth.rows("SELECT id FROM doomed")]
        if doomed:
            vectors.erase(doomed)
            with self.truth.transaction() as db:
                db.execute("DELETE FROM doomed")
                db.execute("INSERT OR REPLACE INTO meta VALUES ('unscrubbed', '')")
        if self.truth.meta("unscrubbed") is not None:
            self.truth.scrub()
            with self.truth.transaction() as db:
                db.execute("DELETE FROM meta WHERE name = 'unscrubbed'")


def _nobody(_count: int) -> None:
    """Be told, and do nothing."""


def _point(row: sqlite3.Row, vector: "Matrix") -> Point:
    conversation = f"{row['agent']}\x00{row['run']}" if row["kind"] == "episode" and row["run"] else ""
    turn_of = sha256(conversation.encode()).hexdigest()[:16] if conversation else ""
    return Point(id=row["id"], row=row["row"], turn_of=turn_of, vector=vector)


class _TakenBack(Exception):
    """Ends a transaction that was only to be looked at."""

    def __init__(self, written: Written) -> None:
        self.written = written
