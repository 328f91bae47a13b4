"""Where a user's vectors lie: in a folder beside their table, or on a Chroma server. One interface for both."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from interlock.memory.collection import overwrite
from interlock.memory.files import NAME, NEW, OLD, blank_unused, settle, wipe
from interlock.memory.index import Index, Server, delete_collection
from interlock.memory.truth import Truth

COLLECTION = "collection"
"""Name of the table's note of which collection on a server is this user's."""


class Place(Protocol):
    """Where the vectors lie."""

    @property
    def url(self) -> str:
        """The server's address; empty for the folder."""
        ...

    @property
    def shared(self) -> bool:
        """Whether several processes may have it open."""
        ...

    def exists(self) -> bool:
        """Tell whether vectors were ever put there."""
        ...

    def open(self, embedder: str) -> Index: ...

    def fits(self, index: Index) -> bool:
        """Tell whether an index that was opened earlier is still the one to use."""
        ...

    def erase(self, index: Index, embedder: str, rows: Sequence[int]) -> Index:
        """Delete vectors and leave as little of them as the place allows; gives the index, perhaps opened anew."""
        ...

    def rebuild(self, index: Index, embedder: str) -> Index:
        """Write what is kept to new files, where there are files of ours."""
        ...

    def closed(self) -> None:
        """Clear up after the index was closed."""
        ...

    def discard(self) -> None:
        """Delete all vectors. The index must be closed."""
        ...


@dataclass(frozen=True, kw_only=True)
class InFolder:
    """Chroma embedded. What is erased there is gone from the files once they are closed."""

    folder: Path
    url: str = ""
    shared: bool = False

    def exists(self) -> bool:
        return any((self.folder / name).exists() for name in (NAME, OLD))

    def open(self, embedder: str) -> Index:
        settle(self.folder)
        return Index(self.folder / NAME, embedder=embedder)

    def fits(self, index: Index) -> bool:  # the lock keeps it so
        return True

    def erase(self, index: Index, embedder: str, rows: Sequence[int]) -> Index:
        if 2 * len(rows) > index.count():
            return self._moved(index, embedder, frozenset(rows))
        index.close()
        overwrite(self.folder / NAME, embedder, [str(row) for row in rows])
        return Index(self.folder / NAME, embedder=embedder)

    def rebuild(self, index: Index, embedder: str) -> Index:
        return self._moved(index, embedder, ())

    def closed(self) -> None:
        blank_unused(self.folder / NAME)

    def discard(self) -> None:
        wipe(self.folder / OLD)
        wipe(self.folder / NAME)

    def _moved(self, index: Index, embedder: str, without: Collection[int]) -> Index:
        """Move what is kept into new files and overwrite the old ones."""
        kept = {row: vector for row, vector in index.read_all().items() if row not in without}
        index.close()
        wipe(self.folder / NEW)
        made = Index(self.folder / NEW, embedder=embedder)
        made.put(kept)
        made.close()
        (self.folder / NAME).rename(self.folder / OLD)
        return self.open(embedder)


@dataclass(frozen=True, kw_only=True)
class OnServer:
    """A collection on a server, whose name was drawn by lot and tells nothing. Its files are out of our reach."""

    server: Server
    truth: Truth
    shared: bool = True

    @property
    def url(self) -> str:
        return self.server.url

    def exists(self) -> bool:
        return self.truth.meta(COLLECTION) is not None

    def open(self, embedder: str) -> Index:
        return Index(self.server, name=self._name(), embedder=embedder)

    def fits(self, index: Index) -> bool:
        return index.name == self.truth.meta(COLLECTION)

    def erase(self, index: Index, embedder: str, rows: Sequence[int]) -> Index:
        index.overwrite(rows)
        return index

    def rebuild(self, index: Index, embedder: str) -> Index:
        return index

    def closed(self) -> None: ...

    def discard(self) -> None:
        if (name := self.truth.meta(COLLECTION)) is None:
            return
        delete_collection(self.server, name)
        with self.truth.transaction() as db:
            db.execute("DELETE FROM meta WHERE name = ?", (COLLECTION,))

    def _name(self) -> str:
        return self.truth.named_once(COLLECTION, f"memory-{secrets.token_hex(16)}")
