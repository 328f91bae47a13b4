"""Search the rows of a database on a server for what was erased: its files, log and backups are out of reach."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from interlock.memory.fingerprints import Fingerprints
from interlock.runtime.storage.database import Database
from interlock.serving.forgetting.searching import Gone, Held


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What a search of rows needs: where they are, and which of them were erased."""

    database: Database
    gone: Gone

    def living(self) -> bytes:
        """Give what stands in rows by right."""
        return b"\x00".join(self._values(erased=False))

    def lying(self, prints: Fingerprints, held: Held) -> dict[str, int]:
        """Count what was erased and still stands in rows that have no right to be there."""
        hits = prints.found_in(b"\x00".join(self._values(erased=True)))
        if not hits:
            return {}
        there = self.living()
        rightful = {digest for digest, window in hits.items() if window in there} | held(hits)
        left = hits.keys() - rightful
        return {self.database.where: len(left)} if left else {}

    def _values(self, *, erased: bool) -> Iterator[bytes]:
        for table, row in self.database.rows():
            if self.gone(table, row) is erased:
                yield from (_bytes(value) for value in row.values())


def _bytes(value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            return value.encode("utf-8", "surrogatepass")
        case _:
            return json.dumps(value, ensure_ascii=False, default=str).encode()
