"""One user's memories: truth, words and vectors, kept in step. Blocking; the store calls it from threads."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.memory.cloud import Near
from interlock.memory.evidence import Candidates, candidates
from interlock.memory.index import Server
from interlock.memory.layout import folder_of
from interlock.memory.naming import dense, lifted, named_in, slots_of, unnamed
from interlock.memory.places import InFolder, OnServer, Place
from interlock.memory.policies import ReadPolicy
from interlock.memory.projection import directions, packed, shrunk
from interlock.memory.ranking import Asked, Hit, aged, rank, weights
from interlock.memory.recalling import (
    AROUND,
    CANDIDATES,
    RANKED,
    WIDER,
    Condition,
    beside,
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
from interlock.memory.rows import CONFLICTS, MADE_FROM, Said, Tokens, remove, with_slot
from interlock.memory.stopwords import STOPWORDS
from interlock.memory.truth import FILE, NEWEST, Truth, held
from interlock.memory.uses import Uses
from interlock.memory.vectors import Vectors
from interlock.memory.writing import Draft, place
from interlock.runtime.errors import VectorsRefused
from interlock.runtime.memories import Owner, Recall, Written
from interlock.runtime.models.embeddings import Embedder

if TYPE_CHECKING:
    from interlock.memory.cloud import Matrix

PAGE = 200
"""So many texts are read one after the other: an embedder keeps as many, and reads none twice."""
LINKED = ", ".join(
    f"(SELECT json_group_array(other) FROM links WHERE id = m.id AND kind = '{kind}') AS {name}"  # noqa: S608
    for kind, name in ((CONFLICTS, "conflicts_with"), (MADE_FROM, "made_from"))
)


class Shelf:
    """One user's part of the store."""

    def __init__(self, home: Path, owner: Owner, embedder: Callable[[], Embedder], server: Server | None) -> None:
        self.truth = Truth(folder_of(home, owner.tenant, owner.user), owner)
        self._embedder = embedder
        place = InFolder(folder=self.truth.folder) if server is None else OnServer(server=server, truth=self.truth)
        self.place: Place = place
        self.vectors = Vectors(self.truth, embedder, place)
        self._uses = Uses(self.truth)

    @staticmethod
    def exists(home: Path, owner: Owner) -> bool:
        return (folder_of(home, owner.tenant, owner.user) / FILE).exists()

    @property
    def embedder(self) -> str:
        """The name of what makes the vectors."""
        return self._embedder().name

    def close(self, *, sent: bool = False) -> None:
        """Let go of files and lock. With `sent` Chroma first gets what waits for it, if it can."""
        self._uses.write()
        self.vectors.close(sent=sent)
        self.truth.close()

    def rest(self) -> None:
        """Close the vectors until they are needed next: only then are their files free of what lies in memory."""
        self._uses.write()
        self.vectors.close()

    def remember(self, drafts: Sequence[Draft]) -> list[Written]:
        """Write drafts, all or none. When this returns, they are found by words and by meaning."""
        read = self.read([draft.said for draft in drafts])
        self._uses.write()  # whether a text was recalled before decides whether it is learned
        with self.vectors.writing(), self.truth.transaction() as db:
            written = [place(db, replace(d, tokens=tokens)) for d, tokens in zip(drafts, read, strict=True)]
        self.vectors.settle()
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
        asked = self._asked(readable(query))
        hits = self._hits(asked, condition, learned=policy.ranker is not None)
        if policy.ranker is not None:
            hits = policy.ranker.ranked(asked, [*hits])
        if policy.recency:
            hits = aged(hits, policy.recency, now)
        found = permitted(hits, policy, roles)
        self._uses.count([item.id for item in found.items], now)
        return found

    def candidates(self, query: str, owner: Owner, now: datetime) -> Candidates:
        """Tell what speaks for each memory that may answer a query."""
        asked = self._asked(readable(query))
        return candidates(asked, [*self._hits(asked, live(seen_by(owner), self.moment(now)), learned=True)])

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

    def vectors_of(self, ids: Sequence[str]) -> "Matrix":
        """Give the vectors of memories, a row for each."""
        rows = self._rows(ids)
        return self.vectors.of([rows[id] for id in ids])

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
        with self.vectors.erasing(), self.truth.transaction() as db:
            sql = "INSERT OR IGNORE INTO doomed SELECT row FROM memories WHERE id = ?"
            db.executemany(sql, [(id,) for id in ids])
            remove(db, ids)
        self.rest()

    def rebuild(self) -> None:
        """Write all vectors to new files, and scrub the table once more."""
        self.vectors.rebuild()
        self.truth.scrub()
        self.rest()

    def held(self, windows: Mapping[bytes, bytes], *, but: Collection[str] = ()) -> frozenset[bytes]:
        """Find which windows belong to what is rightly here, such as another memory with the same words.

        Args:
            windows: what to look for, by digest.
            but: memories that have no right to be here any more.
        """
        rows = self.truth.rows("SELECT m.row, m.id, m.text, t.vectors FROM memories m JOIN tokens t USING (row)")
        rows = [row for row in rows if row["id"] not in but]
        there = b"\x00".join(part for row in rows for part in (row["text"].encode(), row["vectors"]))
        found = {digest for digest, window in windows.items() if window in there}
        if len(found) < len(windows):  # to read all vectors costs most
            there = b"".join(self.vectors.raw([row["row"] for row in rows]))
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
        rows = self.truth.rows(
            "SELECT m.row, m.text, t.vectors FROM json_each(?) j CROSS JOIN memories m ON m.id = j.value"
            " JOIN tokens t USING (row)",
            (json.dumps(list(ids)),),
        )
        vectors = self.vectors.raw([row["row"] for row in rows])
        return [row["text"] for row in rows], [*(row["vectors"] for row in rows), *vectors]

    def _hits(self, asked: Asked, condition: Condition, *, learned: bool) -> Iterable[Hit]:
        """Rank the best candidates by words and by meaning; where vectors cannot be asked, the newest are looked at.

        Args:
            learned: a ranker orders them anew: it looks at more of them, and at the turns around them.
        """
        query, most = asked.text, RANKED if learned else CANDIDATES
        named = named_in(self.truth, query)
        words = by_words(self.truth, query, condition, most)
        near = self._near(unnamed(query, named))
        numbers = set(words) | set(slots_of(self.truth, named, condition, most))
        if near is None:
            numbers |= set(latest(self.truth, condition, most))
        else:
            numbers |= self._nearest(near, condition, most, numbers)
        if learned:
            numbers |= beside(self.truth, numbers, AROUND)
        ranked = rank(asked, fetch(self.truth, condition, numbers), words=words, near=near)
        return lifted(ranked, named) if named else ranked

    def _nearest(self, near: Near, condition: Condition, most: int, known: Collection[int]) -> set[int]:
        """Find the nearest rows that meet the condition, as those do that are known."""
        asked = most
        while True:
            best = near.best(asked)
            met = meeting(self.truth, condition, [number for number in best if number not in known])
            found = [number for number in best if number in known or number in met]
            if len(found) >= most or asked >= len(near.rows):
                return set(found[:most])
            asked *= WIDER

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
        """Compare the query with all vectors; None while they cannot be asked."""
        embedder = self._embedder()
        return self.vectors.near(_sound(embedder, embedder.embed([query]), 1)[0])

    def read(self, said: Sequence[Said]) -> list[Tokens]:
        """Let the embedder read texts."""
        return [tokens for start in range(0, len(said), PAGE) for tokens in self._read(said[start : start + PAGE])]

    def _read(self, said: Sequence[Said]) -> list[Tokens]:
        embedder = self._embedder()
        kept = directions(embedder.name, embedder.dimensions)
        found = embedder.tokens([with_slot(*one) for one in said])
        vectors = _sound(embedder, embedder.embed([dense(*one) for one in said]), len(said))
        return [
            Tokens(pieces=t.words, vectors=packed(shrunk(t.vectors, kept)), sentence=vector.astype("<f4").tobytes())
            for t, vector in zip(found, vectors, strict=True)
        ]

    def _rows(self, ids: Sequence[str]) -> dict[str, int]:
        sql = "SELECT m.id, m.row FROM json_each(?) j CROSS JOIN memories m ON m.id = j.value"
        return {row["id"]: row["row"] for row in self.truth.rows(sql, (json.dumps(list(ids)),))}


def _sound(embedder: Embedder, vectors: "Matrix", count: int) -> "Matrix":
    """Refuse vectors by which nothing could be found.

    Raises:
        VectorsRefused: they are too few, of another size, or not of numbers.
    """
    import numpy as np

    if vectors.shape == (count, embedder.dimensions) and np.isfinite(vectors).all():
        return vectors
    what = f"the embedder gave vectors of shape {vectors.shape}, or with NaN or infinity"
    fix = f"mend the embedder: it says that it gives {embedder.dimensions} finite numbers a text; nothing was written"
    raise VectorsRefused(what=what, where=embedder.name, fix=fix)


class _TakenBack(Exception):
    """Ends a transaction that was only to be looked at."""

    def __init__(self, written: Written) -> None:
        self.written = written
