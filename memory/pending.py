"""What stands in the table about the vectors: which wait for Chroma, which it has, and which it must lose."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

from interlock.memory.truth import Truth

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]


class Pending:
    """One user's."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def count(self) -> int:
        """Count the vectors that wait."""
        return int(self._truth.rows("SELECT count(*) FROM waiting")[0][0])

    def waiting(self, rows: Iterable[int]) -> "dict[int, Matrix]":
        """Give those vectors of rows that wait."""
        import numpy as np

        sql = "SELECT w.row, w.vector FROM json_each(?) j CROSS JOIN waiting w ON w.row = j.value"
        found = self._truth.rows(sql, (json.dumps(list(rows)),))
        return {row["row"]: np.frombuffer(row["vector"], dtype="<f4") for row in found}

    def places(self, *, after: int = 0) -> dict[int, int]:
        """Tell of rows after one which conversation each is a turn of; a negative number stands for none."""
        rows = self._truth.rows("SELECT row, agent, kind, run FROM memories WHERE row > ?", (after,))
        return {row["row"]: _turn(row) for row in rows}

    def unsent(self, most: int) -> list[sqlite3.Row]:
        """List rows whose vectors Chroma lacks."""
        return self._truth.rows(
            "SELECT row, text, subject, attribute FROM memories WHERE in_vectors = 0 LIMIT ?", (most,)
        )

    def sent(self) -> set[int]:
        return {row["row"] for row in self._truth.rows("SELECT row FROM memories WHERE in_vectors = 1")}

    def mark_sent(self, rows: Iterable[int]) -> None:
        # A mark that is lost with the machine's power is made again: the vector is only written twice.
        numbers = [(row,) for row in rows]
        with self._truth.transaction(durable=False) as db:
            db.executemany("UPDATE memories SET in_vectors = 1 WHERE row = ?", numbers)
            db.executemany("DELETE FROM waiting WHERE row = ?", numbers)

    def mark_lost(self, rows: Iterable[int]) -> None:
        with self._truth.transaction(durable=False) as db:
            db.executemany("UPDATE memories SET in_vectors = 0 WHERE row = ?", [(row,) for row in rows])

    def give_back(self, vectors: "Mapping[int, Matrix]", meta: dict[str, str]) -> None:
        """Let vectors wait that Chroma had, and all others be made anew; with it goes a note on where they belong."""
        import numpy as np

        with self._truth.transaction() as db:
            db.execute("UPDATE memories SET in_vectors = 0")
            db.executemany(
                "INSERT OR IGNORE INTO waiting SELECT row, ? FROM memories WHERE row = ?",
                [(np.asarray(vector, dtype="<f4").tobytes(), row) for row, vector in vectors.items()],
            )
            self._truth.set_meta(db, meta)

    def doomed(self) -> list[int]:
        """List rows that are gone from the table, and whose vectors must go."""
        return [row["row"] for row in self._truth.rows("SELECT row FROM doomed")]

    def erased(self) -> None:
        """Note that they went; what is left of them in the table's own file is next."""
        with self._truth.transaction() as db:
            db.execute("DELETE FROM doomed")
            self._truth.set_meta(db, {"unscrubbed": ""})

    def scrub(self) -> None:
        """Scrub the table's file, if that is due."""
        if self._truth.meta("unscrubbed") is not None:
            self._truth.scrub()
            with self._truth.transaction() as db:
                db.execute("DELETE FROM meta WHERE name = 'unscrubbed'")


def _turn(row: sqlite3.Row) -> int:
    if row["kind"] != "episode" or not row["run"]:
        return -int(row["row"])
    digest = blake2b(f"{row['agent']}\x00{row['run']}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
